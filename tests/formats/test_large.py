"""Large files: read in parts, and to the same samples, faults and bytes as files held whole."""

import errno
import io
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.errors import ItemError, StorageError
from inputgrad_cli.formats.attribution_npz_writer import to_bytes, write_result
from inputgrad_cli.formats.read_samples import open_file, read_samples
from inputgrad_cli.formats.streaming import hash_checked_file, lazy_row_loading
from inputgrad_cli.formats.streaming.hash_checked_file import HashedFile, hash_content, load_content
from inputgrad_cli.formats.streaming.spill_file import SpillFile
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.numeric import lazy_array
from inputgrad_cli.storage.atomic_write import TEMPORARY_PATTERN

from . import npy, port


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let every file be large, and every part small."""
    monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 0)
    monkeypatch.setattr(hash_checked_file, "BLOCK_BYTES", 50)
    monkeypatch.setattr(lazy_array, "BLOCK_BYTES", 64)
    monkeypatch.setattr(lazy_row_loading, "MAX_CELLS", 5)


@pytest.fixture
def both(tmp_path):
    """Return what a file gives that is held whole, and what it gives in parts."""

    def both(name, data, *ports, **options):
        path = tmp_path / name
        path.write_bytes(data)
        read_options = ReadOptions(ports, PRESETS["raw"], folder=tmp_path, **options)
        return tuple(outcome(given, path, read_options) for given in (data, open_file(path)))

    return both


def outcome(given, path, options):
    try:
        return read_samples({None: given}, {None: path}, options)
    except ItemError as error:
        return error.kind, error.format_line()


def alike(whole, parts):
    """Assert that samples are the same in all that is told of them."""
    assert not isinstance(parts, tuple), parts
    assert list(parts.arrays) == list(whole.arrays)
    for name, array in whole.arrays.items():
        assert lazy_array.is_lazy(parts.arrays[name])
        assert parts.arrays[name].shape == array.shape
        assert parts.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(np.asarray(parts.arrays[name]), array)
    messages = [{n: e.format_line() for n, e in s.failed.items()} for s in (parts, whole)]
    assert messages[0] == messages[1]
    ids = [
        s.unused and (s.unused.names, np.asarray(s.unused.cells).tolist()) for s in (parts, whole)
    ]
    assert ids[0] == ids[1]
    rest = {"arrays": {}, "failed": {}, "unused": None}
    assert replace(parts, **rest) == replace(whole, **rest)


@pytest.mark.parametrize("dtype", [">f8", "<f4", "f2", "<i4", ">u2", "?"])
@pytest.mark.parametrize("wanted", ["float32", "float64", "int32", "uint8", "bool"])
def test_arrays_are_the_same_in_parts(both, dtype, wanted):
    values = np.arange(23 * 6).reshape(23, 2, 3) % 3 * np.arange(23)[:, None, None]
    alike(*both("a.npy", npy(values.astype(dtype)), port((2, 3), wanted)))


def test_samples_that_cannot_be_used_are_told_by_their_number(both):
    values = np.ones((30, 4))
    values[7, 2], values[29, 0] = np.nan, -np.inf
    whole, parts = both("a.npy", npy(values), port((4,)))
    assert list(parts.failed) == [7, 29]
    alike(whole, parts)
    whole, parts = both(
        "a.npy", npy(np.where(np.isfinite(values), values, 300)), port((4,), "uint8")
    )
    assert "sample 29" in parts.failed[29].format_line()
    alike(whole, parts)


@pytest.mark.parametrize("dtype", ["<f8", ">i4"])
@pytest.mark.parametrize(
    ("wanted", "shape"),
    [
        ((), (9,)),
        ((), (9, 1)),
        ((1,), (9,)),
        ((1,), (9, 1)),
        ((1, 1), (9,)),
        ((4,), (9, 4)),
        ((4, 1), (9, 4)),
        ((1, 4), (9, 4)),
    ],
)
def test_a_wrong_value_fails_its_row_alone_whatever_axes_of_one_there_are(
    both, wanted, shape, dtype
):
    """The law: each row is read as in a file that is held whole, alone or with others."""
    for bad in range(shape[0]):
        values = np.ones(shape, dtype)
        values[bad] = 300
        whole, parts = both("a.npy", npy(values), port(wanted, "uint8"))
        assert list(whole.failed) == [bad]
        alike(whole, parts)
        for row, expected in enumerate(whole.arrays["x"]):
            np.testing.assert_array_equal(parts.arrays["x"][row], expected)


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.ones((9, 4)), port((9, 4))),
        (np.asfortranarray(np.arange(36.0).reshape(9, 4)), port((4,))),
        (np.array(["a", "bc"] * 9), port((), "string")),
        (np.ones(9), port((None,))),
    ],
)
def test_what_cannot_be_read_in_parts_is_read_whole(both, array, wanted):
    whole, parts = both("a.npy", npy(array), wanted)
    (name,) = whole.arrays
    assert isinstance(parts.arrays[name], np.ndarray)
    np.testing.assert_array_equal(parts.arrays[name], whole.arrays[name])
    assert parts.many == whole.many


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no array" * 20,
        npy(np.ones((30, 4)))[:-3],
        npy(np.ones((30, 4))) + b"more",
        npy(np.ones((30, 5))),
        npy(np.array([(1, 2.0)], "i4,f4")),
        npy(np.array([None])),
        npy(np.ones((30, 4), complex)),
    ],
)
def test_broken_arrays_are_told_alike(both, data):
    whole, parts = both("a.npy", data, port((4,)))
    assert isinstance(whole, tuple)
    assert parts == whole


ROWS = "1,2,3\n" * 4 + "4,x,6\n" + "1,2\n" + "7,nan,9\n\n" + "1,2,3\n" * 9
TABLES = {
    "plain": ROWS,
    "header": "a,b,c\n" + ROWS,
    "lines of Windows": ROWS.replace("\n", "\r\n"),
    "old lines": ROWS.replace("\n", "\r"),
    "a byte order mark": "\ufeffa,b,c\n" + ROWS,
    "quotes over lines": '"a\nb",b,c\n' + ROWS + '"1","2\n","3"\n',
    "the first rows are bad": "a,b,c\n" + "x,y,z\n" * 8 + ROWS,
    "no newline at the end": ROWS + "1,2,3",
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_tables_are_the_same_in_parts(both, name, dtype):
    alike(*both("a.csv", TABLES[name].encode(), port((3,), dtype)))
    alike(*both("a.tsv", TABLES[name].replace(",", "\t").encode(), port((3,), dtype)))


def test_a_table_of_several_inputs_is_the_same_in_parts(both):
    ports = port((1,), "float32", "speed"), port((), "int32", "gear"), port((), "bool", "on")
    rows = "".join(f"{n % 2},{n / 7},0,{n}\n" for n in range(40)) + "2,1,0,1\n1,2,0,0.5\n"
    whole, parts = both("a.csv", b"on,speed,other,gear\n" + rows.encode(), *ports)
    assert parts.notes
    assert len(parts.failed) == 2
    alike(whole, parts)


@pytest.mark.parametrize(
    "data",
    [
        b"\n" * 9,
        b"a,b,c\n",
        b"x,y,z\n" * 30,
        b"1,2,3\n" * 30 + b"\xff\xfe\n",
        b"1,2,3\n" * 30 + b'"open' + b"x" * 140_000,
        b"1,2\n" * 30,
    ],
)
def test_broken_tables_are_told_alike(both, data):
    whole, parts = both("a.csv", data, port((3,)))
    assert isinstance(whole, tuple)
    assert parts == whole


def test_a_table_of_texts_is_held_whole(both):
    whole, parts = both("a.csv", b"text\n" + b"word\n" * 30, port((), "string", "text"))
    assert parts.arrays["text"].tolist() == whole.arrays["text"].tolist()


def test_the_users_names_of_inputs_hold_in_parts_too(both):
    ports = port((), "float32", "in_1"), port((), "float32", "in_2")
    names = {"a": "in_1", "b": "in_2"}
    alike(*both("a.csv", b"b,a\n" + b"1,2\n3,4\n" * 20, *ports, aliases=names))


def test_files_of_several_inputs_are_paired_in_parts(tmp_path):
    values = np.arange(40.0).reshape(20, 2)
    (tmp_path / "a.npy").write_bytes(npy(values))
    (tmp_path / "b.npy").write_bytes(npy(np.float32(7)))
    paths = {"a": tmp_path / "a.npy", "b": tmp_path / "b.npy"}
    options = ReadOptions((port((2,), name="a"), port((), name="b")), PRESETS["raw"])
    samples = read_samples({name: open_file(path) for name, path in paths.items()}, paths, options)
    some = samples.select_rows([3, 19])
    assert some.arrays["a"].tolist() == values[[3, 19]].tolist()
    assert some.arrays["b"].tolist() == [7, 7]


@pytest.mark.parametrize("rows", [3, -1, slice(2, 9), slice(None, None, 4), [5], [], [4, 5, 9, 2]])
def test_rows_are_taken_as_of_an_array(both, rows):
    values = np.arange(46.0).reshape(23, 2)
    _, parts = both("a.npy", npy(values), port((2,)))
    chosen = parts.arrays["x"][rows]
    np.testing.assert_array_equal(chosen, values[rows])
    assert chosen.dtype == np.float32
    assert len(parts) == len(parts.arrays["x"]) == 23


@pytest.mark.parametrize("rows", [23, -24])
def test_rows_that_are_not_there_are_refused(both, rows):
    _, parts = both("a.npy", npy(np.ones((23, 2))), port((2,)))
    with pytest.raises(IndexError):
        parts.arrays["x"][rows]


def test_the_hash_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(bytes(range(256)) * 3)
    assert isinstance(load_content(path, True), HashedFile)
    assert (
        hash_content(load_content(path, True))
        == hash_content(path.read_bytes())
        == hash_content(load_content(path, False))
    )
    assert load_content(path, True).read_all() == path.read_bytes()
    assert load_content(path, True).read(49, 151) == path.read_bytes()[49:151]


def test_small_files_and_other_kinds_are_held_whole(tmp_path, monkeypatch):
    for name in ("a.npy", "a.png", "a.jsonl"):
        (tmp_path / name).write_bytes(b"12345")
    assert isinstance(open_file(tmp_path / "a.npy"), HashedFile)
    assert open_file(tmp_path / "a.png") == open_file(tmp_path / "a.jsonl") == b"12345"
    monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 5)
    assert open_file(tmp_path / "a.npy") == b"12345"


@pytest.mark.parametrize("change", ["same size", "longer", "shorter", "gone"])
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path, change):
    path = tmp_path / "a.npy"
    path.write_bytes(npy(np.ones((90, 2))))
    options = ReadOptions((port((2,)),), PRESETS["raw"])
    samples = read_samples({None: open_file(path)}, {None: path}, options)
    stamp, data = path.stat(), path.read_bytes()
    if change == "gone":
        path.unlink()
    else:
        tail = {"same size": b"1", "longer": data[-1:] + b"1", "shorter": b""}[change]
        path.write_bytes(data[:-1] + tail)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with pytest.raises(ItemError) as caught:
        samples.arrays["x"][80:]
    assert caught.value.kind == ("unreadable" if change == "gone" else "changed")


def test_a_table_that_changes_after_it_was_read_is_the_one_that_was_hashed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2\n" * 50)
    options = ReadOptions((port((2,)),), PRESETS["raw"], folder=tmp_path)
    given = open_file(path)
    samples = read_samples({None: given}, {None: path}, options)
    path.write_bytes(b"9,9\n" * 50)
    assert np.asarray(samples.arrays["x"]).max() == 2
    with pytest.raises(ItemError, match="changed while it was read"):
        read_samples({None: given}, {None: path}, options)


def test_what_is_put_aside_has_no_name(tmp_path):
    spool = SpillFile(tmp_path)
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    places = [spool.append(values), spool.append(values[1:] * 2)]
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(spool.get_rows(places[0], (3, 4), "f4")[:], values)
    np.testing.assert_array_equal(spool.get_rows(places[1], (2, 4), "f4")[1], values[2] * 2)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    spool = SpillFile(tmp_path)
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(StorageError, match="No space left"):
        spool.append(np.ones(3))
    with pytest.raises(StorageError, match="cannot hold"):
        SpillFile(tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.npy", npy(np.arange(90.0).reshape(30, 3))),
        ("a.npy", npy(np.arange(90, dtype=">i4").reshape(30, 3))),
        ("a.csv", TABLES["header"].encode()),
    ],
)
def test_rows_that_are_pickled_are_the_same(both, name, data):
    whole, parts = both(name, data, port((3,)))
    sent = pickle.dumps(parts)
    for _ in range(2):  # several processes may open them
        alike(whole, pickle.loads(sent))
    alike(whole, pickle.loads(pickle.dumps(pickle.loads(sent))))


def test_a_large_file_is_pickled_without_its_content(tmp_path, monkeypatch):
    monkeypatch.setattr(hash_checked_file, "BLOCK_BYTES", 1 << 20)
    path = tmp_path / "a.npy"
    path.write_bytes(npy(np.ones(300_000)))
    file = HashedFile(path)
    file.read(0, 10)
    sent = pickle.dumps(file)
    assert len(sent) < 1000
    assert pickle.loads(sent).read_all() == path.read_bytes()
    path.write_bytes(b"changed" + path.read_bytes()[7:])
    with pytest.raises(ItemError, match="changed while it was read"):
        pickle.loads(sent).read(0, 10)


def test_what_is_put_aside_has_a_name_once_it_is_pickled(tmp_path):
    spool, values = SpillFile(tmp_path), np.arange(40, dtype=np.float32)
    first = spool.get_rows(spool.append(values), (40,), "f4")
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(first))), values)
    pickle.dumps(first)
    (path,) = tmp_path.iterdir()
    assert TEMPORARY_PATTERN.fullmatch(path.name)
    joined = lazy_array.concat_lazy(
        [first, spool.get_rows(spool.append(values * 2), (40,), "f4")], range(80), 81
    )
    expected = np.r_[values, values * 2, np.nan].astype("f4")
    copied = pickle.loads(pickle.dumps(joined))  # there is more in it than when it was copied
    np.testing.assert_array_equal(np.asarray(copied), expected)
    for path in tmp_path.iterdir():
        path.unlink()
    np.testing.assert_array_equal(copied[30:50], expected[30:50])
    with pytest.raises(StorageError, match="cannot hold"):
        pickle.loads(pickle.dumps(copied))


def result(**values):
    return Attribution(values, {"schema": 1, "many": True, "score": [0.5, None]}, many=True)


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 300])
def test_a_result_in_parts_is_the_same_file(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(11, *shape)).astype(np.float32) for shape in [(5, 2), ()])
    a[[2, 10]] = b[[2, 10]] = np.nan
    good = [0, 1, *range(3, 10)]
    spool, parts = SpillFile(tmp_path), {}
    for name, array in (("a", a), ("layer:b", b)):
        some = [array[good][:4], array[good][4:5], array[good][5:]]
        kept = [spool.get_rows(spool.append(p), p.shape, p.dtype) for p in some[1:]]
        parts[name] = lazy_array.concat_lazy([some[0], *kept], good, 11)
    out = io.BytesIO()
    write_result(out, result(**parts))
    assert out.getvalue() == bytes(to_bytes(result(**{"a": a, "layer:b": b})))


@pytest.mark.parametrize("good", [[0], [4], [0, 1, 2, 3, 4], [1, 3]])
def test_rows_of_nothing_stand_between_the_parts(tmp_path, good):
    values = np.arange(len(good), dtype=np.float32) + 1
    spool = SpillFile(tmp_path)
    parts = [spool.get_rows(spool.append(values[n : n + 1]), (1,), "f4") for n in range(len(good))]
    expected = np.full(5, np.nan, np.float32)
    expected[good] = values
    result = lazy_array.concat_lazy(parts, good, 5)
    np.testing.assert_array_equal(np.asarray(result), expected)
    np.testing.assert_array_equal(result[1:4], expected[1:4])
    np.testing.assert_array_equal(result[np.array([4, 0])], expected[[4, 0]])
