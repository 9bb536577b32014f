"""One scale of colours for the pictures of a run: the largest that any of its maps needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.attribution import Attribution, channels_last
from inputgrad_cli.rendering.scale import find_limits, is_signed, reduce_channels
from inputgrad_cli.rendering.style import Style
from inputgrad_cli.runs.pictures.map_pictures import sites_of


def widen(style: Style, attribution: Attribution) -> Style:
    """Return a style of one scale for many, so wide that it holds the pictures of a result too."""
    for limit, signed in _scales(attribution, style):
        both = bool(style.signed or signed)
        style = replace(style, limit=max(style.limit or 0.0, limit), signed=both)
    return style


def _scales(attribution: Attribution, style: Style) -> Iterator[tuple[float, bool]]:
    """Yield the limit of each picture of a result, and whether zero is in its middle."""
    meta = attribution.metadata
    how = style.reduce or meta["reduce"]
    for site in sites_of(attribution):
        stored, copied = attribution.values[site], site in meta.get("copied", ())
        for row in stored if attribution.many else [stored]:
            one = channels_last(np.asarray(row), site, meta)
            flat = reduce_channels(one[np.newaxis], how, copied)
            (limit,) = find_limits(flat, style.clip)
            yield limit, is_signed(flat, how, meta.get("sign", "signed"))
