"""Writes a text as HTML with inline styles alone, for browsers, notebooks and reports.

Tokens have neither padding nor margin, so that letters join across them where a script joins
letters. Everything that comes from a text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.picture_style import Scale
from inputgrad_cli.rendering.label_formatting import format_number
from inputgrad_cli.rendering.text.legend_wording import format_title, format_unit, list_remarks
from inputgrad_cli.rendering.text.token_colours import build_scale_colours, get_ink, paint_values
from inputgrad_cli.rendering.text.token_display import Passage, Token, rank_tokens

MAX_TOKENS = 2000
TOP_TOKENS = 10
STOPS = 8  # of the gradient of the legend; colour maps bend little between them
PAPER = "background:#fff;color:#111;color-scheme:light;font:16px sans-serif"
BLOCK = "margin:8px 0;line-height:1.9;white-space:pre-wrap;overflow-wrap:anywhere"
BAR = "display:inline-block;width:160px;height:12px;vertical-align:middle;margin:0 6px"
CELL = "padding:1px 12px 1px 0;text-align:start"
QUIET = "color:#555;font-size:13px;margin:4px 0;white-space:pre-wrap"
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class TextView:
    """A text with what its colours mean."""

    passage: Passage
    caption: Caption
    scale: Scale
    cmap: str
    reduction: str


def build_page(view: TextView, fragment: str) -> bytes:
    """Return a page with the fragment of a text, which neither runs scripts nor loads anything."""
    title = escape(format_title(view.caption))
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n</head>\n"
        f'<body style="{PAPER};max-width:56em;margin:16px auto;padding:0 12px">\n'
        f"{fragment}\n</body>\n</html>\n"
    )
    return page.encode()


def build_fragment(view: TextView) -> str:
    """Return the text with its title, its legend and a table of its strongest tokens."""
    passage = view.passage
    shown = passage.tokens[:MAX_TOKENS]
    spans = "".join(_yield_spans(view, shown))
    remarks = list_remarks(passage, view.reduction, len(passage.tokens) - len(shown))
    notes = f'<p style="{QUIET}">{escape("; ".join(remarks))}</p>' if remarks else ""
    return (
        f'<div style="{PAPER};padding:8px">'
        f'<p style="margin:0;font-weight:bold">{escape(format_title(view.caption))}</p>'
        f'<div dir="auto" style="{BLOCK}">{spans}</div>'
        f"{_build_legend(view)}{notes}{_build_table(view)}</div>"
    )


def _yield_spans(view: TextView, tokens: Sequence[Token]) -> Iterator[str]:
    """Yield a span for each token, with the space or the end of a line that stands beside it."""
    colours = paint_values(view.passage.values[: len(tokens)], view.scale, view.cmap)
    for index, (token, colour) in enumerate(zip(tokens, colours.tolist(), strict=True)):
        style = f"background:{_to_hex(colour)};color:{_to_hex(get_ink((*colour,)))}"
        style += ";outline:1px dotted #555" if token.is_unknown else ""
        title = escape(format_number(token.value, signed=True))
        space = " " if index and token.is_spaced and not tokens[index - 1].ends_line else ""
        end = "\n" if token.ends_line else ""
        yield f'{space}<span style="{style}" title="{title}">{escape(token.text)}</span>{end}'


def _build_legend(view: TextView) -> str:
    scale = view.scale
    words = escape(format_unit(view.caption, view.reduction, is_signed=scale.signed))
    if not scale.limit:
        return f'<p style="{QUIET}">{words}</p>'
    colours = build_scale_colours(scale, view.cmap).tolist()
    stops = [colours[round(i * (len(colours) - 1) / STOPS)] for i in range(STOPS + 1)]
    gradient = ",".join(map(_to_hex, stops))
    ends = (escape(format_number(end, signed=True)) for end in (scale.low, scale.limit))
    low, high = ends
    bar = f'<span style="{BAR};background:linear-gradient(to right,{gradient})"></span>'
    return f'<p style="{QUIET}"><span dir="ltr">{low}{bar}{high}</span>   {words}</p>'


def _build_table(view: TextView) -> str:
    """Return the strongest tokens as a table, which can be read without colours."""
    tokens = view.passage.tokens
    if not tokens:
        return ""
    head = "".join(
        f'<th scope="col" style="{CELL}">{word}</th>'
        for word in ("token", "position", "attribution")
    )
    rows = [_build_row(tokens[i]) for i in rank_tokens(view.passage.values)[:TOP_TOKENS]]
    return (
        f'<table style="border-collapse:collapse;font-size:14px"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _build_row(token: Token) -> str:
    return (
        f'<tr><td dir="auto" style="{CELL};overflow-wrap:anywhere">{escape(token.text)}</td>'
        f'<td style="{CELL}">{token.position}</td>'
        f'<td style="{CELL}">{escape(format_number(token.value, signed=True))}</td></tr>'
    )


def _to_hex(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{level:02x}" for level in colour)
