"""NumPy files, read without pickles and without believing their headers."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Sequence

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.merge import refuse_missing

MOST_BYTES = 4 << 30
FREE_BYTES = 64 << 20  # below that, how well a file is packed does not matter
MOST_RATIO = 100  # arrays of measured data pack to a third; a bomb to a thousandth


def read_npy(data: bytes, where: str) -> Array:
    """Return the array of a `.npy` file in native byte order; ItemError (kind `unreadable`)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's remarks on files of Python 2
            _check_header(data, where)
            array = np.load(io.BytesIO(data), allow_pickle=False)
    except ItemError:
        raise
    except Exception:  # the header is Python text: what foreign text makes of it has no end
        raise ItemError(f"{where}: not a NumPy array", kind="unreadable") from None
    return np.asarray(array, array.dtype.newbyteorder("="))


def _check_header(data: bytes, where: str) -> None:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        raise ItemError(f"{where}: holds Python objects, which are never read", kind="unreadable")
    if dtype.kind == "V":
        raise ItemError(
            f"{where}: holds records of several fields",
            reason="one array of numbers or texts is wanted",
            kind="dtype",
        )
    need, there = math.prod(shape) * dtype.itemsize, len(data) - stream.tell()
    if need != there:
        raise ItemError(
            f"{where}: the array is damaged",
            reason=f"its header promises {need} bytes, {there} are there",
            kind="unreadable",
        )


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
    if size > FREE_BYTES and size > MOST_RATIO * packed:
        raise ItemError(
            f"{where}: {packed} bytes unpack to {size}",
            reason="arrays packed that tightly are refused: they may be a trap",
            mend="store it unpacked, with numpy.savez",
            kind="unreadable",
        )
