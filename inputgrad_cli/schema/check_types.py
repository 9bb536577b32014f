"""Checks a JSON value against a type: the annotations of the records say what each field is.

Understood are TypedDict, `NotRequired`, `list`, `dict[str, ...]`, `Literal`, unions, and
`Annotated[..., Must(...)]`. Fields that a record does not know are ignored: later versions may
write more.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from inputgrad_cli.schema.encoded_names import TWIN, decode_name, plain

MAX_WHOLE = 1 << 63  # beyond, no size, count or seed of ours can lie
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
WORDS |= {list: "a list", dict: "an object", NoneType: "null"}
MAX_PROBLEMS = 20  # that are told of one list: the next million says nothing new
SHOWN = 40  # letters of a wrong value that a message repeats


@dataclass(frozen=True)
class Must:
    """A condition on a value of the right type; `words` say what is expected instead."""

    words: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of a record; `path` leads to it, empty for the whole record."""

    path: tuple[str | int, ...]
    message: str

    def __str__(self) -> str:
        keys = [str(key)[:SHOWN] for key in self.path]
        return f"{'.'.join(keys)}: {self.message}" if keys else self.message

    def below(self, key: str | int) -> Problem:
        """Return the problem as it is seen from the record that holds this one."""
        return Problem((key, *self.path), self.message)


Problems = tuple[Problem, ...]
Check = Callable[[Any], Problems]
FINE: Problems = ()


def between(low: float, high: float, noun: str = "a number") -> Must:
    """Return the condition that a number lies from `low` to `high`."""
    return Must(f"{noun} from {low} to {high}", lambda value: low <= value <= high)


def show(value: object) -> str:
    """Return a JSON value in a few words: lists and objects by their kind alone."""
    if isinstance(value, (list, dict)):
        return WORDS[type(value)]
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _wrong(words: str, value: object) -> Problems:
    return (Problem((), f"expected {words}, received {show(value)}"),)


_CHECKS: dict[Any, Check] = {}


def check_of(kind: Any) -> Check:
    """Return the check of a type; it is built once."""
    if kind not in _CHECKS:
        _CHECKS[kind] = _build(kind)
    return _CHECKS[kind]


def _build(kind: Any) -> Check:
    origin = get_origin(kind)
    if is_typeddict(origin or kind):
        return _object(kind)
    builders: Mapping[Any, Callable[[Any], Check]] = {
        Annotated: _annotated,
        Literal: _literal,
        Union: _union,
        UnionType: _union,
        list: _list,
        dict: _mapping,
    }
    if origin in builders:
        return builders[origin](kind)
    return (lambda value: FINE) if kind in (Any, object) else _plain(kind)


def describe(kind: Any) -> str:
    """Return in words what a field of this type holds."""
    origin = get_origin(kind)
    if origin is Annotated:
        return str(kind.__metadata__[0].words)
    if origin is Literal:
        return _either([show(value) for value in get_args(kind)])
    if origin in (Union, UnionType):
        return _either([describe(part) for part in get_args(kind)])
    if is_typeddict(origin or kind):
        return WORDS[dict]
    return WORDS.get(origin or kind, "a value")


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _plain(kind: type) -> Check:
    tests: Mapping[type, Callable[[Any], bool]] = {
        int: lambda value: type(value) is int and -MAX_WHOLE < value < MAX_WHOLE,
        float: lambda value: type(value) in (int, float) and _is_finite(value),
        str: lambda value: type(value) is str and (value.isascii() or _is_text(value)),
        NoneType: lambda value: value is None,
    }
    test = tests.get(kind, lambda value: type(value) is kind)
    words = WORDS[kind]
    return lambda value: FINE if test(value) else _wrong(words, value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


def _is_text(value: str) -> bool:
    """Return whether a system's names or UTF-8 could hold the text: no half of a pair stands alone.

    Bytes of a name that are no UTF-8 are halves of their own range, and stay.
    """
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _annotated(kind: Any) -> Check:
    base = check_of(get_args(kind)[0])
    (must,) = kind.__metadata__

    def check(value: Any) -> Problems:
        return base(value) or (FINE if must.holds(value) else _wrong(must.words, value))

    return check


def _literal(kind: Any) -> Check:
    known, words = {(type(word), word) for word in get_args(kind)}, describe(kind)

    def check(value: Any) -> Problems:
        fits = value.__hash__ is not None and (type(value), value) in known
        return FINE if fits else _wrong(words, value)

    return check


def _union(kind: Any) -> Check:
    parts = [(check_of(part), _outer(part)) for part in get_args(kind)]
    words = describe(kind)

    def check(value: Any) -> Problems:
        alike: list[Problems] = []
        for part, outer in parts:
            problems = part(value)
            if not problems:
                return FINE
            if outer is type(value):
                alike.append(problems)
        # Where one alternative alone is of this kind, what it misses says more.
        return alike[0] if len(alike) == 1 else _wrong(words, value)

    return check


def _outer(kind: Any) -> Any:
    """Return the type that JSON gives for a value of this kind, as far as it is one."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _outer(get_args(kind)[0])
    return dict if is_typeddict(origin or kind) else origin or kind


def _list(kind: Any) -> Check:
    inner = check_of(get_args(kind)[0])

    def check(value: Any) -> Problems:
        if type(value) is not list:
            return _wrong(WORDS[list], value)
        wrong = FINE
        for key, each in enumerate(value):  # plain loops: journals have ten thousands of lines
            if problems := inner(each):
                wrong += _below(key, problems)
                if len(wrong) >= MAX_PROBLEMS:
                    break
        return wrong

    return check


def _mapping(kind: Any) -> Check:
    name, inner = check_of(str), check_of(get_args(kind)[1])

    def check(value: Any) -> Problems:
        if type(value) is not dict:
            return _wrong(WORDS[dict], value)
        wrong = FINE
        for key, each in value.items():
            if problems := name(key) or inner(each):
                wrong += _below(key, problems)
                if len(wrong) >= MAX_PROBLEMS:
                    break
        return wrong

    return check


def _below(key: str | int, problems: Problems) -> Problems:
    return tuple(problem.below(key) for problem in problems)


def _object(kind: Any) -> Check:
    """Return the check of a TypedDict; a name with an exact twin is checked as its bytes are."""
    fields = [_field(key, hint) for key, hint in _hints(kind).items()]

    def check(value: Any) -> Problems:
        if type(value) is not dict:
            return _wrong(WORDS[dict], value)
        wrong = FINE
        for key, twin, inner, words in fields:
            if key not in value:
                if words:
                    wrong += (Problem((key,), f"is missing, expected {words}"),)
                continue
            problems = _exact(value, key, inner) if twin in value else inner(value[key])
            if problems:
                wrong += _below(key, problems)
        return wrong

    return check


def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of the fields, those of a generic record filled in."""
    base = get_origin(kind) or kind
    given = dict(zip(getattr(base, "__parameters__", ()), get_args(kind), strict=True))
    hints = get_type_hints(base, include_extras=True)
    return {k: given[v] if isinstance(v, TypeVar) else v for k, v in hints.items()}


def _field(key: str, hint: Any) -> tuple[str, str, Check, str]:
    """Return a field's key and its twin's, its check, and what it holds, "" where it may lack."""
    optional = get_origin(hint) is NotRequired
    kind = get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint
    return key, key + TWIN, check_of(kind), "" if optional else describe(kind)


def _exact(value: Mapping[str, Any], key: str, inner: Check) -> Problems:
    """Return what is wrong with the exact bytes of a name."""
    if type(value[key]) is not str:
        return _wrong(WORDS[str], value[key])
    try:
        name = decode_name(value[key + TWIN])
    except (ValueError, TypeError):
        return _wrong("the name in base64 beside it", value[key + TWIN])
    if plain(name) != value[key]:
        return _wrong(f"the name that {key}{TWIN} holds", value[key])
    return inner(name)
