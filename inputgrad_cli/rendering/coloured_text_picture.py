"""Draws the maps of texts: an image of coloured words, and a page for browsers beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.data.pictures.input_modality import TEXT
from inputgrad_cli.data.pictures.map_source import MapLayout, MapSource
from inputgrad_cli.data.pictures.picture_style import Scale, Style
from inputgrad_cli.interfaces.picture import MAX_SAMPLES, Picture, pictures
from inputgrad_cli.numeric.array_helpers import Floats
from inputgrad_cli.rendering.colour_scale import is_signed
from inputgrad_cli.rendering.fast_png_encoding import encode_png
from inputgrad_cli.rendering.images.image_picture_base import TEXT_KEY
from inputgrad_cli.rendering.text.coloured_words_image import draw_text
from inputgrad_cli.rendering.text.html_text import TextView, build_fragment, build_page
from inputgrad_cli.rendering.text.token_colours import get_colour_map
from inputgrad_cli.rendering.text.token_display import build_passage
from inputgrad_cli.rendering.text.token_values import (
    choose_reduction,
    compute_token_values,
    format_quantity,
    match_tokens,
)


@pictures.register
@dataclass(frozen=True)
class TextMap(Picture):
    """Words on coloured grounds. The scale ends at the largest value, whatever `--clip` says.

    A text has few values, and the largest is what a reader looks for.
    """

    name = "text"
    help = "the words of a text on coloured grounds"
    subjects = "texts"
    max_samples = MAX_SAMPLES
    extra_endings = (".html",)
    needs_input = False  # the tokens are in the record of a map

    def supports(self, layout: MapLayout) -> bool:
        """Return whether the map is of the tokens of a text."""
        return layout.subject == TEXT and not layout.is_search

    def draw(self, sources: Sequence[MapSource], style: Style) -> list[Drawing]:
        """Return the drawings, each with the page of its text."""
        return [self._draw_source(source, style) for source in sources]

    def _draw_source(self, source: MapSource, style: Style) -> Drawing:
        view = build_text_view(source, style)
        text = {
            **vars(source.caption),
            "kind": self.name,
            "reduce": view.reduction,
            "bar": format_quantity(source.caption, view.reduction),
            "cmap": view.cmap,
            "scale": {"low": view.scale.low, "high": view.scale.limit},
        }
        png = encode_png(draw_text(view), TEXT_KEY, json.dumps(text, sort_keys=True))
        is_flat = not view.passage.values.any() and not view.passage.padding_values.any()
        fragment = build_fragment(view)
        return Drawing(png, view.scale, is_flat, {".html": build_page(view, fragment)}, fragment)

    def find_scale(self, source: MapSource, style: Style) -> Scale:
        """Return the scale that ends at the largest value of a token."""
        values = _compute_values(source, style)
        finite = values[np.isfinite(values)]
        reduction = choose_reduction(source.caption.reduce, style.reduce)
        signed = is_signed(reduction, source.caption.sign)
        return Scale(float(np.abs(finite).max(initial=0.0)), signed)


def build_text_view(source: MapSource, style: Style) -> TextView:
    """Return the text of a map with its scale, or that of all pictures of the run."""
    own = TextMap().find_scale(source, style)
    limit = own.limit if style.limit is None else style.limit
    scale = Scale(limit, own.signed if style.signed is None else style.signed)
    values = _compute_values(source, style)
    return TextView(
        build_passage(match_tokens(source.view.tokens, len(values)), values),
        source.caption,
        scale,
        get_colour_map(style, scale),
        choose_reduction(source.caption.reduce, style.reduce),
    )


def _compute_values(source: MapSource, style: Style) -> Floats:
    reduction = choose_reduction(source.caption.reduce, style.reduce)
    return compute_token_values(source.values, reduction, is_copied=source.caption.copied)
