"""Describes the inputs and outputs of a model: their names, shapes and types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from inputgrad_cli.errors import UsageError
from inputgrad_cli.numeric.array_helpers import align_shape, format_shape

Shape = tuple[int | None, ...]
MIN_IMAGE_SIDE = 8  # pixels; the digits that courses begin with have 8 x 8


@dataclass(frozen=True)
class InputSpec:
    """One input: its shape without the batch axis (None if the model does not declare it)."""

    name: str
    shape: Shape | None
    dtype: str = "float32"

    @property
    def kind(self) -> str:
        """Return the kind of its values: `float`, `integer`, `bool` or `text`."""
        if self.dtype.startswith(("int", "uint")):
            return "integer"
        return {"bool": "bool", "string": "text"}.get(self.dtype, "float")

    @property
    def float_dtype(self) -> str:
        """Return the type of arrays of floats for this input, `float32` or `float64`.

        The model itself converts them to float16 or bfloat16, a type that NumPy lacks.
        """
        return "float64" if self.dtype == "float64" else "float32"

    @cached_property
    def image_shape(self) -> Shape | None:
        """Return the shape (H, W, C) of the pictures that fit, in this order, or None."""
        if self.shape is None or self.kind in ("bool", "text"):
            return None
        if len(self.shape) == 2:
            # A grey picture without an axis of channels, such as the digits of most courses.
            return *self.shape, 1
        if len(self.shape) != 3:
            return None
        first, middle, last = self.shape
        if self.channels_first:
            return middle, last, first
        # Grey, RGB, or RGB with alpha.
        return self.shape if last in (1, 3, 4) else None

    @property
    def channels_first(self) -> bool:
        """Return whether pictures are (C, H, W); a shape that fits both orders is (H, W, C)."""
        if self.shape is None or len(self.shape) != 3 or self.shape[2] in (1, 3):
            return False
        return self.shape[0] in (1, 3)

    @property
    def is_image(self) -> bool:
        """Return whether the shape is that of a grey or colour picture, in any axis order.

        A shape of two axes is a picture only if they are equal and not short, because a series
        has two axes as well.
        """
        if self.image_shape is None or self.image_shape[2] not in (1, 3):
            return False
        height, width, _ = self.image_shape
        return not self.is_flat or (height == width and (height or 0) >= MIN_IMAGE_SIDE)

    @property
    def volume_shape(self) -> Shape | None:
        """Return the shape (D, H, W, C) of the volumes and videos that fit, or None."""
        if self.shape is None or self.kind in ("bool", "text"):
            return None
        if len(self.shape) == 4:
            return self.shape if self.shape[3] in (1, 3, 4) else None
        # Three axes are a picture if they can be one; a volume must have known sides.
        if len(self.shape) != 3 or self.image_shape is not None or None in self.shape[1:]:
            return None
        return *self.shape, 1

    @property
    def is_flat(self) -> bool:
        """Return whether pictures are (H, W), without a channel axis."""
        return self.shape is not None and len(self.shape) == 2

    def can_take(self, shape: tuple[int, ...]) -> bool:
        """Return whether one sample of shape `shape` fits."""
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(
            expected is None or expected == actual
            for expected, actual in zip(self.shape, shape, strict=True)
        )

    def align_shape(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape that turns an array of `shape` into one sample, or None.

        Axes of length one may be added or removed.
        """
        return shape if self.shape is None else align_shape(shape, self.shape)

    def __str__(self) -> str:
        shape = "of unknown shape" if self.shape is None else format_shape(self.shape)
        return f"{self.name} {shape} {self.dtype}"


@dataclass(frozen=True)
class OutputSpec:
    """One output: its shape without the batch axis, and its final activation.

    `activation` is "softmax", "sigmoid", "log_softmax" or None. `logits_verified` is True if a
    forward pass showed that activation(logits) equals the output, so that the logits may be used.
    `axis` is the class axis, counted without the batch axis. `note` is the reason why no logits
    can be used.
    """

    name: str
    shape: Shape | None
    activation: str | None = None
    logits_verified: bool = False
    axis: int = -1
    note: str = ""

    @property
    def is_binary(self) -> bool:
        """Return whether this is a single sigmoid unit, which stands for two classes."""
        return self.activation == "sigmoid" and self.unit_count == 1

    @property
    def unit_count(self) -> int | None:
        """Return the number of values per sample, None if it varies."""
        product = 1
        for dim in self.shape if self.shape is not None else (None,):
            if dim is None:
                return None
            product *= dim
        return product

    @property
    def class_count(self) -> int | None:
        """Return the number of classes, None if an axis other than the class axis exceeds one."""
        if not self.shape:
            return self.unit_count
        axis = self.axis % len(self.shape)
        others = [d for i, d in enumerate(self.shape) if i != axis]
        return self.shape[axis] if all(d == 1 for d in others) else None

    @property
    def name_count(self) -> int | None:
        """Return how many classes can have names: those of the output, or of each of its pixels."""
        if self.is_binary:
            return 2
        if self.shape and self.class_count is None and has_pixel_classes(self.shape):
            return self.shape[-1]
        return self.class_count

    def get_class_index(self, class_index: int) -> tuple[int, ...]:
        """Return the index tuple of a class within one sample of the output."""
        shape = self.shape or ()
        axis = self.axis % len(shape) if shape else 0
        return tuple(class_index if i == axis else 0 for i in range(len(shape)))


def has_pixel_classes(shape: Shape | None) -> bool:
    """Return whether the pixels of an output (H, W, ...) have several values each."""
    return shape is not None and len(shape) == 3 and shape[-1] != 1


@dataclass(frozen=True)
class Signature:
    """All inputs and outputs of a model; `layers` are the layers that targets name as outputs."""

    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    layers: tuple[OutputSpec, ...] = ()

    def get_input(self, name: str) -> InputSpec:
        """Return the input called `name`. Raises UsageError, which lists the inputs."""
        for spec in self.inputs:
            if spec.name == name:
                return spec
        names = ", ".join(spec.name for spec in self.inputs)
        raise UsageError(f"the model has no input {name!r}", hint=f"its inputs are: {names}")

    def get_output(self, name: str) -> OutputSpec:
        """Return the output or layer called `name`. Raises UsageError, which lists the outputs."""
        for spec in (*self.outputs, *self.layers):
            if spec.name == name:
                return spec
        names = ", ".join(spec.name for spec in self.outputs)
        raise UsageError(f"the model has no output {name!r}", hint=f"its outputs are: {names}")
