"""Computes a scale that the pictures of a run share: the largest that any map needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_stored_target
from inputgrad_cli.errors import GrammarError, ItemError
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.runs.pictures.drawable_sites import list_drawable_sites
from inputgrad_cli.runs.pictures.map_picture_data import build_picture_source
from inputgrad_cli.storage.run_directory import StoredMap

ScaleKey = tuple[str, str, Style]


def get_scale_key(stored: StoredMap, style: Style) -> ScaleKey:
    """Return the key that is equal for pictures that share a scale: their method and target.

    All maps of `top:K` have one key.
    """
    target = stored.line["target"]
    return stored.line["method"], find_rank_word(target) or target, style


def find_rank_word(target: str) -> str | None:
    """Return what the maps of `top:K` have in common, `top` or `HEAD/top`; None for others."""
    if not target[-1:].isdecimal():
        return None
    try:
        return parse_stored_target(target).rank_word
    except GrammarError:
        return None


def compute_shared_scales(pairs: Iterable[tuple[StoredMap, Style]]) -> dict[ScaleKey, Style]:
    """Return the styles of pictures that share a scale, with limits that cover all their maps."""
    shared: dict[ScaleKey, Style] = {}
    for stored, style in pairs:
        if style.scale != "run":
            continue
        key = get_scale_key(stored, style)
        shared.setdefault(key, replace(style, limit=0.0, signed=False))
        with contextlib.suppress(ItemError):  # reported when the picture itself is drawn
            for _, recorded in stored.yield_arrays():
                shared[key] = _widen(shared[key], recorded.show_as(style.show))
    return shared


def _widen(style: Style, recorded: RecordedMap) -> Style:
    """Return the style with its scale widened to cover the pictures of this map too."""
    for _, _, scale in yield_scales(recorded, style):
        both = bool(style.signed or scale.signed)
        style = replace(style, limit=max(style.limit or 0.0, scale.limit), signed=both)
    return style


def yield_scales(recorded: RecordedMap, style: Style) -> Iterator[tuple[int, str, Scale]]:
    """Yield the row, the site and the scale that each picture of a map needs."""
    no_inputs = Samples({})
    for site in list_drawable_sites(recorded, style):
        for row, sample in enumerate(recorded.record.samples):
            if sample is None:  # it has failed, so it has no picture
                continue
            source = build_picture_source(recorded, no_inputs, row, site)
            yield row, site, choose_picture(style, source.layout).find_scale(source, style)
