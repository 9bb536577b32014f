"""`.npy` and `.npz` files: what they may hold, and the traps they may be."""

import io
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.safe_npy_reading import HEADER_PATTERN, read_npy

from . import npy, npz, port, read


def lying(shape, size):
    """Return a .npy file whose header promises `shape` and that holds `size` bytes."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(size)


@pytest.mark.parametrize("dtype", [">f8", "<f4", ">i2", "f2", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_byte_order_and_memory_order_change_nothing(dtype, order):
    values = np.array([[0, 1, 1], [1, 0, 1]])
    samples = read("a.npy", npy(np.asarray(values.astype(dtype), order=order)), port((2, 3)))
    np.testing.assert_array_equal(samples.arrays["x"][0], values)


def test_texts_are_read_from_npy_and_npz():
    texts = np.array(["a", "bc"])
    for name, data in (("a.npy", npy(texts)), ("a.npz", npz(x=texts))):
        assert read(name, data, port((), "string")).arrays["x"].tolist() == ["a", "bc"]


def test_an_npz_feeds_inputs_of_every_kind_by_name():
    ports = port((), "string", "word"), port((2,), "int32", "ids"), port((1,), "float32", "in/v")
    data = npz(**{"word": np.array("a"), "ids": np.array([1, 2]), "in/v": np.array([0.5])})
    samples = read("a.npz", data, *ports)
    assert not samples.many
    assert samples.arrays["ids"].dtype == np.int32
    assert samples.arrays["in/v"].tolist() == [[0.5]]


def test_arrays_that_no_input_needs_are_not_unpacked():
    data = npz(x=np.array([1.0]), other=np.array([None]))
    assert read("a.npz", data, port((1,))).arrays["x"].tolist() == [[1.0]]


@pytest.mark.parametrize(
    "data",
    [
        npy(np.array([None])),
        npy(np.array([(1, 2.0)], "i4,f4")),
        npy(np.zeros(2, "(2,)f4"))[:-4],
        lying("(1000000000000,)", 16),
        lying("(0, 1000000000000000000000)", 0),
        lying("(-4,)", 16),
        lying("(" * 5000 + ")" * 5000, 4),
        lying("(4,)" + " " * 20000, 16),
        lying("__import__('os')", 4),
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_a_damaged_or_dangerous_array_is_refused(data):
    with pytest.raises(ItemError):
        read("a.npy", data, port((2,)))


def test_an_npz_without_the_inputs_name_lists_what_it_holds():
    with pytest.raises(ItemError, match="it holds other"):
        read("a.npz", npz(other=np.zeros(2)), port((2,)))


def test_a_bomb_is_refused_by_its_declared_size():
    data = npz(packed=True, x=np.zeros(68_000_000 // 4, np.float32))
    assert len(data) < 100_000
    with pytest.raises(ItemError, match="trap"):
        read("a.npz", data, port((None,)))


def test_an_honest_packed_file_is_read():
    data = npz(packed=True, x=np.zeros((200, 200), np.float32))
    assert read("a.npz", data, port((200, 200))).arrays["x"].shape == (1, 200, 200)


def test_a_member_larger_than_declared_is_refused():
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(np.zeros(5000, np.float32)))
    data = bytearray(inner.getvalue())
    at = data.rindex(b"PK\x01\x02") + 24  # the size unpacked, in the central directory
    data[at : at + 4] = struct.pack("<I", 200)
    with pytest.raises(ItemError):
        read("a.npz", bytes(data), port((5000,)))


def test_unequal_counts_are_refused():
    with pytest.raises(ItemError, match="unequal counts"):
        read(
            "a.npz",
            npz(a=np.zeros((2, 1)), b=np.zeros((3, 1))),
            port((1,), name="a"),
            port((1,), name="b"),
        )


def test_one_array_cannot_feed_two_inputs():
    with pytest.raises(ItemError, match="-i NAME=FILE"):
        read("a.npy", npy(np.zeros(1)), port((1,), name="a"), port((1,), name="b"))


def test_many_threads_read_headers_at_once():
    """Python 3.11 cannot compile in two threads: headers are read without it."""
    data = [npy(np.full((n % 5 + 1, 3), n, "f4")) for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            arrays_read = list(pool.map(lambda content: read_npy(content, "a.npy"), data))
    assert [array[0, 0] for array in arrays_read] == list(range(40))
    for array, content in zip(arrays_read, data, strict=True):
        assert HEADER_PATTERN.search(content[: content.index(b"\n") + 1])
        assert array.dtype == np.float32


def test_a_signalling_nan_is_a_nan():
    values = np.array([0, 0x7F810000], np.uint32).view(np.float32)
    with pytest.raises(ItemError, match="1 of 2 values of 'x' are NaN"):
        read("a.npy", npy(values), port((2,)))
