"""Lays out the tokens of a text in lines, from left to right or from right to left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inputgrad_cli.rendering.text.token_display import Passage, Token, find_direction

SPACE = 6  # pixels between two words
PADDING = 2  # pixels left and right of the letters of a token, on its ground
MAX_LINES = 40


@dataclass(frozen=True)
class PlacedToken:
    """A token, and the pixels at which its ground begins and how wide it is."""

    token: Token
    left: float
    width: float


@dataclass(frozen=True)
class Line:
    """Tokens in one line; `index` counts the lines of the whole text."""

    index: int
    tokens: tuple[PlacedToken, ...]

    @property
    def size(self) -> float:
        """Return the largest magnitude in the line, infinity if a value is not finite."""
        values = np.array([placed.token.value for placed in self.tokens], np.float64)
        return float(np.where(np.isfinite(values), np.abs(values), np.inf).max(initial=0.0))


def break_lines(passage: Passage, width: float, measure: Callable[[str], float]) -> list[Line]:
    """Return all lines of a text that is `width` pixels wide; `measure` gives widths of letters.

    A text from right to left begins at the right edge.
    """
    is_mirrored = passage.is_right_to_left
    return [
        Line(index, tuple(_place_tokens(row, width, is_mirrored=is_mirrored)))
        for index, row in enumerate(_yield_rows(passage.tokens, width, measure))
    ]


def _yield_rows(
    tokens: Sequence[Token], width: float, measure: Callable[[str], float]
) -> Iterator[list[tuple[Token, float]]]:
    """Yield the tokens of each line with the widths of their grounds."""
    row: list[tuple[Token, float]] = []
    end = 0.0
    for token in tokens:
        size = measure(token.text) + 2 * PADDING
        space = SPACE if row and token.is_spaced else 0
        if row and end + space + size > width:
            yield row
            row, end, space = [], 0.0, 0
        row.append((token, size))
        end += space + size
        if token.ends_line:
            yield row
            row, end = [], 0.0
    if row:
        yield row


def _place_tokens(
    row: Sequence[tuple[Token, float]], width: float, *, is_mirrored: bool
) -> Iterator[PlacedToken]:
    """Yield the tokens of a line where a reader expects them."""
    gaps = [SPACE if index and token.is_spaced else 0 for index, (token, _) in enumerate(row)]
    ends = np.cumsum([gap + size for gap, (_, size) in zip(gaps, row, strict=True)])
    for start, stop, is_turned in _split_directions([token for token, _ in row], is_mirrored):
        left = ends[start] - row[start][1]
        for index in range(start, stop):
            token, size = row[index]
            begin = ends[index] - size
            # Words of the other direction stand in their own order within their part of the line.
            begin = left + ends[stop - 1] - ends[index] if is_turned else begin
            yield PlacedToken(token, width - begin - size if is_mirrored else begin, size)


def _split_directions(
    tokens: Sequence[Token], is_mirrored: bool
) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, stop, whether it runs against the line) for runs of tokens.

    Tokens without a direction belong to a run of the other direction if they stand within it, and
    numbers also if they follow it, as the bidirectional algorithm of Unicode has it.
    """
    base = -1 if is_mirrored else 1
    directions = [find_direction(token.text) for token in tokens]
    position = 0
    while position < len(tokens):
        if directions[position] != -base:
            yield position, position + 1, False
            position += 1
            continue
        stop = position + 1
        for index in range(position + 1, _find_next(directions, base, position)):
            follows = index == stop and any(c.isdigit() for c in tokens[index].text)
            stop = index + 1 if directions[index] or follows else stop
        yield position, stop, True
        position = stop


def _find_next(directions: Sequence[int], direction: int, start: int) -> int:
    """Return the index of the next token of a direction, or that after the last."""
    following = (i for i in range(start, len(directions)) if directions[i] == direction)
    return next(following, len(directions))


def select_lines(lines: Sequence[Line]) -> list[Line]:
    """Return at most `MAX_LINES` lines in their order: those that hold the largest values."""
    if len(lines) <= MAX_LINES:
        return list(lines)
    by_size = sorted(lines, key=lambda line: -line.size)
    return sorted(by_size[:MAX_LINES], key=lambda line: line.index)
