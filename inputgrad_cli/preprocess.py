"""How pixels 0..255 become what a model takes: out = (pixels / scale - mean) / std."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.arrays import Array, Floats
from inputgrad_cli.errors import UsageError
from inputgrad_cli.grammar import as_list


@dataclass(frozen=True)
class Preprocess:
    """A linear map of pixels, channel by channel; `source` says where the choice came from.

    With `channels_first` what the model takes is (C, H, W), with `flat` it is (H, W), though
    pixels are (H, W, C).
    """

    name: str
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    bgr: bool = False
    source: str = "option"
    channels_first: bool = False
    flat: bool = False

    @property
    def keeps_values(self) -> bool:
        """Return whether every pixel goes in as the number 0..255 that it is."""
        return self.scale == 1.0 and not self.mean and not self.std

    @property
    def axes(self) -> tuple[int, int]:
        """Return the height and the width axis of a batch of what the model takes."""
        return (2, 3) if self.channels_first else (1, 2)

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
        pixels = (*shape, 1) if self.flat else pixels
        return self.apply(np.full(pixels, value, np.float32))


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
