"""NumPy files, read without pickles and without believing their headers."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.combine_inputs import refuse_missing
from inputgrad_cli.formats.files import too_large
from inputgrad_cli.formats.quiet_warnings import hushed
from inputgrad_cli.machine.memory import room
from inputgrad_cli.numeric.arrays import Array

MOST_BYTES = 4 << 30
FREE_BYTES = 64 << 20  # below that, how well a file is packed does not matter
LONGEST = 10_000  # bytes of a header that is read without compiling it
PLAIN = re.compile(
    rb"\{ *'descr': *'(?P<type>[<>|=]?[a-zA-Z]\d*)', *'fortran_order': *(?P<order>True|False), *"
    rb"'shape': *\((?P<shape>\d*(?:, *\d+)*),?\),? *\} *\n?"
)
_COMPILING = Lock()
MOST_RATIO = 100  # arrays of measured data pack to a third; a bomb to a thousandth


@dataclass(frozen=True)
class Header:
    """What a `.npy` file says of its array, which begins at byte `start`."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int


def read_npy(data: bytes, where: str) -> Array:
    """Return the array of a `.npy` file in native byte order; ItemError (kind `unreadable`)."""
    header = read_header(data, len(data), where)
    order: Literal["C", "F"] = "F" if header.fortran else "C"
    try:
        array: Array = np.ndarray(header.shape, header.dtype, data, header.start, order=order)
    except (ValueError, TypeError):  # no array has so many axes, or so long ones
        raise _no_array(where) from None
    return np.array(array, array.dtype.newbyteorder("="))


def native(array: Array) -> Array:
    """Return an array in the byte order of this machine."""
    return np.asarray(array, array.dtype.newbyteorder("="))


def read_header(data: bytes, size: int, where: str) -> Header:
    """Return the header of a `.npy` file of `size` bytes, which `data` begins.

    Raises ItemError (kinds `unreadable`, `dtype`): nothing of what it promises is believed.
    """
    stream = io.BytesIO(data)
    try:
        shape, fortran, dtype = _promised(stream)
        need, there = math.prod(shape) * dtype.itemsize, size - stream.tell()
    except Exception:  # the header is Python text: what foreign text makes of it has no end
        raise _no_array(where) from None
    if dtype.hasobject:
        raise ItemError(f"{where}: holds Python objects, which are never read", kind="unreadable")
    if dtype.kind == "V":
        raise ItemError(
            f"{where}: holds records of several fields",
            reason="one array of numbers or texts is wanted",
            kind="dtype",
        )
    if need != there:
        raise ItemError(
            f"{where}: the array is damaged",
            reason=f"its header promises {need} bytes, {there} are there",
            kind="unreadable",
        )
    return Header(shape, fortran, dtype, stream.tell())


def _promised(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type as the header says, and leave the stream where it ends.

    NumPy compiles the header, which Python 3.11 cannot do in two threads at once.
    """
    version, start = np.lib.format.read_magic(stream), stream.tell()
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(stream.read(width), "little")
    found = PLAIN.fullmatch(stream.read(length) if length < LONGEST else b"")
    if found:
        shape = tuple(int(dim) for dim in found["shape"].replace(b",", b" ").split())
        return shape, found["order"] == b"True", np.dtype(found["type"].decode())
    stream.seek(start)
    read = np.lib.format.read_array_header_2_0
    with _COMPILING, hushed():
        return (np.lib.format.read_array_header_1_0 if width == 2 else read)(stream)


def _no_array(where: str) -> ItemError:
    return ItemError(f"{where}: not a NumPy array", kind="unreadable")


def read_npz(data: bytes, where: str, wanted: Sequence[str]) -> dict[str, Array]:
    """Return the arrays of an `.npz` file that are wanted; nothing else of it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
            refuse_missing(members, wanted, where)
            _refuse_bomb([members[name] for name in wanted], len(data), where)
            return {
                name: read_npy(archive.read(members[name]), f"{where}:{name}.npy")
                for name in wanted
            }
    except ItemError:
        raise
    except Exception:  # zipfile and its unpackers raise errors of many families
        raise ItemError(f"{where}: not an archive of NumPy arrays", kind="unreadable") from None


def _refuse_bomb(members: list[zipfile.ZipInfo], packed: int, where: str) -> None:
    """Judge by the sizes that the archive declares; more than those is never unpacked."""
    size = sum(info.file_size for info in members)
    if size > MOST_BYTES:
        raise ItemError(
            f"{where}: unpacks to more than {MOST_BYTES >> 30} GiB",
            mend="split it into several files",
            kind="unreadable",
        )
    left = room()
    if size > left.size:
        reason = f"it unpacks to {size:,} bytes, {left.size:,} are left of {left.words}"
        raise too_large(where, reason)
    if size > FREE_BYTES and size > MOST_RATIO * packed:
        raise ItemError(
            f"{where}: {packed} bytes unpack to {size}",
            reason="arrays packed that tightly are refused: they may be a trap",
            mend="store it unpacked, with numpy.savez",
            kind="unreadable",
        )
