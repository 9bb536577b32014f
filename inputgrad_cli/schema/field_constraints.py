"""Describes the values that a field of a record may hold, and the problems of other values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, is_typeddict

TYPE_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
TYPE_WORDS |= {list: "a list", dict: "an object", NoneType: "null"}
MAX_SHOWN_CHARACTERS = 40  # of a wrong value that a message repeats


@dataclass(frozen=True)
class Constraint:
    """A condition on a value of the right type; `expected` describes the valid values."""

    expected: str
    test: Callable[[Any], bool]


@dataclass(frozen=True)
class Problem:
    """A problem with one field of a record.

    `path` has the keys that lead to the field; it is empty for the whole record.
    """

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        keys = [str(key)[:MAX_SHOWN_CHARACTERS] for key in self.path]
        return f"{'.'.join(keys)}: {self.message}" if keys else self.message

    def add_prefix(self, key: str | int) -> Problem:
        """Return the problem with `key` before its path, as the enclosing record reports it."""
        return Problem((key, *self.path), self.message)


Problems = tuple[Problem, ...]
NO_PROBLEMS: Problems = ()


def require_range(low: float, high: float, noun: str = "a number") -> Constraint:
    """Return the constraint that a number lies from `low` to `high`, both included."""
    return Constraint(f"{noun} from {low} to {high}", lambda value: low <= value <= high)


def format_value(value: object) -> str:
    """Return a JSON value as short text; lists and objects are named by their type only."""
    if isinstance(value, (list, dict)):
        return TYPE_WORDS[type(value)]
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    # A record may come from anyone; its control characters must not reach the terminal.
    text = ascii(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."


def report_mismatch(expected: str, value: object) -> Problems:
    """Return the problem that `value` is not what was expected."""
    return (Problem((), f"expected {expected}, received {format_value(value)}"),)


def describe_type(kind: Any) -> str:
    """Return a description of the values that a field of this type holds."""
    origin = get_origin(kind)
    if origin is Annotated:
        return str(kind.__metadata__[0].expected)
    if origin is Literal:
        return _join_with_or([format_value(value) for value in get_args(kind)])
    if origin in (Union, UnionType):
        return _join_with_or([describe_type(part) for part in get_args(kind)])
    if is_typeddict(origin or kind):
        return TYPE_WORDS[dict]
    return TYPE_WORDS.get(origin or kind, "a value")


def _join_with_or(alternatives: list[str]) -> str:
    if len(alternatives) == 1:
        return alternatives[0]
    return f"{', '.join(alternatives[:-1])} or {alternatives[-1]}"


def add_prefix(key: str | int, problems: Problems) -> Problems:
    """Return the problems with `key` before their paths."""
    return tuple(problem.add_prefix(key) for problem in problems)
