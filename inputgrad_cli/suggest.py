"""What somebody may have meant who typed a word that is not known."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

MOST = 3  # suggestions in a sentence
CLOSE = 0.6  # of 1, as difflib measures; below that, two words only share letters
SPREAD = 0.1  # how much less alike than the likeliest another suggestion may be
SHORT = 3  # letters; shorter pieces are parts of too many words


def suggest(
    word: str, names: Iterable[str], aliases: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Return the names that `word` may stand for, likeliest first; at most three, often none.

    `aliases` are other words that people use, each for one or more of the names. Case, accents,
    hyphens, underscores and spaces do not count.
    """
    known = list(dict.fromkeys(names))
    wanted = _plain(word)
    if not wanted:
        return []
    if same := [name for name in known if _plain(name) == wanted]:
        return same[:MOST]
    for alias, meant in (aliases or {}).items():
        if _plain(alias) == wanted:
            return [name for name in meant if name in known][:MOST]
    scores = {name: _likeness(wanted, _plain(name)) for name in known}
    least = max(CLOSE, max(scores.values(), default=0.0) - SPREAD)
    near = [name for name, score in scores.items() if score >= least]
    return sorted(near, key=lambda name: -scores[name])[:MOST]


def did_you_mean(words: Sequence[str]) -> str:
    """Return the question that offers the words, nothing where there are none."""
    if not words:
        return ""
    quoted = [repr(word) for word in words]
    *others, last = quoted
    return f"did you mean {', '.join(others) + ' or ' if others else ''}{last}?"


def advice(words: Sequence[str], listing: str) -> str:
    """Return the question that offers the words, and where all of them are listed."""
    return " ".join(part for part in (did_you_mean(words), listing) if part)


def _plain(word: str) -> str:
    """Return the letters and digits of a word, small and without accents; a `+` counts as well."""
    split = unicodedata.normalize("NFKD", word.strip()).casefold()
    letters = "".join(c for c in split if c.isalnum() or c == "+")
    return letters.replace("plus", "+") or split


def _likeness(wanted: str, name: str) -> float:
    """Return how alike two plain words are, 0 to 1; a word within the other is close enough."""
    short, long = sorted((wanted, name), key=len)
    inside = len(short) >= SHORT and short in long
    matcher = difflib.SequenceMatcher(None, wanted, name)
    if not inside and matcher.real_quick_ratio() < CLOSE:
        return 0.0
    return max(matcher.ratio(), CLOSE if inside else 0.0)
