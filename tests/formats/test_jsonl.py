"""JSON lines and texts."""

import numpy as np
import pytest

from inputgrad_cli.errors import ItemError

from . import jsonl, port, read


def test_a_line_is_a_sample_by_input_name_or_a_bare_value():
    samples = read("a.jsonl", jsonl({"x": [1, 2]}, [3, 4]), port((2,)))
    assert samples.many
    assert samples.arrays["x"].tolist() == [[1, 2], [3, 4]]
    assert read("a.jsonl", b"5\n6", port(())).arrays["x"].tolist() == [5, 6]
    assert read("a.jsonl", b'"a"\n"b"', port((1,), "string")).arrays["x"].tolist() == [["a"], ["b"]]


def test_inputs_of_every_kind_stand_in_one_object():
    ports = port((2,), name="v"), port((3,), "int32", "ids"), port((), "string", "word")
    samples = read("a.jsonl", jsonl({"word": "é", "ids": [1, 2, 3], "v": [0.5, 1]}), *ports)
    assert samples.arrays["ids"].dtype == np.int32
    assert samples.arrays["word"].tolist() == ["é"]


@pytest.mark.parametrize(
    "line", [{"in": {"a": [1], "b": [2]}}, {"in/a": [1], "in/b": [2]}, {"in/a": 1, "in": {"b": 2}}]
)
def test_nested_names_come_nested_or_as_one_key(line):
    samples = read("a.jsonl", jsonl(line), port((1,), name="in/a"), port((1,), name="in/b"))
    assert [samples.arrays[name].tolist() for name in ("in/a", "in/b")] == [[[1]], [[2]]]


def test_ids_are_recorded_in_sample_order():
    samples = read("a.jsonl", jsonl({"id": "p", "x": 1}, {"x": 2}, {"id": 7, "x": 3}), port(()))
    assert samples.record["ids"] == ["p", None, 7]
    assert "ids" not in read("a.jsonl", jsonl({"x": 1}), port(())).record
    assert "ids" not in read("a.jsonl", jsonl({"id": 1}), port((), name="id")).record


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[1, NaN]", "NaN is not JSON"),
        (b"[1, Infinity]", "Infinity is not JSON"),
        (b"[1, 1e999]", "'x' are NaN or infinite"),
        (b"[1, 1e39]", "'x' are NaN or infinite"),
        (b"[1, 2", "not JSON"),
        (b"[1, null]", "'x' holds other things"),
        (b'[1, "2"]', "'x' holds other things"),
        (b"[1, [2]]", "'x' holds other things"),
        (b"[1, 2, 3]", r"shape \(3,\)"),
        (b"{}", "no key 'x'; its keys are none"),
        (b'{"y": [1, 2]}', "its keys are y"),
        (b'{"x": {}}', "'x' holds other things"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1, " + b"9" * 400 + b"]", "'x'"),
        (b"[1, " + b"9" * 5000 + b"]", "not JSON"),
        (b"[]", "'x'"),
    ],
)
def test_a_bad_line_fails_alone_and_names_line_and_key(line, message):
    samples = read("a.jsonl", b"[1, 2]\n" + line + b"\n[3, 4]\n", port((2,)))
    assert list(samples.failed) == [1]
    assert "a.jsonl:2" in str(samples.failed[1])
    with pytest.raises(ItemError, match=message):
        raise samples.failed[1]
    assert np.isnan(samples.arrays["x"][1]).all()
    assert samples.arrays["x"][2].tolist() == [3, 4]


def test_two_inputs_want_an_object():
    with pytest.raises(ItemError, match="not an object"):
        read("a.jsonl", b"[1]", port((1,), name="a"), port((1,), name="b"))


def test_a_number_among_texts_is_not_made_a_text():
    samples = read("a.jsonl", b'["a", "b"]\n["a", 1]', port((2,), "string"))
    assert list(samples.failed) == [1]


def test_lines_of_unequal_lengths_stay_apart():
    samples = read("a.jsonl", b"[1, 2]\n[3]\n[4, x]\n[5, 6]\n", port((None,), "int32"))
    assert samples.is_ragged
    assert list(samples.failed) == [2]
    assert [samples.extract_sample(row).arrays["x"].tolist() for row in (0, 1, 3)] == [
        [[1, 2]],
        [[3]],
        [[5, 6]],
    ]
    assert samples.select_rows([0, 3]).arrays["x"].tolist() == [[1, 2], [5, 6]]


def test_lines_of_unequal_numbers_of_axes_stay_apart_where_no_shape_is_known():
    samples = read("a.jsonl", b"[1, 2]\n3\n[[4, 5]]\n", port(None))
    assert [samples.extract_sample(row).arrays["x"].tolist() for row in range(3)] == [
        [[1, 2]],
        [3],
        [[[4, 5]]],
    ]


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xff\xfe"])
def test_a_file_without_lines_is_refused(data):
    with pytest.raises(ItemError):
        read("a.jsonl", data, port((2,)))


def test_one_text_of_huge_length_does_not_make_room_for_all():
    data = jsonl(*["a"] * 3000, "b" * 200_000)
    with pytest.raises(ItemError, match="room of the longest"):
        read("a.jsonl", data, port((), "string"))


@pytest.mark.parametrize(("shape", "value"), [((), ["hé"]), ((1,), [["hé"]]), (None, ["hé"])])
def test_a_text_file_is_one_text(shape, value):
    samples = read("a.txt", "hé\n".encode(), port(shape, "string"))
    assert not samples.many
    assert samples.arrays["x"].tolist() == value


@pytest.mark.parametrize(
    ("data", "shape", "dtype"),
    [
        (b"a", (1,), "float32"),
        (b"a", (4,), "string"),
        (b"", (), "string"),
        (b"\xff", (), "string"),
        (b"a\0b", (), "string"),
    ],
)
def test_a_text_file_that_does_not_fit_is_refused(data, shape, dtype):
    with pytest.raises(ItemError):
        read("a.txt", data, port(shape, dtype))
