"""Prepares the tokens of a text for people: subword marks, padding, characters without a shape."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inputgrad_cli.numeric.array_helpers import Floats
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.rendering.label_formatting import cut_middle

CONTINUED = "##"  # WordPiece: the token goes on with the word before
SPACED = ("\u2581", "\u0120")  # SentencePiece and byte-level BPE: a space stands before the token
LINE_BREAK = "\u010a"  # byte-level BPE: the end of a line
BREAK_SIGN = "⏎"
BLANK = "·"  # a token without characters; common fonts have no sign for a space
JOINERS = "\u200c\u200d"  # shape the letters and signs beside them, and change no direction
PADDINGS = ("", "[PAD]", "<pad>")
UNKNOWN = ("[UNK]", "<unk>")
PADDING_ID = 0  # by the convention of Keras
MAX_CHARACTERS = 60  # of one token


@dataclass(frozen=True)
class Token:
    """A token as it is shown: its text, its value, and its position among all tokens.

    `is_spaced` is true if a space stands before it, `ends_line` if a line ends after it.
    """

    text: str
    value: float
    position: int
    is_spaced: bool = True
    ends_line: bool = False
    is_unknown: bool = False


@dataclass(frozen=True)
class Passage:
    """The tokens of a text without its padding, whose values are in `padding_values`."""

    tokens: tuple[Token, ...]
    padding_values: Floats

    @property
    def values(self) -> Floats:
        """Return the value of each token, (T,)."""
        return np.array([token.value for token in self.tokens], np.float64)

    @property
    def is_right_to_left(self) -> bool:
        """Return whether the first letter with a direction is of a script from right to left."""
        directions = (find_direction(token.text) for token in self.tokens)
        return next((direction for direction in directions if direction), 1) < 0


def build_passage(words: Sequence[Any], values: Floats) -> Passage:
    """Return the tokens with their values, (T,); padding at both ends is set apart.

    `words` are texts, or ids where the model holds no vocabulary.
    """
    start, stop = _find_content(words)
    has_marks = any(str(word).startswith(SPACED) for word in words)
    tokens = [
        _build_token(words[position], float(values[position]), position, has_marks=has_marks)
        for position in range(start, stop)
    ]
    padding = np.concatenate([values[:start], values[stop:]])
    return Passage(tuple(tokens), np.asarray(padding, np.float64))


def _find_content(words: Sequence[Any]) -> tuple[int, int]:
    """Return where the tokens begin and end that are no padding."""
    start, stop = 0, len(words)
    while stop > start and _is_padding(words[stop - 1]):
        stop -= 1
    while start < stop and _is_padding(words[start]):
        start += 1
    return start, stop


def _is_padding(word: Any) -> bool:
    return word.strip() in PADDINGS if isinstance(word, str) else word == PADDING_ID


def _build_token(word: Any, value: float, position: int, *, has_marks: bool) -> Token:
    text = format_token(word)
    raw = str(word)
    if not isinstance(word, str):
        return Token(text, value, position)
    is_spaced = raw.startswith(SPACED) if has_marks else not raw.startswith(CONTINUED)
    return Token(text, value, position, is_spaced, raw.endswith(LINE_BREAK), raw in UNKNOWN)


def format_token(word: Any) -> str:
    """Return a token in one line: without the marks of subwords, an id as `#7`, cut if long."""
    if not isinstance(word, str):
        return f"#{word}"
    text = word.removeprefix(CONTINUED) if word != CONTINUED else word
    text = text.lstrip("".join(SPACED)).replace(LINE_BREAK, BREAK_SIGN)
    return cut_middle(escape_token(text), MAX_CHARACTERS) or BLANK


def escape_token(text: str) -> str:
    """Return printable text; joiners stay, because letters would lose their shape."""
    if text.isprintable():
        return text
    return "".join(c if c in JOINERS else to_printable(c) for c in text)


def find_direction(text: str) -> int:
    """Return -1 if the first letter is written from right to left, 1 for others, 0 for none."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return -1
        if kind == "L":
            return 1
    return 0


def rank_tokens(values: Floats) -> list[int]:
    """Return the positions of values by magnitude; those that are not finite come first."""
    sizes = np.where(np.isfinite(values), np.abs(values), np.inf)
    return [int(position) for position in np.argsort(-sizes, kind="stable")]
