"""Parquet: columns of numbers, texts and lists."""

import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from inputgrad_cli.errors import ItemError

from . import port, read


def parquet(**columns):
    out = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue().to_pybytes()


def fixed(values, width):
    return pyarrow.array(values, pyarrow.list_(pyarrow.float32(), width))


def test_columns_of_numbers_make_one_vector():
    samples = read("a.parquet", parquet(a=[1.0, 2.0], b=[3, 4]), port((2,)))
    assert samples.many
    assert samples.arrays["x"].tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("column", [[[1.0, 2.0], [3.0, 4.0]], fixed([[1, 2], [3, 4]], 2)])
@pytest.mark.parametrize("name", ["x", "v"])
def test_a_column_of_lists_is_a_vector(column, name):
    samples = read("a.parquet", parquet(**{name: column}), port((2,)))
    assert samples.arrays["x"].tolist() == [[1, 2], [3, 4]]


def test_inputs_of_every_kind_by_name():
    ports = port((1,), "int32", "age"), port((), "string", "city"), port((2,), "float32", "v")
    data = parquet(city=["Rome", "Bern"], v=[[1.0, 2.0], [3.0, 4.0]], age=[3, 4], other=["p", "q"])
    samples = read("a.parquet", data, *ports)
    assert samples.arrays["age"].tolist() == [[3], [4]]
    assert samples.arrays["city"].tolist() == ["Rome", "Bern"]


def test_a_row_with_nothing_in_it_fails_alone():
    samples = read("a.parquet", parquet(a=[1.0, None], b=[3, 4]), port((2,)))
    assert list(samples.failed) == [1]
    assert np.isnan(samples.arrays["x"][1]).all()


def test_a_missing_column_is_named():
    with pytest.raises(ItemError, match="no key 'b'"):
        read("a.parquet", parquet(a=[1.0]), port((1,), name="a"), port((1,), name="b"))


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", parquet(a=[1])[:-6], parquet(a=pyarrow.array([], "f4"))]
)
def test_what_is_no_whole_file_is_refused(data):
    with pytest.raises(ItemError):
        read("a.parquet", data, port((1,)))


def test_a_few_bytes_that_promise_a_flood_are_refused():
    data = parquet(x=pyarrow.array(np.zeros(135_000_000, np.int8)))
    assert len(data) < 1_000_000
    with pytest.raises(ItemError, match="134,217,728 values"):
        read("a.parquet", data, port(()))


def test_without_the_extra_the_way_to_get_it_is_told(monkeypatch):
    data = parquet(a=[1.0])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ItemError, match=r"pip install 'inputgrad-cli\[parquet\]'"):
        read("a.parquet", data, port((1,)))


def collect(samples):
    return samples.unused and (samples.unused.names, samples.unused.cells.tolist())


def test_columns_have_their_names_and_keep_the_ids_beside_them():
    days = pyarrow.array([1, 2, None], pyarrow.timestamp("ns"))
    columns = {"id": ["r0", None, "r2"], "a": [1.0, 2.0, 3.0], "day": days, "b": [4, 5, 6]}
    samples = read("a.parquet", parquet(**columns), port((2,)))
    assert samples.header == ("a", "b")
    names, cells = collect(samples)
    assert names == ("id", "day")
    assert [row[0] for row in cells] == ["r0", "", "r2"]
    assert cells[0][1].endswith("000000001")
    assert samples.arrays["x"].tolist() == [[1, 4], [2, 5], [3, 6]]


def test_inputs_of_one_value_have_the_names_of_their_columns():
    ports = port((1,), name="age"), port((), "string", "city")
    data = parquet(number=[7, 8], city=["Rome", "Bern"], age=[3, 4])
    samples = read("a.parquet", data, *ports)
    assert samples.header == ("city", "age")
    assert collect(samples) == (("number",), [["7"], ["8"]])


@pytest.mark.parametrize("beside", [[[1.0], [2.0]], [b"\xff", b"\xfe"]])
def test_lists_and_bytes_beside_a_row_are_no_texts(beside):
    assert read("a.parquet", parquet(x=[1.0, 2.0], other=beside), port((1,))).unused is None


def test_columns_of_lists_have_no_names_of_single_values():
    data = parquet(id=["p", "q"], x=[[1.0, 2.0], [3.0, 4.0]])
    samples = read("a.parquet", data, port((2,)))
    assert samples.header == ()
    assert collect(samples) == (("id",), [["p"], ["q"]])


def test_the_rows_of_a_csv_and_of_a_parquet_file_are_the_same():
    columns = {"id": ["r0", "r1"], "a": [1.5, 2.5], "b": [4, 5]}
    lines = ["id,a,b", *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    tables = [
        read("a.parquet", parquet(**columns), port((2,))),
        read("a.csv", "\n".join(lines).encode(), port((2,))),
    ]
    first, second = [(t.header, collect(t), t.arrays["x"].tolist(), dict(t.notes)) for t in tables]
    assert first == second


def test_a_type_that_arrow_does_not_write_is_a_text_as_well():
    halves = pyarrow.array(np.array([0.5, 2], np.float16))
    samples = read("a.parquet", parquet(x=[1.0, 2.0], half=halves), port((1,)))
    assert [float(text) for (text,) in samples.unused.cells] == [0.5, 2]
