"""Checks that HDF5 arrays and attributes hold only numbers, short texts and known filters."""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.unsafe_name_checks import make_unsafe_error

NUMERIC_DTYPES = {
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16",
    "float32", "float64", "complex64", "complex128",
    "void8", "void16",  # how h5py writes float8 and bfloat16
}  # fmt: skip
MAX_ATTRIBUTES = 1000  # of one object; Keras splits a long list of layers over several attributes
SHUFFLE, DEFLATE, CHECKSUM = 2, 1, 3  # HDF5's own filters, each at most once, in this order
BLOCK_BYTES = 1 << 20  # unpacked at once


def check_attributes(node: Any, allow_text_lists: bool, label: str) -> int:
    """Return the bytes of an object's attributes; ModelError unless all are numbers or texts.

    `allow_text_lists` allows lists of texts of variable length; `label` names the object in errors.
    """
    import h5py

    length = h5py.h5a.get_num_attrs(node)
    if length > MAX_ATTRIBUTES:
        raise ModelError(
            f"{label} inside has {length} attributes, at most {MAX_ATTRIBUTES}", kind="unsafe"
        )
    total = 0
    for index in range(length):
        attribute = h5py.h5a.open(node, index=index)
        kind = attribute.get_type()
        count = math.prod(attribute.shape or ())
        if kind.get_class() == h5py.h5t.STRING:
            is_allowed = allow_text_lists or count <= 1 or not kind.is_variable_str()
        else:
            is_allowed = _is_number(attribute.dtype)
        if not is_allowed:
            raise ModelError(
                f"{label} inside has an attribute that is neither numbers nor a text", kind="unsafe"
            )
        total += count * int(kind.get_size())  # of a variable text only its reference counts
    return total


def check_array(node: Any, name: str, path: Path) -> int:
    """Return the bytes that an array takes in memory; ModelError unless it holds numbers."""
    import h5py

    plist = node.get_create_plist()
    if plist.get_layout() == h5py.h5d.VIRTUAL or plist.get_external_count():
        raise make_unsafe_error(
            path,
            f"array {name} inside lies in another file",
            "it could read any of your files",
        )
    if not _is_number(node.dtype):
        raise make_unsafe_error(
            path, f"array {name} inside holds {node.dtype.name}, not plain numbers"
        )
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    # Only these filters are known, each at most once and in this order.
    if filters != [code for code in (SHUFFLE, DEFLATE, CHECKSUM) if code in filters]:
        raise make_unsafe_error(path, f"array {name} inside is packed in an unknown way")
    shape = node.shape or ()
    if plist.get_layout() == h5py.h5d.CHUNKED:
        # HDF5 reads complete chunks, even if the array fills only a corner of one.
        sides = plist.get_chunk()
        shape = tuple(-(-dim // side) * side for dim, side in zip(shape, sides, strict=True))
    return math.prod(shape) * int(node.dtype.itemsize)


def _is_number(dtype: Any) -> bool:
    import h5py

    is_plain_void = dtype.fields is None and dtype.subdtype is None
    return dtype.name in NUMERIC_DTYPES and is_plain_void and h5py.check_enum_dtype(dtype) is None


def check_chunks(node: Any, name: str, path: Path) -> None:
    """Raise ModelError if a chunk unpacks to more than its size; HDF5 would unpack all of it."""
    import h5py

    plist = node.get_create_plist()
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    if plist.get_layout() != h5py.h5d.CHUNKED or DEFLATE not in filters:
        return
    limit = math.prod(plist.get_chunk()) * int(node.dtype.itemsize)
    skip_bit = 1 << filters.index(DEFLATE)  # set in the mask of a chunk that is not deflated
    chunks: list[Any] = []
    node.chunk_iter(chunks.append)
    for chunk in chunks:
        mask, data = node.read_direct_chunk(chunk.chunk_offset)
        if not mask & skip_bit and _is_decompression_bomb(data, limit):
            raise make_unsafe_error(
                path, f"a chunk of array {name} inside unpacks to more than its {limit} bytes"
            )


def _is_decompression_bomb(data: bytes, limit: int) -> bool:
    unpacker, total = zlib.decompressobj(), 0
    while data and not unpacker.eof:
        total += len(unpacker.decompress(data, BLOCK_BYTES))
        if total > limit:
            return True
        data = unpacker.unconsumed_tail
    return False


def get_dtype(node: Any) -> str:
    """Return the dtype of an array; bfloat16 is stored as raw bytes, which an attribute marks."""
    import h5py

    name = str(node.dtype.name)
    if name != "void16" or not h5py.h5a.exists(node, b"dtype"):
        return name
    value = h5py.AttributeManager(h5py.Dataset(node))["dtype"]
    return "bfloat16" if value in ("bfloat16", b"bfloat16") else name
