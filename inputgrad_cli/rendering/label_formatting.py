"""Formats the names and numbers that stand in pictures."""

from __future__ import annotations

import math

from inputgrad_cli.option_choices import to_printable

MAX_NAME = 28  # characters of a name in a picture
MAX_WHOLE = 1e9  # whole numbers below it are written with all digits
MAX_TEXT = 20  # characters of a value that is a word
ELLIPSIS = "…"
MINUS = "\u2212"  # as wide as a plus sign, unlike a hyphen
# Isolates keep a name in Arabic or Hebrew from pulling the number after it to its other side.
LEFT_TO_RIGHT, ISOLATE, POP_ISOLATE = "\u200e", "\u2068", "\u2069"


def format_number(value: float, signed: bool = False, digits: int = 3) -> str:
    """Return a number of `digits` significant digits, with a true minus.

    With `signed`, positive numbers have a plus sign. Numbers below 1e-3 and from 1e5 are written
    with an exponent, NaN as words, and infinities always with their sign.
    """
    if math.isnan(value):
        return "not a number"
    sign = MINUS if value < 0 else "+" if signed or math.isinf(value) else ""
    size = abs(float(value))
    if math.isinf(size):
        return sign + "∞"
    if size == 0:
        return "0"
    size = float(f"{size:.{digits - 1}e}")  # rounded before the form is chosen: 99,999 is 1e5
    if not 1e-3 <= size < 1e5:
        mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
        return f"{sign}{mantissa}e{exponent.replace('-', MINUS)}"
    return sign + (f"{size:.0f}" if size >= 10**digits else f"{size:.{digits}g}")


def shorten_name(name: str, limit: int = MAX_NAME) -> str:
    """Return a name in one line of at most `limit` characters, with control characters escaped.

    It is cut in its middle, because both ends tell columns such as `job=clerk` apart.
    """
    return cut_middle(to_printable(name), limit)


def cut_middle(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters, cut in its middle if it is longer."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return text[: limit - 1 - tail] + ELLIPSIS + text[len(text) - tail :]


def join_name(name: str, value: str | None = None, limit: int = MAX_NAME) -> str:
    """Return `name = value`, or the name alone, each in the direction of its own script."""
    label = f"{LEFT_TO_RIGHT}{ISOLATE}{shorten_name(name, limit)}{POP_ISOLATE}"
    if value is None:
        return label
    return f"{label} = {ISOLATE}{shorten_name(value, MAX_TEXT)}{POP_ISOLATE}"


def format_value(value: str | bytes | float) -> str:
    """Return the value of an input: a whole number, one of at most 6 digits, or a word."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value
    size = abs(float(value))
    if size < MAX_WHOLE and size.is_integer():
        return f"{MINUS if value < 0 else ''}{size:.0f}"
    return f"{float(value):.6g}".replace("-", MINUS)
