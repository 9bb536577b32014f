"""Checks a JSON value against a type; the annotations of the records say what each field holds.

Supports TypedDict, `NotRequired`, `list`, `dict[str, ...]`, `Literal`, unions, and
`Annotated[..., Constraint(...)]`. Unknown fields of a record are ignored because later versions
may write more.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
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

from inputgrad_cli.schema.field_constraints import (
    NO_PROBLEMS,
    TYPE_WORDS,
    Problem,
    Problems,
    add_prefix,
    describe_type,
    report_mismatch,
)
from inputgrad_cli.schema.file_names_in_json import (
    BASE64_SUFFIX,
    decode_base64_name,
    to_readable_name,
)

MAX_INTEGER = 1 << 63  # no size, count or seed in a record can be larger
MAX_PROBLEMS = 20  # reported for one list, because a million more would say nothing new
Check = Callable[[Any], Problems]

_CHECKS: dict[Any, Check] = {}


def get_check(kind: Any) -> Check:
    """Return the check of a type, which is built once and cached."""
    if kind not in _CHECKS:
        _CHECKS[kind] = _build_check(kind)
    return _CHECKS[kind]


def _build_check(kind: Any) -> Check:
    origin = get_origin(kind)
    if is_typeddict(origin or kind):
        return _build_record_check(kind)
    builders: Mapping[Any, Callable[[Any], Check]] = {
        Annotated: _build_constraint_check,
        Literal: _build_literal_check,
        Union: _build_union_check,
        UnionType: _build_union_check,
        list: _build_list_check,
        dict: _build_dict_check,
    }
    if origin in builders:
        return builders[origin](kind)
    return (lambda value: NO_PROBLEMS) if kind in (Any, object) else _build_scalar_check(kind)


def _build_scalar_check(kind: type) -> Check:
    # Compared by `type`, because True is an `int` for isinstance. Most text is ASCII, for which it
    # need not be encoded to know that it is valid.
    tests: Mapping[type, Callable[[Any], bool]] = {
        int: lambda value: type(value) is int and -MAX_INTEGER < value < MAX_INTEGER,
        float: lambda value: type(value) in (int, float) and _is_finite(value),
        str: lambda value: type(value) is str and (value.isascii() or _is_text(value)),
        NoneType: lambda value: value is None,
    }
    test = tests.get(kind, lambda value: type(value) is kind)
    expected = TYPE_WORDS[kind]
    return lambda value: NO_PROBLEMS if test(value) else report_mismatch(expected, value)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # the integer is too large for a float
        return False


def _is_text(value: str) -> bool:
    """Return whether the text can be encoded as a file name, so without lone surrogates.

    The surrogates U+DC80 to U+DCFF are accepted: they stand for bytes of a name that are not UTF-8.
    """
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _build_constraint_check(kind: Any) -> Check:
    base = get_check(get_args(kind)[0])
    (constraint,) = kind.__metadata__

    def check(value: Any) -> Problems:
        # The test of a constraint may rely on the type.
        if problems := base(value):
            return problems
        return (
            NO_PROBLEMS if constraint.test(value) else report_mismatch(constraint.expected, value)
        )

    return check


def _build_literal_check(kind: Any) -> Check:
    # With the type, because True equals 1. What has no hash is a list or an object, and cannot be
    # looked up.
    known, expected = {(type(word), word) for word in get_args(kind)}, describe_type(kind)

    def check(value: Any) -> Problems:
        fits = value.__hash__ is not None and (type(value), value) in known
        return NO_PROBLEMS if fits else report_mismatch(expected, value)

    return check


def _build_union_check(kind: Any) -> Check:
    parts = [(get_check(part), _find_json_type(part)) for part in get_args(kind)]
    expected = describe_type(kind)

    def check(value: Any) -> Problems:
        candidates: list[Problems] = []
        for check_part, json_type in parts:
            problems = check_part(value)
            if not problems:
                return NO_PROBLEMS
            if json_type is type(value):
                candidates.append(problems)
        # If a single alternative has the JSON type of the value, its own problems say more.
        return candidates[0] if len(candidates) == 1 else report_mismatch(expected, value)

    return check


def _find_json_type(kind: Any) -> Any:
    """Return the Python type of the JSON values of this kind, or `kind` itself if it has none."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _find_json_type(get_args(kind)[0])
    return dict if is_typeddict(origin or kind) else origin or kind


def _build_list_check(kind: Any) -> Check:
    check_element = get_check(get_args(kind)[0])

    def check(value: Any) -> Problems:
        if type(value) is not list:
            return report_mismatch(TYPE_WORDS[list], value)
        problems = NO_PROBLEMS
        # A plain loop is fast: journals have tens of thousands of lines.
        for key, element in enumerate(value):
            if element_problems := check_element(element):
                problems += add_prefix(key, element_problems)
                if len(problems) >= MAX_PROBLEMS:
                    break
        return problems

    return check


def _build_dict_check(kind: Any) -> Check:
    check_key, check_element = get_check(str), get_check(get_args(kind)[1])

    def check(value: Any) -> Problems:
        if type(value) is not dict:
            return report_mismatch(TYPE_WORDS[dict], value)
        problems = NO_PROBLEMS
        for key, element in value.items():
            if element_problems := check_key(key) or check_element(element):
                problems += add_prefix(key, element_problems)
                if len(problems) >= MAX_PROBLEMS:
                    break
        return problems

    return check


def _build_record_check(kind: Any) -> Check:
    """Return the check of a TypedDict.

    If a name also stands in base64, its exact bytes are checked instead of the readable form.
    """
    fields = [_build_field(key, hint) for key, hint in _resolve_hints(kind).items()]

    def check(value: Any) -> Problems:
        if type(value) is not dict:
            return report_mismatch(TYPE_WORDS[dict], value)
        problems = NO_PROBLEMS
        for key, exact_key, check_field, expected in fields:
            if key not in value:
                if expected:
                    problems += (Problem((key,), f"is missing, expected {expected}"),)
                continue
            exact = exact_key in value
            field_problems = (
                _check_exact_name(value, key, check_field) if exact else check_field(value[key])
            )
            if field_problems:
                problems += add_prefix(key, field_problems)
        return problems

    return check


def _resolve_hints(kind: Any) -> dict[str, Any]:
    """Return the types of the fields, with the type arguments of a generic record filled in."""
    base = get_origin(kind) or kind
    given = dict(zip(getattr(base, "__parameters__", ()), get_args(kind), strict=True))
    hints = get_type_hints(base, include_extras=True)
    return {k: given[v] if isinstance(v, TypeVar) else v for k, v in hints.items()}


def _build_field(key: str, hint: Any) -> tuple[str, str, Check, str]:
    """Return a field's key, its base64 key, its check, and its description ("" if optional)."""
    optional = get_origin(hint) is NotRequired
    kind = get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint
    return key, key + BASE64_SUFFIX, get_check(kind), "" if optional else describe_type(kind)


def _check_exact_name(value: Mapping[str, Any], key: str, check_name: Check) -> Problems:
    """Return the problems of a name that is also stored in base64, checked by its exact bytes."""
    if type(value[key]) is not str:
        return report_mismatch(TYPE_WORDS[str], value[key])
    try:
        name = decode_base64_name(value[key + BASE64_SUFFIX])
    except (ValueError, TypeError):
        return report_mismatch("the name in base64", value[key + BASE64_SUFFIX])
    if to_readable_name(name) != value[key]:
        return report_mismatch(f"the name that {key}{BASE64_SUFFIX} holds", value[key])
    return check_name(name)
