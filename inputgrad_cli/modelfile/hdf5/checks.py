"""What an array or attribute of an HDF5 file may be: plain numbers, short texts, known filters."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ModelError

NUMBERS = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
    "void8", "void16",  # how h5py writes float8 and bfloat16
}  # fmt: skip
MOST_ATTRIBUTES = 1000  # of one object: Keras splits a long list of layers over several
SHUFFLE, DEFLATE, CHECKSUM = 2, 1, 3  # HDF5's own filters, each at most once, in this order
BLOCK = 1 << 20


def _unsafe(path: Path, what: str, reason: str = "") -> ModelError:
    return ModelError(f"{path}: {what}", reason=reason, kind="unsafe")


def check_attributes(node: Any, lists: bool, what: str) -> int:
    """Return the bytes of an object's attributes; ModelError unless all are numbers or texts.

    `lists` allows lists of texts of variable length; `what` is how messages call the object.
    """
    import h5py

    length = h5py.h5a.get_num_attrs(node)
    if length > MOST_ATTRIBUTES:
        raise ModelError(
            f"{what} inside has {length} attributes, at most {MOST_ATTRIBUTES}", kind="unsafe"
        )
    total = 0
    for number in range(length):
        attribute = h5py.h5a.open(node, index=number)
        kind = attribute.get_type()
        count = math.prod(attribute.shape or ())
        if kind.get_class() == h5py.h5t.STRING:
            is_plain = lists or count <= 1 or not kind.is_variable_str()
        else:
            is_plain = _is_number(attribute.dtype)
        if not is_plain:
            raise ModelError(
                f"{what} inside has an attribute that is neither numbers nor a text", kind="unsafe"
            )
        total += count * int(kind.get_size())
    return total


def check_array(node: Any, name: str, path: Path) -> int:
    """Return the bytes that an array takes in memory; ModelError unless it is one of numbers."""
    import h5py

    plist = node.get_create_plist()
    if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
        raise _unsafe(
            path,
            f"array {name} inside lies in another file",
            "it could read any file of yours",
        )
    if not _is_number(node.dtype):
        raise _unsafe(path, f"array {name} inside holds {node.dtype.name}, not plain numbers")
    filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
    if filters != [known for known in (SHUFFLE, DEFLATE, CHECKSUM) if known in filters]:
        raise _unsafe(path, f"array {name} inside is packed in an unknown way")
    shape = node.shape or ()
    if plist.get_layout() == h5py.h5d.CHUNKED:
        # Chunks are read whole, also where the array fills only a corner of them.
        sides = plist.get_chunk()
        shape = tuple(-(-dim // side) * side for dim, side in zip(shape, sides, strict=True))
    return math.prod(shape) * int(node.dtype.itemsize)


def _is_number(dtype: Any) -> bool:
    import h5py

    is_plain_void = dtype.fields is None and dtype.subdtype is None
    return dtype.name in NUMBERS and is_plain_void and h5py.check_enum_dtype(dtype) is None


def check_chunks(node: Any, name: str, path: Path) -> None:
    """Raise ModelError where a packed chunk unpacks to more than a chunk: HDF5 would follow it."""
    import h5py

    plist = node.get_create_plist()
    filters = [plist.get_filter(number)[0] for number in range(plist.get_nfilters())]
    if plist.get_layout() != h5py.h5d.CHUNKED or DEFLATE not in filters:
        return
    most = math.prod(plist.get_chunk()) * int(node.dtype.itemsize)
    skipped = 1 << filters.index(DEFLATE)
    places: list[Any] = []
    node.chunk_iter(places.append)
    for place in places:
        mask, data = node.read_direct_chunk(place.chunk_offset)
        if not mask & skipped and _inflates_beyond(data, most):
            raise _unsafe(
                path, f"a chunk of array {name} inside unpacks to more than its {most} bytes"
            )


def _inflates_beyond(data: bytes, most: int) -> bool:
    unpacker, total = zlib.decompressobj(), 0
    while data and not unpacker.eof:
        total += len(unpacker.decompress(data, BLOCK))
        if total > most:
            return True
        data = unpacker.unconsumed_tail
    return False


def dtype_of(node: Any) -> str:
    """Return the dtype of an array; what Keras marks as bfloat16 is stored without a type."""
    import h5py

    name = str(node.dtype.name)
    if name != "void16" or not h5py.h5a.exists(node, b"dtype"):
        return name
    value = h5py.AttributeManager(h5py.Dataset(node))["dtype"]
    return "bfloat16" if value in ("bfloat16", b"bfloat16") else name
