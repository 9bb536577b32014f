"""The pictures of maps: what lies under each, and many of them drawn at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import IO

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.attribution import Attribution, channels_last
from inputgrad_cli.jobs.store import Pour
from inputgrad_cli.rendering.about import About, about
from inputgrad_cli.rendering.draw import as_pixels, draw_all, drawable
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.sample import Samples

PLACES = 1 << 14  # that are drawn at a time; of twice as many each takes longer, for new memory


@dataclass(frozen=True)
class Plate:
    """What one picture is drawn from: a map (H, W, C), and the pixels under it, if any."""

    values: Array
    seen: Array | None
    about: About

    @property
    def kind(self) -> tuple[object, ...]:
        """Return what must be alike for maps to be drawn at a time."""
        below = None if self.seen is None else self.seen.shape
        own = self.about
        return self.values.shape, below, own.reduce, own.sign, own.copied, own.quantity


def pictures(plates: Iterable[Plate | None], style: Style) -> Iterator[bytes | None]:
    """Yield the PNG of each plate, None for None; those of one kind are drawn together."""
    alike: list[Plate] = []
    for plate in plates:
        if alike and (plate is None or plate.kind != alike[0].kind or _places(alike) >= PLACES):
            yield from _drawn(alike, style)
            alike = []
        if plate is None:
            yield None
        else:
            alike.append(plate)
    if alike:
        yield from _drawn(alike, style)


def _places(alike: list[Plate]) -> int:
    """Return how many places the pictures have; a coarse map is brought to the size below it."""
    one = alike[0]
    sides = one.values.shape[:2] if one.seen is None else one.seen.shape[:2]
    return len(alike) * prod(sides)


def _drawn(plates: list[Plate], style: Style) -> Iterator[bytes]:
    values = np.stack([plate.values for plate in plates])
    seen = [plate.seen for plate in plates if plate.seen is not None]
    abouts = [plate.about for plate in plates]
    for drawing in draw_all(values, np.stack(seen) if seen else None, style, abouts):
        yield drawing.png


def late(attribution: Attribution, samples: Samples, row: int, style: Style) -> Pour | None:
    """Return what pours the PNG of one sample, drawn only then; None where `picture` gives None."""

    def pour(file: IO[bytes]) -> None:
        file.write(picture(attribution, samples, row, style) or b"")

    return pour if _drawable(attribution, row) else None


def picture(attribution: Attribution, samples: Samples, row: int, style: Style) -> bytes | None:
    """Return the PNG of one sample, None where no picture kind serves its shape."""
    return next(pictures([plate_of(attribution, samples, row)], style))


def plate_of(attribution: Attribution, samples: Samples, row: int) -> Plate | None:
    """Return what the picture of one sample is drawn from: the first site that can be drawn."""
    found = _drawable(attribution, row)
    if found is None:
        return None
    site, values = found
    return Plate(
        values, _seen_at(samples, _shown(samples, site), row), about(attribution, site, row)
    )


def _drawable(attribution: Attribution, row: int) -> tuple[str, Array] | None:
    """Return the first site that a picture kind serves, and its map, (H, W, C)."""
    for site, values in attribution.values.items():
        one = channels_last(values[row] if attribution.many else values, site, attribution.metadata)
        if drawable(one.shape):
            return site, one
    return None


def _shown(samples: Samples, site: str) -> str:
    """Return the input under a site's map: for a layer the first that is a picture."""
    if site in samples.arrays:
        return site
    pixels = [name for name in samples.arrays if name in samples.pixels]
    arrays = [name for name, array in samples.arrays.items() if _is_picture(name, array, samples)]
    return next(iter(pixels + arrays), site)


def _is_picture(name: str, array: Array, samples: Samples) -> bool:
    """Return whether an input, (N, ...), is one of pictures that can be shown."""
    if array.dtype.kind not in "buif" or array.ndim not in (3, 4):
        return False
    shape = channels_last(array[0], name, samples.record).shape
    return len(shape) == 3 and shape[-1] in (1, 3, 4)


def _seen_at(samples: Samples, site: str, row: int) -> Array | None:
    """Return the picture under a map: the file's pixels, else the array stretched to 0..255."""
    if site in samples.pixels:
        return np.asarray(samples.pixels[site][row])
    if site not in samples.arrays:
        return None  # the file is gone
    # Tokens and texts have maps of their embedding's shape, with nothing to lay below.
    if not _is_picture(site, samples.arrays[site], samples):
        return None
    return as_pixels(channels_last(samples.arrays[site][row], site, samples.record))
