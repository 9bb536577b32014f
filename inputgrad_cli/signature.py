"""What a model takes and gives, in the one normal form: names to arrays, batch axis first."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.arrays import printable_shape
from inputgrad_cli.errors import UsageError

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Port:
    """One input: its shape without the batch axis (None where the model does not say)."""

    name: str
    shape: Shape | None
    dtype: str = "float32"

    @property
    def is_picture(self) -> bool:
        """Return whether the shape is that of a grey or colour picture (H, W, C)."""
        return self.shape is not None and len(self.shape) == 3 and self.shape[2] in (1, 3)

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Return whether one sample of `shape` fits."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            want is None or want == got for want, got in zip(self.shape, shape, strict=True)
        )

    def __str__(self) -> str:
        shape = "of unknown shape" if self.shape is None else printable_shape(self.shape)
        return f"{self.name} {shape} {self.dtype}"


@dataclass(frozen=True)
class Head:
    """One output: its shape without the batch axis, and the activation that ends it.

    `activation` is "softmax", "sigmoid", "log_softmax" or None; `proved` says that a forward pass
    showed activation(logits) to equal the output, so that the logits may be used. `axis` is the
    class axis, counted without the batch axis.
    """

    name: str
    shape: Shape | None
    activation: str | None = None
    proved: bool = False
    axis: int = -1
    note: str = ""

    @property
    def is_binary(self) -> bool:
        """Return whether this is one sigmoid unit, with two classes on one number."""
        return self.activation == "sigmoid" and self.units == 1

    @property
    def units(self) -> int | None:
        """Return the number of numbers a sample gives, None where it varies."""
        product = 1
        for dim in self.shape if self.shape is not None else (None,):
            if dim is None:
                return None
            product *= dim
        return product

    @property
    def classes(self) -> int | None:
        """Return the length of the class axis if no other axis is longer than one, else None."""
        if not self.shape:
            return self.units
        axis = self.axis % len(self.shape)
        others = [d for i, d in enumerate(self.shape) if i != axis]
        return self.shape[axis] if all(d == 1 for d in others) else None

    def class_index(self, number: int) -> tuple[int, ...]:
        """Return the index tuple of class `number`."""
        shape = self.shape or ()
        axis = self.axis % len(shape) if shape else 0
        return tuple(number if i == axis else 0 for i in range(len(shape)))


@dataclass(frozen=True)
class Signature:
    """All inputs and outputs of a model."""

    inputs: tuple[Port, ...]
    outputs: tuple[Head, ...]

    def port(self, name: str) -> Port:
        """Return the input called `name`; UsageError lists those there are."""
        for port in self.inputs:
            if port.name == name:
                return port
        names = ", ".join(port.name for port in self.inputs)
        raise UsageError(f"the model has no input {name!r}", mend=f"its inputs are: {names}")

    def head(self, name: str) -> Head:
        """Return the output called `name`; UsageError lists those there are."""
        for head in self.outputs:
            if head.name == name:
                return head
        names = ", ".join(head.name for head in self.outputs)
        raise UsageError(f"the model has no output {name!r}", mend=f"its outputs are: {names}")
