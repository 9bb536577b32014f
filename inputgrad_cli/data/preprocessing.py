"""Converts pixels 0..255 into model input: out = (pixels / scale - mean) / std."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np

from inputgrad_cli.errors import UsageError
from inputgrad_cli.expression_parser import as_list
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.run_json import PreprocessRecord


@dataclass(frozen=True)
class Preprocess:
    """A linear map of the pixels of each channel; `source` says where the choice came from.

    Pixels are (H, W, C). The model takes (C, H, W) with `channels_first`, and (H, W) with `flat`.
    With `frames` there is an axis of frames before them.
    """

    name: str
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    bgr: bool = False
    source: str = "option"
    channels_first: bool = False
    flat: bool = False
    frames: bool = False

    def to_json(self) -> PreprocessRecord:
        """Return the preprocessing as records hold it."""
        return cast(PreprocessRecord, dict(vars(self)))

    @classmethod
    def from_json(cls, stored: PreprocessRecord) -> Preprocess:
        """Return the preprocessing that a record holds; TypeError or KeyError if it is damaged."""
        fields: JsonObject = {
            **stored,
            "mean": tuple(stored["mean"]),
            "std": tuple(stored["std"]),
        }
        return cls(**fields)

    @property
    def keeps_values(self) -> bool:
        """Return whether the model takes every pixel as its value 0..255."""
        return self.scale == 1.0 and not self.mean and not self.std

    @property
    def image_axes(self) -> tuple[int, int]:
        """Return the height axis and the width axis of a batch of model input."""
        if self.frames:
            return 2, 3
        return (2, 3) if self.channels_first else (1, 2)

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """Return the axes in space and time of a batch of model input: frames, height, width."""
        return (1, *self.image_axes) if self.frames else self.image_axes

    def apply(self, pixels: Array) -> Floats:
        """Return `pixels` 0..255 (..., H, W, C) as float32 model input, in the model's order."""
        channels = pixels.shape[-1]
        for values, word in ((self.mean, "mean"), (self.std, "std")):
            if len(values) not in (0, 1, channels):
                raise UsageError(
                    f"--preprocess {self.name}: {word} has {len(values)} values, "
                    f"the picture has {channels} channels",
                    hint="give one value, or one a channel, or another --preprocess",
                )
        # Channels are reversed first, because mean and std are in the order of the model.
        out = pixels[..., ::-1] if self.bgr else pixels
        out = out.astype(np.float32)  # astype copies, so the rest is done in place
        if self.scale != 1.0:
            out /= np.float32(self.scale)
        if self.mean:
            out -= np.array(self.mean, np.float32)
        if self.std:
            out /= np.array(self.std, np.float32)
        if self.flat:
            return np.ascontiguousarray(out[..., 0])
        return np.ascontiguousarray(np.moveaxis(out, -1, -3) if self.channels_first else out)

    def pull_back(self, gradients: Array) -> Floats:
        """Return the gradients at the pixels (..., H, W, C), from those at the model input.

        This is the adjoint of `apply`: what is subtracted there does not matter here.
        """
        if self.flat:
            gradients = gradients[..., np.newaxis]
        elif self.channels_first:
            gradients = np.moveaxis(gradients, -3, -1)
        out = np.array(gradients)  # a copy, so the rest is done in it
        if self.std:
            out /= np.array(self.std, out.dtype)
        if self.scale != 1.0:
            out /= out.dtype.type(self.scale)
        return np.ascontiguousarray(out[..., ::-1] if self.bgr else out)

    def build_flat_image(self, value: float, shape: tuple[int, ...]) -> Floats:
        """Return a flat picture of pixel `value` (0..255) as model input of `shape`."""
        pixels = (*shape[1:], shape[0]) if self.channels_first else shape
        # Volumes may have no channel axis, as flat pictures have none.
        pixels = (*shape, 1) if self.flat or (self.frames and len(shape) == 3) else pixels
        return self.apply(np.full(pixels, value, np.float32)).reshape(shape)


@dataclass(frozen=True)
class LinearMap:
    """The effect of a layer on values: out = slope * value + offset, averaged over channels."""

    slope: float = 1.0
    offset: float = 0.0

    def combine(self, after: LinearMap) -> LinearMap:
        """Return the composition of this map and `after`, which is applied second."""
        return LinearMap(self.slope * after.slope, self.offset * after.slope + after.offset)

    @property
    def keeps_values(self) -> bool:
        """Return whether values are unchanged, up to a rounding of 0.01."""
        return abs(self.slope - 1) < 0.01 and abs(self.offset) < 0.01

    @property
    def expects_unit_range(self) -> bool:
        """Return whether the layer clearly expects 0..1, which it centres or scales to 0..255.

        A layer that expects 0..255 maps the middle of 0..1 to a value far from zero, measured in
        units of its slope.
        """
        # Examples of layers that centre 0..1 are Rescaling(2, -1), and a mean of 0.485.
        middle = abs(self.slope / 2 + self.offset)
        centres = self.offset != 0 and middle <= abs(self.slope) / 4
        # A slope near 255 without an offset scales 0..1 to 0..255.
        return centres or (200 <= self.slope <= 300 and self.offset == 0)


@dataclass(frozen=True)
class InputPreprocessing:
    """The preprocessing of each input: `inputs` by name, `other` for all others.

    `doubts` says in words, by input, why a choice is an assumption. `is_final` is False if the
    opened model could tell more than its file.
    """

    other: Preprocess
    inputs: Mapping[str, Preprocess] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    is_final: bool = True

    def get(self, name: str) -> Preprocess:
        """Return the preprocessing of the input called `name`."""
        return self.inputs.get(name, self.other)

    def list_facts(self) -> dict[str, str]:
        """Return, by input, the text that results depend on; '' stands for all others."""
        return {
            "": repr(self.other),
            **{name: repr(preprocess) for name, preprocess in self.inputs.items()},
        }


ASSUMED = "assumed"  # the source of a choice for which there is no evidence
# The constants of the modes of keras.applications.imagenet_utils.preprocess_input; the means of
# caffe are in the order blue, green, red.
PRESETS = {
    "raw": Preprocess("raw"),
    "unit": Preprocess("unit", scale=255.0),
    "tf": Preprocess("tf", scale=127.5, mean=(1.0,)),
    "caffe": Preprocess("caffe", mean=(103.939, 116.779, 123.68), bgr=True),
    "torch": Preprocess(
        "torch", scale=255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
}
HELP = "auto, raw, unit, tf, caffe, torch, or mean=M;M;M,std=S;S;S (of pixels 0..1)"


def parse_preprocess(text: str) -> Preprocess | None:
    """Return the preprocessing that `text` describes, None for `auto`. Raises UsageError."""
    if text == "auto":
        return None
    if text in PRESETS:
        return PRESETS[text]
    match = re.fullmatch(r"mean=([^,=]+),std=([^,=]+)", text.replace(" ", ""))
    if not match:
        raise UsageError(f"--preprocess {text!r} is not known", hint=f"it is one of {HELP}")
    try:
        mean, std = (tuple(float(v) for v in as_list(group)) for group in match.groups())
    except ValueError:
        raise UsageError(f"--preprocess {text!r}: mean and std are numbers", hint=HELP) from None
    if not all(math.isfinite(value) for value in (*mean, *std)):
        raise UsageError(f"--preprocess {text!r}: mean and std are finite numbers", hint=HELP)
    if not all(value > 0 for value in std):
        raise UsageError(f"--preprocess {text!r}: std must be above zero")
    # Means and deviations are published for pixels that were divided by 255.
    return Preprocess("mean-std", 255.0, mean, std)


def get_preset(name: str, source: str) -> Preprocess:
    """Return the preprocessing called `name`, with the source of that choice."""
    return replace(PRESETS[name], source=source)
