"""Detects whether the first row of a table of texts is a header.

Any text may be a name, so the first row is compared with the rows below it. If both readings are
possible it counts as a text, because an extra row is visible in the result and a lost one is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inputgrad_cli.formats.tables.delimiter_and_decimal_detection import is_word, parse_number

# Common names of text columns in published tables.
COLUMN_NAMES = {
    "abstract", "answer", "article", "body", "caption", "chat", "comment", "content", "context",
    "description", "document", "email", "feedback", "headline", "hypothesis", "input",
    "message", "msg", "news", "note", "paragraph", "passage", "phrase", "post", "premise",
    "prompt", "query", "question", "quote", "reply", "response", "review", "sentence", "sms",
    "snippet", "story", "subject", "summary", "text", "title", "transcript", "tweet",
    "utterance",
}  # fmt: skip
# A single word, as in a column name. A sentence has spaces or ends with punctuation.
IDENTIFIER = re.compile(r"[^\W\d][\w.:/-]{0,39}")
MIN_TEXTS = 2  # texts of several words below the name; above one text, a word may be a text


def is_text_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns of the texts `below` it.

    It does if it has a word above numbers, a common name of text columns, or only single words of
    which one is above texts that all have several words.
    """
    columns = [
        [row[index] for row in below if index < len(row) and row[index].strip()]
        for index in range(len(first))
    ]
    names = [cell.strip() for cell in first]
    pairs = list(zip(names, columns, strict=True))
    if any(_is_numeric(cells) and is_word(name) for name, cells in pairs):
        return True
    if not all(IDENTIFIER.fullmatch(name) or not name or _is_known(name) for name in names):
        return False
    return any(_is_known(name) or _is_above_sentences(name, cells) for name, cells in pairs)


def may_be_text_header(first: Sequence[str]) -> bool:
    """Return whether a first row could be a header, without a look at the rows below it."""
    return all(IDENTIFIER.fullmatch(cell.strip()) for cell in first)


def _is_numeric(cells: Sequence[str]) -> bool:
    return bool(cells) and all(parse_number(cell) is not None for cell in cells)


def _is_known(name: str) -> bool:
    """Return whether a cell is a common column name, such as `Review Text` or `clean_text`."""
    words = [word for word in re.split(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])", name) if word]
    known = [word.casefold().removesuffix("s") in COLUMN_NAMES for word in words]
    # Of words separated by spaces all must be known, because "nice comment" is a text.
    return bool(known) and (any(known) if IDENTIFIER.fullmatch(name) else all(known))


def _is_above_sentences(name: str, cells: Sequence[str]) -> bool:
    return bool(name) and len(cells) >= MIN_TEXTS and all(len(cell.split()) > 1 for cell in cells)
