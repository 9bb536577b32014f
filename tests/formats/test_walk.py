"""What a directory walk takes, by what the inputs can take; and items of several files."""

from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.formats.readers import READERS, list_suffixes
from inputgrad_cli.interfaces.reader import ReadOptions

from . import film, npy, picture, port, read

ALWAYS = {".npy", ".npz", ".jsonl", ".parquet"}
TABLES = {".csv", ".tsv"}
PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"}


@pytest.mark.parametrize(
    ("ports", "more"),
    [
        ([port((8, 8, 3))], PICTURES),
        ([port((3, 8, 8), "uint8")], PICTURES),
        ([port((30,))], TABLES),
        ([port(())], TABLES),
        ([port((16000,))], TABLES | {".wav"}),
        ([port((16000, 1))], TABLES | {".wav"}),
        ([port((None, 2))], TABLES | {".wav"}),
        ([port((128, 9))], TABLES),
        ([port((), "string")], TABLES | {".txt"}),
        ([port((1,), "string")], TABLES | {".txt"}),
        ([port((1,)), port((), "string", "y")], TABLES),
        ([port((2,)), port((1,), name="y")], set()),
        ([port((8, 8, 3)), port((1,), name="y")], set()),
    ],
)
def test_directories_are_walked_for_what_the_inputs_can_take(ports, more):
    result = list_suffixes(ports)
    assert set(result) == ALWAYS | more
    assert len(result) == len(set(result))
    assert set(result) <= set(READERS)


def test_an_unknown_suffix_lists_the_known():
    with pytest.raises(ItemError, match=r"\.jsonl"):
        read("a.xyz", b"", port((1,)))


def several(files, *ports, **viewing):
    paths = {name: Path(file) for name, (file, _) in files.items()}
    data = {name: content for name, (_, content) in files.items()}
    return read_samples(data, paths, ReadOptions(ports, PRESETS["raw"], **viewing))


def test_a_single_sample_beside_many_serves_them_all():
    files = {
        "x": ("a.npy", npy(np.arange(6.0).reshape(3, 2))),
        "p": ("a.png", picture(np.zeros((4, 4, 3), np.uint8))),
        "w": ("a.txt", b"word"),
    }
    samples = several(files, port((2,)), port((4, 4, 3), name="p"), port((), "string", "w"))
    assert samples.many
    assert samples.arrays["w"].tolist() == ["word"] * 3
    assert samples.pixels["p"].shape == (3, 4, 4, 3)


def test_the_table_of_one_input_is_read_for_it_alone():
    files = {"a": ("t.csv", b"b,a\n1,2\n"), "b": ("t.csv", b"b,a\n1,2\n")}
    samples = several(files, port((1,), name="a"), port((1,), name="b"))
    assert samples.arrays["a"].tolist() == [[2]]
    assert samples.arrays["b"].tolist() == [[1]]


def test_unequal_counts_of_several_files_are_refused():
    files = {"a": ("a.csv", b"1\n2\n"), "b": ("b.csv", b"1\n2\n3\n")}
    with pytest.raises(UsageError, match="a: 2, b: 3"):
        several(files, port((1,), name="a"), port((1,), name="b"))


def test_every_file_of_one_item_that_holds_many_fails_in_its_rows():
    files = {"a": ("a.csv", b"1\nnan\n3\n"), "b": ("b.csv", b"1\n2\n1.5\n")}
    samples = several(files, port((1,), name="a"), port((1,), "int32", "b"))
    assert sorted(samples.failed) == [1, 2]


def test_a_film_alone_is_read_like_any_picture():
    assert read("a.gif", film(7), port((4, 4, 3))).arrays["x"].mean() == 7
