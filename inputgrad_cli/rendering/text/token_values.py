"""Computes the value of each token from the map at its embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.numeric.array_helpers import Array, Floats
from inputgrad_cli.rendering.colour_scale import reduce_channels

MISSING = "?"  # stands for a token that the record of a map does not hold
WORDS = {"sum": "", "l2": "L2 norm", "max-abs": "largest magnitude", "mean-abs": "mean magnitude"}
WORDS |= {"positive": "positive part", "negative": "negative part"}


def choose_reduction(method_reduce: str, reduce: str | None = None) -> str:
    """Return how the values of an embedding become one: `reduce` if it is given.

    Otherwise it is the sum for attributions, which add up to that of the token, and the L2 norm
    for gradients, which have a value per unit of each coordinate.
    """
    return reduce or ("sum" if method_reduce == "sum" else "l2")


def compute_token_values(values: Array, reduction: str, *, is_copied: bool) -> Floats:
    """Return the value of each token, (T,) float64, from the map of one sample, (T, E) or (E,).

    A value that stands for the whole embedding is counted once.
    """
    rows = np.asarray(values)
    rows = rows.reshape(1, -1) if rows.ndim < 2 else rows
    if not rows.size:
        return np.zeros(len(rows))
    return reduce_channels(rows, reduction, is_copied)


def match_tokens(tokens: Sequence[Any], count: int) -> Sequence[Any]:
    """Return the tokens of a map with `count` values; marks for them if it has others.

    A record that was damaged may hold anything in their place.
    """
    is_whole = isinstance(tokens, (list, tuple)) and len(tokens) == count
    return tokens if is_whole else [MISSING] * count


def format_quantity(caption: Caption, reduction: str) -> str:
    """Return what the value of a token is."""
    if caption.copied or not WORDS[reduction]:
        return caption.quantity
    return f"{caption.quantity}, {WORDS[reduction]} over the embedding"
