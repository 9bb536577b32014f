"""How pixels 0..255 become what a model takes: out = (pixels / scale - mean) / std."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from inputgrad_cli.errors import UsageError
from inputgrad_cli.grammar import as_list
from inputgrad_cli.numeric.arrays import Array, Floats


@dataclass(frozen=True)
class Preprocess:
    """A linear map of pixels, channel by channel; `source` says where the choice came from.

    With `channels_first` what the model takes is (C, H, W), with `flat` it is (H, W), though
    pixels are (H, W, C). With `frames` it has an axis of frames before them.
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

    @property
    def keeps_values(self) -> bool:
        """Return whether every pixel goes in as the number 0..255 that it is."""
        return self.scale == 1.0 and not self.mean and not self.std

    @property
    def axes(self) -> tuple[int, int]:
        """Return the height and the width axis of a batch of what the model takes."""
        if self.frames:
            return 2, 3
        return (2, 3) if self.channels_first else (1, 2)

    @property
    def places(self) -> tuple[int, ...]:
        """Return all axes along which values lie side by side: frames, height, width."""
        return (1, *self.axes) if self.frames else self.axes

    def apply(self, pixels: Array) -> Floats:
        """Return float32 model input of `pixels` 0..255 (..., H, W, C), in the model's order."""
        channels = pixels.shape[-1]
        for values, word in ((self.mean, "mean"), (self.std, "std")):
            if len(values) not in (0, 1, channels):
                raise UsageError(
                    f"--preprocess {self.name}: {word} has {len(values)} values, "
                    f"the picture has {channels} channels",
                    mend="give one value, or one a channel, or another --preprocess",
                )
        out = pixels[..., ::-1] if self.bgr else pixels
        out = out.astype(np.float32)  # a copy in any case, so the rest is done in place
        if self.scale != 1.0:
            out /= np.float32(self.scale)
        if self.mean:
            out -= np.array(self.mean, np.float32)
        if self.std:
            out /= np.array(self.std, np.float32)
        if self.flat:
            return np.ascontiguousarray(out[..., 0])
        return np.ascontiguousarray(np.moveaxis(out, -1, -3) if self.channels_first else out)

    def level(self, value: float, shape: tuple[int, ...]) -> Floats:
        """Return a flat picture of pixel `value` (0..255) as model input of `shape`."""
        pixels = (*shape[1:], shape[0]) if self.channels_first else shape
        # Volumes may come without channels, as flat pictures do.
        pixels = (*shape, 1) if self.flat or (self.frames and len(shape) == 3) else pixels
        return self.apply(np.full(pixels, value, np.float32)).reshape(shape)


@dataclass(frozen=True)
class Line:
    """What a layer does to values: out = slope * value + offset, over all channels on average."""

    slope: float = 1.0
    offset: float = 0.0

    def then(self, after: Line) -> Line:
        """Return what both do, `after` the second."""
        return Line(self.slope * after.slope, self.offset * after.slope + after.offset)

    @property
    def keeps_values(self) -> bool:
        """Return whether values go through as they are, a rounding of a hundredth aside."""
        return abs(self.slope - 1) < 0.01 and abs(self.offset) < 0.01

    @property
    def is_for_unit(self) -> bool:
        """Return whether it is plainly made for values 0..1, which it centres or makes 0..255.

        What is made for 0..255 gives the middle of 0..1 a value far from zero, in units of what it
        makes of a step of one.
        """
        middle = abs(self.slope / 2 + self.offset)
        centres = self.offset != 0 and middle <= abs(self.slope) / 4
        return centres or (200 <= self.slope <= 300 and self.offset == 0)


@dataclass(frozen=True)
class Pixels:
    """How the inputs take pixels: `inputs` by name, `other` for all else.

    `doubts` says in words, by input, why a choice is an assumption. `settled` is False where the
    opened model could tell more than its file.
    """

    other: Preprocess
    inputs: Mapping[str, Preprocess] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    settled: bool = True

    def of(self, name: str) -> Preprocess:
        """Return how the input called `name` takes them."""
        return self.inputs.get(name, self.other)

    def written(self) -> dict[str, str]:
        """Return all that decides a result of it, by input; '' stands for all others."""
        return {"": repr(self.other), **{name: repr(how) for name, how in self.inputs.items()}}


ASSUMED = "assumed"  # the source of a choice that nothing tells
KNOWN = {
    "raw": Preprocess("raw"),
    "unit": Preprocess("unit", scale=255.0),
    "tf": Preprocess("tf", scale=127.5, mean=(1.0,)),
    "caffe": Preprocess("caffe", mean=(103.939, 116.779, 123.68), bgr=True),
    "torch": Preprocess(
        "torch", scale=255.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    ),
}
HELP = "auto, raw, unit, tf, caffe, torch, or mean=M;M;M,std=S;S;S (of pixels 0..1)"


def parse(text: str) -> Preprocess | None:
    """Return the choice that `text` writes, None for `auto`."""
    if text == "auto":
        return None
    if text in KNOWN:
        return KNOWN[text]
    found = re.fullmatch(r"mean=([^,=]+),std=([^,=]+)", text.replace(" ", ""))
    if not found:
        raise UsageError(f"--preprocess {text!r} is not known", mend=f"it is one of {HELP}")
    try:
        mean, std = (tuple(float(v) for v in as_list(group)) for group in found.groups())
    except ValueError:
        raise UsageError(f"--preprocess {text!r}: mean and std are numbers", mend=HELP) from None
    if not all(value > 0 for value in std):
        raise UsageError(f"--preprocess {text!r}: std must be above zero")
    return Preprocess("mean-std", 255.0, mean, std)


def known(name: str, source: str) -> Preprocess:
    """Return the choice called `name`, with its source."""
    return replace(KNOWN[name], source=source)
