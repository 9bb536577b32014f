"""NumPy files, read without pickles and without believing their headers."""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError

MOST_BYTES = 4 << 30


def read_npy(data: bytes, where: str) -> Array:
    """Return the array of a `.npy` file in native byte order; ItemError (kind `unreadable`)."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        if dtype.hasobject:
            raise ItemError(
                f"{where}: holds Python objects, which are never read", kind="unreadable"
            )
        need = math.prod(shape) * dtype.itemsize
        if need != len(data) - stream.tell():
            raise ItemError(
                f"{where}: the array is damaged",
                reason=f"its header promises {need} bytes, {len(data) - stream.tell()} are there",
                kind="unreadable",
            )
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, MemoryError, OSError):
        raise ItemError(f"{where}: not a NumPy array", kind="unreadable") from None
    return np.asarray(array, array.dtype.newbyteorder("="))


def read_npz(data: bytes, where: str) -> dict[str, Array]:
    """Return the arrays of an `.npz` file by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > MOST_BYTES:
                raise ItemError(f"{where}: unpacks to more than 4 GiB", kind="unreadable")
            return {
                info.filename.removesuffix(".npy"): read_npy(
                    archive.read(info), f"{where}:{info.filename}"
                )
                for info in infos
                if info.filename.endswith(".npy")
            }
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError):
        raise ItemError(f"{where}: not an archive of NumPy arrays", kind="unreadable") from None
