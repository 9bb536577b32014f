"""Parses expressions `name:key=value,key=value` for methods, baselines and similar options.

The items of a list are separated by `;`. A value that contains `,` `:` or `=` is quoted with `'` or
`"`. Within quotes a backslash escapes the next character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from inputgrad_cli.errors import GrammarError

# Only 0 to 9: isdigit() accepts ², which int() refuses. Python refuses thousands of digits, too;
# no count or index that anyone means has more than these.
WHOLE_NUMBER = re.compile("[0-9]{1,18}")


@dataclass(frozen=True)
class Word:
    """A piece of an expression, and its start and end in it."""

    text: str
    at: int
    end: int


@dataclass(frozen=True)
class Call:
    """A parsed expression: a name with its arguments, and the text it was parsed from."""

    name: Word
    args: Mapping[str, tuple[Word, Word]]
    source: str

    def build_error(self, message: str, word: Word, hint: str = "") -> GrammarError:
        """Build an error that points at `word`."""
        return GrammarError(message, self.source, word.at, word.end, hint)


def parse(text: str) -> Call:
    """Parse an expression; raise a GrammarError that points at the wrong word."""
    name, rest = _read_until(text, 0, ":")
    if not name.text.strip():
        raise GrammarError("a name is missing", text, 0, 1)
    args: dict[str, tuple[Word, Word]] = {}
    at = rest
    # A colon at the end asks for an argument, which is missing then.
    while at < len(text) or (at == rest and rest > name.end):
        key, value, at = _pair(text, at)
        if key.text in args:
            raise GrammarError(f"{key.text!r} is given twice", text, key.at, key.end)
        args[key.text] = (key, value)
    return Call(name, args, text)


def _pair(text: str, at: int) -> tuple[Word, Word, int]:
    key, after = _read_until(text, at, "=,")
    if not key.text:
        raise GrammarError("a key=value is missing here", text, at, at + 1)
    if text[key.end : key.end + 1] != "=":
        raise GrammarError(f"{key.text!r} needs a value: {key.text}=VALUE", text, key.at, key.end)
    value, after = _read_until(text, after, ",", quotes=True)
    if not value.text and value.end == value.at:
        raise GrammarError(f"{key.text!r} has an empty value", text, key.at, value.end + 1)
    if after == len(text) and text.endswith(",") and value.end < len(text):
        raise GrammarError("a key=value is missing after the comma", text, len(text) - 1)
    return key, value, after


def _read_until(text: str, at: int, stops: str, quotes: bool = False) -> tuple[Word, int]:
    """Return the word from `at` to the first of `stops`, and the position after that stop."""
    if quotes and text[at : at + 1] in ("'", '"'):
        return _read_quoted(text, at)
    end = min((i for i in (text.find(s, at) for s in stops) if i >= 0), default=len(text))
    word = text[at:end]
    if quotes and (bad := next((c for c in word if c in ":="), "")):
        hint = f'put the value in quotes: "{word}"'
        raise GrammarError(f"a value with {bad!r} must be quoted", text, at, end, hint)
    return Word(word.strip(), at, end), min(end + 1, len(text))


def _read_quoted(text: str, at: int) -> tuple[Word, int]:
    quote, out, i = text[at], [], at + 1
    while i < len(text) and text[i] != quote:
        if text[i] == "\\" and i + 1 < len(text):
            i += 1
        out.append(text[i])
        i += 1
    if i >= len(text):
        raise GrammarError("the quote is not closed", text, at, len(text))
    if i + 1 < len(text) and text[i + 1] != ",":
        raise GrammarError("a comma is missing after the quote", text, i + 1, i + 2)
    return Word("".join(out), at, i + 1), min(i + 2, len(text))


def quote(value: str) -> str:
    """Quote a value if it needs quotes, so that parsing returns the same value."""
    # Spaces at the ends would be lost without quotes.
    if value and not any(c in value for c in ",:='\"\\") and value == value.strip():
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unquote(text: str) -> str | None:
    """Return the content of a quoted text with escapes resolved, None if it is not quoted."""
    match = re.fullmatch(r"""(["'])((?:\\.|(?!\1)[^\\])*)\1""", text, re.S)
    return None if match is None else re.sub(r"\\(.)", r"\1", match[2], flags=re.S)


def parse_whole_number(text: str) -> int | None:
    """Return the number that a text of digits means, None for any other text."""
    return int(text) if WHOLE_NUMBER.fullmatch(text) else None


def as_list(value: str) -> list[str]:
    """Split a value at `;` into the items of a list."""
    return [part.strip() for part in value.split(";")]
