"""A table beside another file: its ids, and the names of its columns."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.samples import Samples, UnusedColumns
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.formats.tables.header_merging import merge_unused
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.numeric.lazy_array import build_lazy_array, is_lazy

from . import npy, port

PORTS = port((2,), name="a"), port((2,), name="b")
ROWS = b"id,age,income\nr0,1,2\nr1,3,4\nr2,5,6\n"


def read_pair(first, second, ports=PORTS):
    """Return the samples of two files, (name, bytes) each, one for each input."""
    pairs = {spec.name: pair for spec, pair in zip(ports, (first, second), strict=True)}
    options = ReadOptions(ports, PRESETS["raw"], ImageOptions())
    files = {name: data for name, (_, data) in pairs.items()}
    return read_samples(files, {name: Path(path) for name, (path, _) in pairs.items()}, options)


@pytest.mark.parametrize("order", [1, -1])
def test_a_table_beside_an_array_keeps_its_ids_and_names(order):
    files = [("rows.csv", ROWS), ("x.npy", npy(np.ones((3, 2), np.float32)))]
    samples = read_pair(*files[::order])
    assert samples.unused.names == ("id",)
    assert samples.unused.cells.tolist() == [["r0"], ["r1"], ["r2"]]
    assert samples.record["headers"] == {"ab"[::order][0]: ["age", "income"]}


def test_a_single_input_by_name_reads_as_it_does_alone():
    options = ReadOptions(PORTS[:1], PRESETS["raw"], ImageOptions())
    alone, named = (
        read_samples({name: ROWS}, {name: Path("rows.csv")}, options) for name in (None, "a")
    )
    assert named.header == alone.header == ("age", "income")
    assert named.unused.cells.tolist() == alone.unused.cells.tolist()


def test_names_that_two_tables_have_are_told_apart():
    other = b"id,age,height,label\ns0,1,2,u\ns1,3,4,v\ns2,5,6,w\n"
    ports = port((2,), name="a"), port((2,), name="b")
    options = ReadOptions(ports, PRESETS["raw"], ImageOptions(), columns=())
    files = {"a": ROWS, "b": other}
    samples = read_samples(files, {"a": Path("a.csv"), "b": Path("b.csv")}, options)
    assert samples.unused.names == ("a[id]", "b[id]", "label")
    assert samples.unused.cells.tolist()[1] == ["r1", "s1", "v"]
    assert samples.record["headers"] == {"a": ["a[age]", "income"], "b": ["b[age]", "height"]}


def test_the_steps_of_a_series_are_no_ids_of_many_samples():
    ports = port((3, 1), name="a"), port((2,), name="b")
    series = b"day,load\nmon,1\ntue,2\nwed,3\n"
    many = read_pair(("s.csv", series), ("x.npy", npy(np.ones((4, 2), np.float32))), ports)
    assert many.unused is None
    alone = read_pair(("s.csv", series), ("x.npy", npy(np.ones(2, np.float32))), ports)
    assert alone.unused.cells.tolist() == [["mon"], ["tue"], ["wed"]]


def test_cells_on_disk_are_joined_when_they_are_read():
    cells = np.array([[f"r{n}"] for n in range(5)], object)
    lazy = build_lazy_array(cells.shape, object, Rows(cells))
    parts = {
        name: Samples({name: np.ones((5, 1))}, many=True, unused=UnusedColumns(("id",), array))
        for name, array in (("a", lazy), ("b", cells))
    }
    joined = pickle.loads(pickle.dumps(merge_unused(parts))).cells
    assert is_lazy(joined)
    assert joined.shape == (5, 2)
    assert joined[1:3].tolist() == [["r1", "r1"], ["r2", "r2"]]


class Rows:
    """Reads rows of an array as a file would."""

    def __init__(self, array):
        self.array = array

    def __call__(self, start, stop):
        return self.array[start:stop]
