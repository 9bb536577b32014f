"""Says in words what the colours of a text mean, and what of it is not shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.numeric.array_helpers import Floats
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.label_formatting import format_number, shorten_name
from inputgrad_cli.rendering.text.token_display import Passage
from inputgrad_cli.rendering.text.token_values import format_quantity


def format_title(caption: Caption) -> str:
    """Return the method, the target or its class, and the score."""
    return to_printable(caption.format_line())


def format_padding(values: Floats, reduction: str) -> str:
    """Return how many tokens are padding, and what their values come to unless all are zero."""
    text = f"{len(values)} padding tokens, not shown"
    if not values.any():
        return text
    if reduction == "sum":
        return f"{text}: {format_number(float(values.sum()), signed=True)} in all"
    largest = float(np.abs(values).max())
    return f"{text}: at most {format_number(largest)} each"


def list_remarks(passage: Passage, reduction: str, hidden: int) -> Sequence[str]:
    """Return what a reader cannot see in the words themselves."""
    values = passage.values
    remarks = []
    if not values.any():
        remarks.append("all zero")
    if not np.isfinite(values).all():
        remarks.append("green: not finite")
    if len(passage.padding_values):
        remarks.append(format_padding(passage.padding_values, reduction))
    if hidden:
        remarks.append(f"{hidden:,} of {len(values):,} tokens not shown")
    if any(token.is_unknown for token in passage.tokens):
        remarks.append("dotted outline: not in the vocabulary")
    return remarks


def format_unit(caption: Caption, reduction: str, *, is_signed: bool) -> str:
    """Return what a value is, and which side of the scale speaks for the target."""
    quantity = to_printable(format_quantity(caption, reduction))
    if not is_signed:
        return quantity
    label = f" {shorten_name(caption.label)}" if caption.label else ""
    below, above = caption.sides
    return f"← {below}{label}   {quantity}   {above}{label} →"
