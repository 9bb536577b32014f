"""Defines the baselines that inputs are compared with, one frozen dataclass for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.numeric.array_helpers import Array, Floats, expand_like
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.numeric.random_streams import compute_range, draw_normal, draw_uniform
from inputgrad_cli.registry import Registry, declare_parameter

baselines: Registry[Baseline] = Registry("baseline")


@dataclass(frozen=True)
class Baseline:
    """A kind of baseline. `make` returns float32 of the shape (B, ...) of `array`.

    A baseline that is `random` draws its values from the keys of the samples.
    """

    name: ClassVar[str]
    random: ClassVar[bool] = False

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the baseline of each sample; `preprocess` is None for inputs without pixels."""
        raise TypeError(f"{type(self).__name__} does not implement make()")


@baselines.register
@dataclass(frozen=True)
class Zeros(Baseline):
    """All zeros, as the model takes them."""

    name = "zeros"

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return zeros."""
        return np.zeros(array.shape, np.float32)


@baselines.register
@dataclass(frozen=True)
class Constant(Baseline):
    """One value everywhere, as the model takes it."""

    name = "constant"
    value: float | None = declare_parameter(None, "the value")

    def __post_init__(self) -> None:
        """Refuse a constant without a value."""
        if self.value is None:
            raise UsageError("baseline constant needs a value", hint="write constant:value=V")

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the value everywhere."""
        return np.full(array.shape, self.value or 0.0, np.float32)


@dataclass(frozen=True)
class FlatImage(Baseline):
    """A flat picture, sent through the preprocessing."""

    pixel: ClassVar[float]

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the flat picture for each sample; UsageError if the input is not a picture."""
        if preprocess is None:
            raise _build_no_image_error(self.name, site)
        flat = preprocess.build_flat_image(self.pixel, array.shape[1:])
        return np.ascontiguousarray(np.broadcast_to(flat, array.shape))


def _build_no_image_error(name: str, site: str) -> UsageError:
    """Return the error for a baseline that needs a picture input."""
    return UsageError(
        f"--baseline {name} needs a picture input",
        reason=f"input {site!r} is not one",
        hint="use --baseline zeros or constant:value=V",
    )


@baselines.register
@dataclass(frozen=True)
class Black(FlatImage):
    """A black picture, sent through the preprocessing."""

    name = "black"
    pixel = 0.0


@baselines.register
@dataclass(frozen=True)
class White(FlatImage):
    """A white picture, sent through the preprocessing."""

    name = "white"
    pixel = 255.0


@baselines.register
@dataclass(frozen=True)
class Gray(FlatImage):
    """A picture of middle gray (127.5), sent through the preprocessing."""

    name = "gray"
    pixel = 127.5


@baselines.register
@dataclass(frozen=True)
class Noise(Baseline):
    """The sample with Gaussian noise added, drawn from (seed, sample content)."""

    name = "noise"
    random = True
    # The noise level of smoothgrad, in the same unit.
    std: float = declare_parameter(
        0.15, "standard deviation, as a share of the sample's max - min", minimum=0.0
    )

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the noisy samples."""
        # The prefix keeps these draws apart from those of methods, whose streams are named by site.
        draws = np.stack([draw_normal(key, f"baseline/{site}", 0, array.shape[1:]) for key in keys])
        return np.asarray(
            array + expand_like(self.std * compute_range(array), array) * draws, np.float32
        )


@baselines.register
@dataclass(frozen=True)
class Uniform(Baseline):
    """Values drawn evenly between the sample's min and max, from (seed, sample content)."""

    name = "uniform"
    random = True

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the drawn samples."""
        draws = np.stack(
            [draw_uniform(key, f"baseline/{site}", 0, array.shape[1:]) for key in keys]
        )
        low = array.min(axis=tuple(range(1, array.ndim)))
        return np.asarray(
            expand_like(low, array) + expand_like(compute_range(array), array) * draws, np.float32
        )


@baselines.register
@dataclass(frozen=True)
class Blur(Baseline):
    """The picture itself under a Gaussian blur; its edges mirror, so that they keep their light."""

    name = "blur"
    sigma: float = declare_parameter(10.0, "standard deviation of the blur, in pixels", minimum=0.0)

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the blurred pictures; UsageError if the input is not a picture."""
        if preprocess is None:
            raise _build_no_image_error(self.name, site)
        return blur(array, self.sigma, preprocess.spatial_axes)


@dataclass(frozen=True)
class FromFile(Baseline):
    """A baseline of samples in a file; the code that reads inputs supplies them."""

    path: str = declare_parameter("", "the file, read as an input would be")

    def __post_init__(self) -> None:
        """Refuse a baseline without its file."""
        if not self.path:
            raise UsageError(
                f"baseline {self.name} needs a file", hint=f"write {self.name}:path=FILE"
            )


@baselines.register
@dataclass(frozen=True)
class File(FromFile):
    """One sample for all, from a file: an array or a picture of the input's shape."""

    name = "file"


@baselines.register
@dataclass(frozen=True)
class Dataset(FromFile):
    """Many samples from a file; methods draw from them, or are averaged over all of them."""

    name = "dataset"


def make_baseline(
    baseline: Baseline,
    array: Array,
    site: str,
    keys: Sequence[bytes],
    preprocess: Preprocess | None,
) -> Array:
    """Return the baseline in the type of `array`: rounded for integers, empty for texts.

    Raises UsageError if texts have no such baseline.
    """
    if array.dtype.kind == "f":
        return baseline.make(array, site, keys, preprocess)
    if array.dtype.kind in "biu":
        limits = (False, True) if array.dtype.kind == "b" else _get_limits(array.dtype)
        # A cast would cut fractions off, and wrap what noise moves out of the range of the type.
        values = np.rint(baseline.make(array.astype(np.float32), site, keys, preprocess))
        return np.clip(values, *limits).astype(array.dtype)
    if isinstance(baseline, Zeros):
        return np.zeros_like(array)  # of texts: the empty text
    raise UsageError(
        f"--baseline {baseline.name} needs numbers",
        reason=f"input {site!r} takes text",
        hint="use --baseline zeros, which is the empty text, or file:path=FILE",
    )


def _get_limits(dtype: Any) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def check_baseline_shape(samples: Array | None, array: Array, site: str) -> Array:
    """Return the samples of a file, (K, ...), in the type of `array`, (B, ...).

    Raises ItemError if the file has no values for `site`, or has another shape or kind.
    """
    kinds = "U" if array.dtype.kind == "U" else "biuf"
    if samples is not None and samples.dtype.kind in kinds and samples.shape[1:] == array.shape[1:]:
        return samples if kinds == "U" else samples.astype(array.dtype)
    contents = "no values" if samples is None else f"values of shape {samples.shape[1:]}"
    raise ItemError(
        f"the baseline's file has {contents} for {site!r}",
        reason=f"shape {array.shape[1:]} is compared",
        hint="use a file of that shape, or --baseline zeros",
        kind="shape",
    )
