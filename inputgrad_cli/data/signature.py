"""What a model takes and gives, in the one normal form: names to arrays, batch axis first."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.arrays import aligned, printable_shape

Shape = tuple[int | None, ...]
SHORTEST_SIDE = 8  # pixels of the smallest pictures that courses begin with


@dataclass(frozen=True)
class Port:
    """One input: its shape without the batch axis (None where the model does not say)."""

    name: str
    shape: Shape | None
    dtype: str = "float32"

    @property
    def kind(self) -> str:
        """Return what its values are: `float`, `integer`, `bool` or `text`."""
        if self.dtype.startswith(("int", "uint")):
            return "integer"
        return {"bool": "bool", "string": "text"}.get(self.dtype, "float")

    @property
    def picture(self) -> Shape | None:
        """Return (H, W, C) of the pictures that fit, in this order; None where none do."""
        if self.shape is None or self.kind in ("bool", "text"):
            return None
        if len(self.shape) == 2:
            return *self.shape, 1
        if len(self.shape) != 3:
            return None
        first, middle, last = self.shape
        if self.channels_first:
            return middle, last, first
        return self.shape if last in (1, 3, 4) else None

    @property
    def channels_first(self) -> bool:
        """Return whether pictures go in as (C, H, W); a shape that fits both ways is (H, W, C)."""
        if self.shape is None or len(self.shape) != 3 or self.shape[2] in (1, 3):
            return False
        return self.shape[0] in (1, 3)

    @property
    def is_picture(self) -> bool:
        """Return whether the shape is that of a grey or colour picture, whatever its order.

        Two axes are those of a picture where they are alike and not short: a series has as many.
        """
        if self.picture is None or self.picture[2] not in (1, 3):
            return False
        height, width, _ = self.picture
        return not self.is_flat or (height == width and (height or 0) >= SHORTEST_SIDE)

    @property
    def film(self) -> Shape | None:
        """Return (D, H, W, C) of the volumes and videos that fit; None where none do."""
        if self.shape is None or self.kind in ("bool", "text"):
            return None
        if len(self.shape) == 4:
            return self.shape if self.shape[3] in (1, 3, 4) else None
        if len(self.shape) != 3 or self.picture is not None or None in self.shape[1:]:
            return None
        return *self.shape, 1

    @property
    def is_flat(self) -> bool:
        """Return whether pictures go in as (H, W), without an axis of channels."""
        return self.shape is not None and len(self.shape) == 2

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Return whether one sample of `shape` fits."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            want is None or want == got for want, got in zip(self.shape, shape, strict=True)
        )

    def fitting(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape that an array is brought to as one sample, None where it fits none.

        It may have axes of one that the model does not have, and lack those that it has.
        """
        return shape if self.shape is None else aligned(shape, self.shape)

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
    """All inputs and outputs of a model; `layers` are those that were named as outputs too."""

    inputs: tuple[Port, ...]
    outputs: tuple[Head, ...]
    layers: tuple[Head, ...] = ()

    def port(self, name: str) -> Port:
        """Return the input called `name`; UsageError lists those there are."""
        for port in self.inputs:
            if port.name == name:
                return port
        names = ", ".join(port.name for port in self.inputs)
        raise UsageError(f"the model has no input {name!r}", mend=f"its inputs are: {names}")

    def head(self, name: str) -> Head:
        """Return the output called `name`; UsageError lists those there are."""
        for head in (*self.outputs, *self.layers):
            if head.name == name:
                return head
        names = ", ".join(head.name for head in self.outputs)
        raise UsageError(f"the model has no output {name!r}", mend=f"its outputs are: {names}")
