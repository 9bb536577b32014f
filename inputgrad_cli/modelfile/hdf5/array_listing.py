"""Lists the arrays of an untrusted HDF5 file link by link, without reading an array."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.hdf5 import array_and_attribute_checks
from inputgrad_cli.modelfile.hdf5.heap_checks import HDF5_SIGNATURE
from inputgrad_cli.modelfile.unsafe_name_checks import (
    MAX_NAME_LENGTH,
    is_printable_text,
    make_unsafe_error,
)
from inputgrad_cli.option_choices import to_printable

MAX_RATIO = 100  # bytes in memory to bytes of the file
HARMLESS_BYTES = 64 << 20  # in total; they do no harm, however small the file is
MAX_OBJECTS = 50_000  # a layer has four: its group, the group of its variables, kernel, bias
MAX_DEPTH = 32  # a model inside a model adds two; Keras writes a lone Dense at 4


@dataclass(frozen=True)
class SavedArray:
    """An array of the file: its path inside, shape, and dtype as NumPy spells it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def is_float(self) -> bool:
        """Return whether it holds floating-point numbers."""
        return self.dtype.startswith(("float", "bfloat"))


@contextmanager
def open_hdf5(source: Path | IO[bytes], path: Path) -> Iterator[Any]:
    """Yield the open HDF5 file; ModelError about `path` if the library cannot read it."""
    import h5py

    try:
        with h5py.File(source, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, zlib.error) as error:
        text = str(error).splitlines()
        reason = to_printable(_extract_reason(text[0])) if text else type(error).__name__
        raise ModelError(
            f"{path}: the weights are damaged", reason=reason, hint="copy or save the file again"
        ) from None


def _extract_reason(text: str) -> str:
    """Return the reason in an HDF5 message, which is inside its parentheses."""
    inner = text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text
    return inner[:200]


@dataclass(frozen=True)
class Hdf5Source:
    """The model file around an HDF5 file, its `size` in bytes, and the HDF5 file's unpacked bytes.

    `allow_text_lists` says that attributes may be lists of texts, as only `.h5` files have them.
    """

    path: Path
    unpacked_bytes: int
    size: int
    allow_text_lists: bool = False


def list_arrays(file: Any, source: Hdf5Source) -> tuple[SavedArray, ...]:
    """Return every array; ModelError if anything is not an array of numbers inside the file."""
    import h5py

    path, arrays, stored, claimed = source.path, [], 0, 0
    for name, node in _walk(file, path):
        claimed += array_and_attribute_checks.check_attributes(
            node, source.allow_text_lists, f"{path}: {name}"
        )
        if isinstance(node, h5py.h5g.GroupID):
            continue
        if not isinstance(node, h5py.h5d.DatasetID):
            raise make_unsafe_error(path, f"{name} inside is neither an array nor a group")
        declared = array_and_attribute_checks.check_array(node, name, path)
        stored += int(node.get_storage_size())
        claimed += declared
        if stored > source.unpacked_bytes or claimed > max(HARMLESS_BYTES, MAX_RATIO * source.size):
            raise make_unsafe_error(
                path,
                f"array {name} inside claims {declared} bytes",
                f"all so far are {max(stored, claimed)}, the file has {source.size}",
            )
        array_and_attribute_checks.check_chunks(node, name, path)
        arrays.append(
            SavedArray(name, tuple(node.shape or ()), array_and_attribute_checks.get_dtype(node))
        )
    return tuple(arrays)


def _walk(file: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield name and identifier of every object once, even if it has several names."""
    import h5py

    root = h5py.h5o.open(file.id, b"/")
    seen = {_get_address(root)}
    yield "/", root
    stack: list[tuple[str, Any, int]] = [("", root, 1)]
    while stack:
        prefix, group, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise make_unsafe_error(path, f"groups inside are nested more than {MAX_DEPTH} deep")
        if group.get_num_objs() > MAX_OBJECTS:
            raise make_unsafe_error(path, f"more than {MAX_OBJECTS} objects inside")
        for link in group:
            name = prefix + _decode_name(link, path)
            if group.links.get_info(link).type != h5py.h5l.TYPE_HARD:
                raise make_unsafe_error(
                    path,
                    f"{name} inside is a link to another place",
                    "it could read any of your files",
                )
            node = h5py.h5o.open(group, link)
            address = _get_address(node)
            if address in seen:  # a second hard link to the object, perhaps a cycle
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                raise make_unsafe_error(path, f"more than {MAX_OBJECTS} objects inside")
            yield name, node
            if isinstance(node, h5py.h5g.GroupID):
                stack.append((name + "/", node, depth + 1))


def _get_address(node: Any) -> int:
    import h5py

    return int(h5py.h5o.get_info(node).addr)


def _decode_name(link: bytes, path: Path) -> str:
    """Return one part of a name inside; ModelError if Keras would not write such a name."""
    name = link.decode("utf-8", "replace")
    # U+FFFD replaces what is not UTF-8.
    if "\ufffd" in name or not is_printable_text(name) or len(name) > MAX_NAME_LENGTH:
        raise make_unsafe_error(
            path,
            f"the name {to_printable(name[:40])!r} inside is not plain",
            f"it has {len(name)} characters, at most {MAX_NAME_LENGTH}",
        )
    return name


def read_flat(array: Any) -> list[float]:
    """Return the numbers of an array that `list_arrays` accepted, as a flat list."""
    return [float(value) for value in array[()].reshape(-1)]


def read_text_attribute(file: Any, name: str) -> bytes | None:
    """Return a text attribute of the file's root as bytes, None if there is none."""
    import h5py

    if name not in file.attrs:
        return None
    attribute = file.attrs.get_id(name)
    is_text = attribute.get_type().get_class() == h5py.h5t.STRING
    if not is_text or math.prod(attribute.shape or ()) != 1:
        return None
    value = file.attrs[name]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return bytes(value) if isinstance(value, bytes) else None


def is_hdf5(path: Path) -> bool:
    """Return whether the bytes of `path` begin as an HDF5 file does."""
    with open(path, "rb") as file:
        return file.read(len(HDF5_SIGNATURE)) == HDF5_SIGNATURE
