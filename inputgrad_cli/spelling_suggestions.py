"""Suggests known words for an unknown word that a user typed."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

MAX_SUGGESTIONS = 3  # in one message
MIN_SIMILARITY = 0.6  # difflib ratio, 0 to 1; less similar words only share letters
MAX_SIMILARITY_GAP = 0.1  # difflib ratio by which a suggestion may be below the best one
MIN_LETTERS = 3  # shorter words are contained in too many other words


def suggest(
    word: str,
    names: Iterable[str],
    aliases: Mapping[str, Sequence[str]] | None = None,
    *,
    min_similarity: float = MIN_SIMILARITY,
) -> list[str]:
    """Return the names that `word` may stand for, at most three, the most likely first.

    `aliases` maps other words that people use to the names that they may stand for. Case, accents,
    hyphens, underscores and spaces are ignored. `min_similarity`, 0.6 to 1, is that of two words
    without them; at more than 0.6, a word is no longer similar because it contains the other.
    """
    known_names = list(dict.fromkeys(names))
    normalized = _normalize(word)
    if not normalized:
        return []
    if equal := [name for name in known_names if _normalize(name) == normalized]:
        return equal[:MAX_SUGGESTIONS]
    for alias, meanings in (aliases or {}).items():
        if _normalize(alias) == normalized:
            return [name for name in meanings if name in known_names][:MAX_SUGGESTIONS]
    scores = {name: _compute_similarity(normalized, _normalize(name)) for name in known_names}
    threshold = max(min_similarity, max(scores.values(), default=0.0) - MAX_SIMILARITY_GAP)
    near = [name for name, score in scores.items() if score >= threshold]
    return sorted(near, key=lambda name: -scores[name])[:MAX_SUGGESTIONS]


def format_question(words: Sequence[str]) -> str:
    """Return the question that offers the words, an empty text if there are none."""
    if not words:
        return ""
    quoted = [repr(word) for word in words]
    *others, last = quoted
    return f"did you mean {', '.join(others) + ' or ' if others else ''}{last}?"


def format_advice(words: Sequence[str], listing: str) -> str:
    """Return the question that offers the words, followed by where all names are listed."""
    return " ".join(part for part in (format_question(words), listing) if part)


def _normalize(word: str) -> str:
    """Return a word's letters, digits and `+`, in lower case and without accents."""
    decomposed = unicodedata.normalize("NFKD", word.strip()).casefold()
    characters = "".join(c for c in decomposed if c.isalnum() or c == "+")
    # Methods such as gradcam++ are written with the word, too. A word of other characters alone
    # stands for itself.
    return characters.replace("plus", "+") or decomposed


def _compute_similarity(word: str, name: str) -> float:
    """Return the similarity of two normalized words, 0 to 1; high if one contains the other."""
    short, long = sorted((word, name), key=len)
    inside = len(short) >= MIN_LETTERS and short in long
    # The ratio of two words depends on their order; this is that of difflib.get_close_matches.
    matcher = difflib.SequenceMatcher(None, name, word)
    if not inside and matcher.real_quick_ratio() < MIN_SIMILARITY:
        return 0.0
    return max(matcher.ratio(), MIN_SIMILARITY if inside else 0.0)
