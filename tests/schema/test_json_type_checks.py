"""Records are checked against their types: what is wrong is named by its field."""

import json
import time
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import pytest

from inputgrad_cli.schema.field_constraints import Constraint, format_value, require_range
from inputgrad_cli.schema.file_names_in_json import decode_name, encode_name, is_inside
from inputgrad_cli.schema.json_type_checks import get_check
from inputgrad_cli.schema.safe_record_reading import InvalidRecordError, parse_json, parse_record


class Inner(TypedDict):
    """A record in a record."""

    name: str
    size: NotRequired[Annotated[int, require_range(0, 9, "a whole number")]]


class Outer(TypedDict):
    """One field of every kind."""

    weight: float
    flag: bool
    word: Literal["a", "b"]
    short: Annotated[str, Constraint("one letter", lambda text: len(text) == 1)]
    inner: list[Inner]
    more: NotRequired[dict[str, int | list[str] | None]]
    anything: NotRequired[Any]


GOOD = {"weight": 1, "flag": True, "word": "b", "short": "x", "inner": [{"name": "n", "size": 9}]}
WRONG = [
    ("weight", "1", "weight: expected a number, received '1'"),
    ("weight", True, "weight: expected a number, received true"),
    ("weight", float("inf"), "weight: expected a number, received inf"),
    ("flag", 1, "flag: expected true or false, received 1"),
    ("word", "c", "word: expected 'a' or 'b', received 'c'"),
    ("word", [], "word: expected 'a' or 'b', received a list"),
    ("short", "xy", "short: expected one letter, received 'xy'"),
    ("short", None, "short: expected text, received null"),
    ("short", "\ud800", "short: expected text, received '\\ud800'"),
    ("inner", {}, "inner: expected a list, received an object"),
    ("inner", [{"name": "n"}, 0], "inner.1: expected an object, received 0"),
    ("inner", [{}], "inner.0.name: is missing, expected text"),
    (
        "inner",
        [{"name": "n", "size": 10}],
        "inner.0.size: expected a whole number from 0 to 9, received 10",
    ),
    ("inner", [{"name": "n", "size": 1.0}], "inner.0.size: expected a whole number, received 1.0"),
    ("more", {"k": ["a", 1]}, "more.k.1: expected text, received 1"),
    ("more", {"k": {}}, "more.k: expected a whole number, a list or null, received an object"),
]


@pytest.mark.parametrize(("key", "value", "sentence"), WRONG)
def test_what_is_wrong_is_one_sentence_with_its_field(key, value, sentence):
    assert [str(p) for p in get_check(Outer)({**GOOD, key: value})] == [sentence]


def test_what_is_right_or_not_known_passes():
    for more in ({}, {"more": {"k": ["a"], "l": None, "m": 3}}, {"new": [{}]}, {"anything": []}):
        assert get_check(Outer)({**GOOD, **more}) == ()


def test_all_that_is_wrong_is_told():
    problems = get_check(Outer)({"weight": None, "inner": [0, 1]})
    assert [p.path[0] for p in problems] == ["weight", "flag", "word", "short", "inner", "inner"]


def test_long_values_are_cut_in_messages():
    assert len(format_value("y" * 5000)) < 60
    (problem,) = get_check(dict[str, int])({"y" * 5000: "z" * 5000})
    assert len(str(problem)) < 200


@pytest.mark.parametrize("name", [b"caf\xe9", "é".encode(), b"plain", b"a\\xe9"])
def test_a_name_stands_there_exactly_or_is_refused(name):
    import os

    class Named(TypedDict):
        path: str
        path_b64: NotRequired[str]

    record = encode_name("path", os.fsdecode(name))
    assert get_check(Named)(record) == ()
    assert os.fsencode(decode_name(record, "path")) == name
    for twin in ("", "AAAA", "!", "YQ", 3, None):
        if twin != record.get("path_b64"):
            assert get_check(Named)({**record, "path_b64": twin})


def test_names_lead_nowhere_else():
    inside = ["a", "a/b", "...", "..a", ".hidden/x", "a\n", "é" * 127]
    outside = ["", ".", "..", "/a", "a/", "a//b", "./a", "a/..", "a/../b", "a\0", "é" * 128]
    assert [name for name in inside if not is_inside(name)] == []
    assert [name for name in outside if is_inside(name)] == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"{} x", b"\xff\xfe{\0}\0", b"NaN", b"[Infinity]", b'{"a": -Infinity}'),
        *(b"[" * 200_000, b"[" * 65 + b"]" * 65, b'{"a":' * 900 + b"0" + b"}" * 900),
        *(b"9" * 5000, b"\xef\xbb\xbf{}", b"\0" * 20),
    ],
)
def test_what_is_no_strict_json_is_told(data):
    with pytest.raises(InvalidRecordError):
        parse_json(data)
    record, problems = parse_record(Outer, data)
    assert record is None
    assert len(problems) == 1


def test_a_text_that_grows_thirty_times_in_memory_is_refused():
    for filler in (b"[],", b"{},", b"[1],"):
        with pytest.raises(InvalidRecordError, match="lists and objects"):
            parse_json(b"[" + filler * 100_000 + b"0]")
    assert len(parse_json(json.dumps([{"path": "a", "size": 1}] * 10_000).encode())) == 10_000


def test_what_is_strict_json_is_read():
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    for value in (deep, {"[": "[" * 100}, "[" * 100, [[]] * 100, 1e308):
        assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize("value", [[0] * 100_000, {str(n): 0.5 for n in range(100_000)}])
def test_what_is_wrong_a_thousand_times_is_told_a_few_times(value):
    kind = list[str] if isinstance(value, list) else dict[str, int]
    assert 0 < len(get_check(kind)(value)) < 100


def test_checking_a_line_costs_a_few_times_what_parsing_costs():
    from inputgrad_cli.schema.journal_line import JournalLine

    file = {"path": "a.png.gradient.npz", "size": 1, "sha256": "0" * 64}
    line = {
        "stem": "a.png.gradient",
        "input": "a.png",
        "method": "gradient",
        "target": "auto",
        "sources": [{"for": None, "path": "a.png"}],
        "status": "ok",
        "samples": None,
        "unmet": 0,
        "fingerprint": "0" * 64,
        "files": [file, file],
    }
    data, check = json.dumps(line), get_check(JournalLine)
    assert check(line) == ()

    def seconds(function):
        def once():
            began = time.process_time()
            for _ in range(500):
                function()
            return time.process_time() - began

        return min(once() for _ in range(5))

    assert seconds(lambda: check(line)) < 30 * seconds(lambda: json.loads(data))
