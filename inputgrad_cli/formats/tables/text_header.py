"""Whether the first row of a table of texts names its columns.

Any text may be a name, so the first row is compared with the rows below it. Where both readings
are possible it is a text: a row too many is seen in the result, a row lost is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from inputgrad_cli.formats.tables.dialect import is_word, number

# What columns of texts are called in tables that people share.
NAMES = {
    "abstract", "answer", "article", "body", "caption", "chat", "comment", "content", "context",
    "description", "document", "email", "feedback", "headline", "hypothesis", "input",
    "message", "msg", "news", "note", "paragraph", "passage", "phrase", "post", "premise",
    "prompt", "query", "question", "quote", "reply", "response", "review", "sentence", "sms",
    "snippet", "story", "subject", "summary", "text", "title", "transcript", "tweet",
    "utterance",
}  # fmt: skip
# One word as a column is called; a sentence has blanks, or marks that end it.
IDENTIFIER = re.compile(r"[^\W\d][\w.:/-]{0,39}")
ENOUGH = 2  # texts of several words below a single word: below one text the word may be a text


def heads_texts(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns of the texts `below` it.

    It does where it has a word above numbers, a name that columns of texts have, or single words
    alone, one of them above texts that all have several words.
    """
    columns = [
        [row[place] for row in below if place < len(row) and row[place].strip()]
        for place in range(len(first))
    ]
    names = [cell.strip() for cell in first]
    pairs = list(zip(names, columns, strict=True))
    if any(_is_numeric(cells) and is_word(name) for name, cells in pairs):
        return True
    if not all(IDENTIFIER.fullmatch(name) or not name or _is_known(name) for name in names):
        return False
    return any(_is_known(name) or _is_above_sentences(name, cells) for name, cells in pairs)


def may_head_texts(first: Sequence[str]) -> bool:
    """Return whether a first row could name its columns, as far as it tells by itself."""
    return all(IDENTIFIER.fullmatch(cell.strip()) for cell in first)


def _is_numeric(cells: Sequence[str]) -> bool:
    return bool(cells) and all(number(cell) is not None for cell in cells)


def _is_known(name: str) -> bool:
    """Return whether a cell is called as columns of texts are: `Review Text`, `clean_text`."""
    words = [word for word in re.split(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])", name) if word]
    known = [word.casefold().removesuffix("s") in NAMES for word in words]
    # Of several words with blanks between them all must be known: "nice comment" is a text.
    return bool(known) and (any(known) if IDENTIFIER.fullmatch(name) else all(known))


def _is_above_sentences(name: str, cells: Sequence[str]) -> bool:
    return bool(name) and len(cells) >= ENOUGH and all(len(cell.split()) > 1 for cell in cells)
