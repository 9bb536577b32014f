"""HDF5 files that may be hostile: walked link by link, without reading a single array."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inputgrad_cli.errors import ModelError

MOST_RATIO = 100
SMALL = 1 << 20  # an array below it may be packed as tightly as can be
FLOOR = 64 << 20  # and so may all arrays together below this
MOST_OBJECTS = 200_000
MOST_TEXT = 64 << 20


@dataclass(frozen=True)
class SavedArray:
    """An array of the file: its path inside, shape, and dtype as NumPy spells it."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def is_float(self) -> bool:
        """Return whether it holds floating numbers."""
        return self.dtype.startswith(("float", "bfloat"))


@contextmanager
def opened(source: Path | IO[bytes], path: Path) -> Iterator[Any]:
    """Yield the HDF5 file; what the library cannot read is a ModelError about `path`."""
    import h5py

    try:
        with h5py.File(source, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        text = str(error).splitlines()
        reason = _plain(text[0]) if text else type(error).__name__
        raise ModelError(
            f"{path}: the weights are damaged", reason=reason, mend="copy or save the file again"
        ) from None


def _plain(text: str) -> str:
    """Return the telling part of HDF5's message, which stands in its last parentheses."""
    inner = text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text
    return inner[:200]


def survey(file: Any, size: int, path: Path) -> tuple[SavedArray, ...]:
    """Return every array; ModelError for links that lead out and for bytes that are not there."""
    import h5py

    arrays, stored, claimed = [], 0, 0
    for name, node in _walk(file, path):
        if not isinstance(node, h5py.Dataset):
            continue
        stored += _check_array(name, node, path)
        claimed += int(node.size or 0) * int(node.dtype.itemsize)
        dtype = str(node.attrs["dtype"]) if "dtype" in node.attrs else node.dtype.name
        arrays.append(SavedArray(name, tuple(node.shape or ()), dtype))
    if stored > size or claimed > max(FLOOR, MOST_RATIO * size):
        raise ModelError(
            f"{path}: the arrays inside claim {max(stored, claimed)} bytes",
            reason=f"the file has {size}",
            kind="unsafe",
        )
    return tuple(arrays)


def _walk(file: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield name and node of everything inside; each object once, whatever names it has."""
    import h5py

    seen: set[int] = set()
    stack = [("", file["/"])]
    while stack:
        prefix, group = stack.pop()
        for word in group:
            name = prefix + word
            if not isinstance(group.get(word, getlink=True), h5py.HardLink):
                raise ModelError(
                    f"{path}: {name} inside is a link to another place",
                    reason="it could read any file of yours",
                    kind="unsafe",
                )
            node = group[word]
            address = int(h5py.h5o.get_info(node.id).addr)
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise ModelError(f"{path}: too many objects inside", kind="unsafe")
            yield name, node
            if isinstance(node, h5py.Group):
                stack.append((name + "/", node))


def _check_array(name: str, node: Any, path: Path) -> int:
    """Return how many bytes of the file an array takes."""
    if node.is_virtual or node.external:
        raise ModelError(
            f"{path}: array {name} inside lies in another file",
            reason="it could read any file of yours",
            kind="unsafe",
        )
    stored = int(node.id.get_storage_size())
    declared = int(node.size or 0) * int(node.dtype.itemsize)
    if declared > max(SMALL, MOST_RATIO * stored):
        raise ModelError(
            f"{path}: array {name} inside claims {declared} bytes",
            reason=f"the file holds {stored} for it",
            kind="unsafe",
        )
    return stored


def flat(array: Any) -> list[float]:
    """Return the numbers of an array that `survey` let pass, in a row."""
    return [float(number) for number in array[()].reshape(-1)]


def text_attribute(file: Any, name: str) -> bytes | None:
    """Return a text that the file's root carries, None where there is none."""
    if name not in file.attrs:
        return None
    if file.attrs.get_id(name).get_storage_size() > MOST_TEXT:
        return None
    value = file.attrs[name]
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else None


def is_hdf5(path: Path) -> bool:
    """Return whether the bytes of `path` begin as an HDF5 file does."""
    with open(path, "rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"
