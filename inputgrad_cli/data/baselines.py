"""The point of "nothing there" that an input is compared with. One frozen dataclass a kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.numeric.arrays import Array, Floats, across
from inputgrad_cli.numeric.blur import blur
from inputgrad_cli.numeric.random_streams import normal, spread, uniform
from inputgrad_cli.registry import Registry, param

baselines: Registry[Baseline] = Registry("baseline")


@dataclass(frozen=True)
class Baseline:
    """A kind of baseline. `make` returns float32 of the shape (B, ...) of `array`.

    One that is `random` draws, by the keys of the samples.
    """

    name: ClassVar[str]
    random: ClassVar[bool] = False

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the baseline of each sample; `preprocess` is None where no pixels are meant."""
        raise TypeError(f"{type(self).__name__} does not say what it makes")


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
    value: float | None = param(None, "the value")

    def __post_init__(self) -> None:
        """Refuse a constant without a value."""
        if self.value is None:
            raise UsageError("baseline constant needs a value", mend="write constant:value=V")

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the value everywhere."""
        return np.full(array.shape, self.value or 0.0, np.float32)


@dataclass(frozen=True)
class Level(Baseline):
    """A flat picture, sent through the preprocessing."""

    pixel: ClassVar[float]

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the flat picture for each sample; UsageError where the input is no picture."""
        if preprocess is None:
            raise _no_picture(self.name, site)
        flat = preprocess.level(self.pixel, array.shape[1:])
        return np.ascontiguousarray(np.broadcast_to(flat, array.shape))


def _no_picture(name: str, site: str) -> UsageError:
    return UsageError(
        f"--baseline {name} needs a picture input",
        reason=f"input {site!r} is not one",
        mend="use --baseline zeros or constant:value=V",
    )


@baselines.register
@dataclass(frozen=True)
class Black(Level):
    """A black picture, sent through the preprocessing."""

    name = "black"
    pixel = 0.0


@baselines.register
@dataclass(frozen=True)
class White(Level):
    """A white picture, sent through the preprocessing."""

    name = "white"
    pixel = 255.0


@baselines.register
@dataclass(frozen=True)
class Gray(Level):
    """A picture of middle gray (127.5), sent through the preprocessing."""

    name = "gray"
    pixel = 127.5


@baselines.register
@dataclass(frozen=True)
class Noise(Baseline):
    """The sample with Gaussian noise added, drawn from (seed, sample content)."""

    name = "noise"
    random = True
    std: float = param(0.15, "standard deviation, as a share of the sample's max - min", least=0.0)

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the noisy samples."""
        draws = np.stack([normal(key, f"baseline/{site}", 0, array.shape[1:]) for key in keys])
        return np.asarray(array + across(self.std * spread(array), array) * draws, np.float32)


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
        draws = np.stack([uniform(key, f"baseline/{site}", 0, array.shape[1:]) for key in keys])
        low = array.min(axis=tuple(range(1, array.ndim)))
        return np.asarray(across(low, array) + across(spread(array), array) * draws, np.float32)


@baselines.register
@dataclass(frozen=True)
class Blur(Baseline):
    """The picture itself under a Gaussian blur; its edges mirror, so that they keep their light."""

    name = "blur"
    sigma: float = param(10.0, "standard deviation of the blur, in pixels", least=0.0)

    def make(
        self, array: Array, site: str, keys: Sequence[bytes], preprocess: Preprocess | None
    ) -> Floats:
        """Return the blurred pictures; UsageError where the input is no picture."""
        if preprocess is None:
            raise _no_picture(self.name, site)
        return blur(array, self.sigma, preprocess.places)


@dataclass(frozen=True)
class Given(Baseline):
    """Samples that stand in a file: whoever reads files hands them in."""

    path: str = param("", "the file, read as an input would be")

    def __post_init__(self) -> None:
        """Refuse a baseline without its file."""
        if not self.path:
            raise UsageError(
                f"baseline {self.name} needs a file", mend=f"write {self.name}:path=FILE"
            )


@baselines.register
@dataclass(frozen=True)
class File(Given):
    """One sample for all, from a file: an array or a picture of the input's shape."""

    name = "file"


@baselines.register
@dataclass(frozen=True)
class Dataset(Given):
    """Many samples from a file; methods draw from them, or are averaged over all of them."""

    name = "dataset"


def made_of_kind(
    chosen: Baseline,
    array: Array,
    site: str,
    keys: Sequence[bytes],
    preprocess: Preprocess | None,
) -> Array:
    """Return the baseline in the type of `array`: whole numbers, or of texts the empty one.

    UsageError where texts have no such baseline.
    """
    if array.dtype.kind == "f":
        return chosen.make(array, site, keys, preprocess)
    if array.dtype.kind in "biu":
        limits = (False, True) if array.dtype.kind == "b" else _limits(array.dtype)
        made = np.rint(chosen.make(array.astype(np.float32), site, keys, preprocess))
        return np.clip(made, *limits).astype(array.dtype)
    if isinstance(chosen, Zeros):
        return np.zeros_like(array)
    raise UsageError(
        f"--baseline {chosen.name} needs numbers",
        reason=f"input {site!r} takes text",
        mend="use --baseline zeros, which is the empty text, or file:path=FILE",
    )


def _limits(dtype: Any) -> tuple[int, int]:
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def fitted(given: Array | None, array: Array, site: str) -> Array:
    """Return samples from a file, (K, ...), in the type of those of `array`, (B, ...), at `site`.

    Raises ItemError where they are none of it: another shape, or no model input at all.
    """
    kinds = "U" if array.dtype.kind == "U" else "biuf"
    if given is not None and given.dtype.kind in kinds and given.shape[1:] == array.shape[1:]:
        return given if kinds == "U" else given.astype(array.dtype)
    there = "no values" if given is None else f"values of shape {given.shape[1:]}"
    raise ItemError(
        f"the baseline's file has {there} for {site!r}",
        reason=f"shape {array.shape[1:]} is compared",
        mend="use a file of that shape, or --baseline zeros",
        kind="shape",
    )
