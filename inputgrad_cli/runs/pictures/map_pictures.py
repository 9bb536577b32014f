"""The pictures of maps: what lies under each, and many of them drawn at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import IO

import numpy as np

from inputgrad_cli.data.attribution import Attribution, channels_last
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.rendering.caption import About, about
from inputgrad_cli.rendering.image_map import as_pixels, draw_all, drawable
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.storage.atomic_write import Pour

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


def late(attribution: Attribution, samples: Samples, row: int, site: str, style: Style) -> Pour:
    """Return what pours the PNG of a site of one sample, drawn only then."""

    def pour(file: IO[bytes]) -> None:
        file.write(picture(plate_of(attribution, samples, row, site), style))

    return pour


def picture(plate: Plate, style: Style) -> bytes:
    """Return the PNG of one plate."""
    return next(_drawn([plate], style))


def sites_of(attribution: Attribution) -> list[str]:
    """Return the sites that get a picture each: those with maps of pixels.

    The maps of all classes are no picture.
    """
    if "scores" in attribution.metadata:
        return []
    values = attribution.values.items()
    return [site for site, array in values if drawable(_shape(attribution, site, array))]


def _shape(attribution: Attribution, site: str, array: Array) -> tuple[int, ...]:
    """Return the shape of a map of one sample, channels last."""
    shape = array.shape[1:] if attribution.many else array.shape
    like = np.broadcast_to(np.float32(0), shape)
    return channels_last(like, site, attribution.metadata).shape


def plate_of(attribution: Attribution, samples: Samples, row: int, site: str) -> Plate:
    """Return what the picture of a site of one sample is drawn from."""
    values = attribution.values[site]
    one = channels_last(values[row] if attribution.many else values, site, attribution.metadata)
    below = _below(attribution, samples, site)
    seen = None if below is None else _seen_at(samples, below, row)
    told = replace(about(attribution, site, row), over=None if seen is None else below)
    return Plate(one, seen, told)


def _below(attribution: Attribution, samples: Samples, site: str) -> str | None:
    """Return the input under a site's map: of a layer the one picture that the layer sees, if so.

    Over one of several, a map would show what is not there. Older results do not tell what a layer
    sees; it may then be any input.
    """
    if site in samples.arrays:
        return site
    sees = attribution.metadata.get("sees", {}).get(site, samples.arrays)
    shown = [
        name
        for name, array in samples.arrays.items()
        if name in sees and (name in samples.pixels or _is_picture(name, array, samples))
    ]
    return shown[0] if len(shown) == 1 else None


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
    # Tokens and texts have maps of their embedding's shape, with nothing to lay below.
    if not _is_picture(site, samples.arrays[site], samples):
        return None
    return as_pixels(channels_last(samples.arrays[site][row], site, samples.record))
