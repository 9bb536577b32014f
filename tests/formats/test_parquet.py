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
