"""HDF5 files that may be hostile: walked link by link, without reading a single array."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from inputgrad_cli.choices import printable
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.hdf5 import checks
from inputgrad_cli.modelfile.name_checks import is_plain

MOST_RATIO = 100
FLOOR = 64 << 20  # bytes in all that do no harm, however little the file has
MOST_OBJECTS = 50_000  # a layer has four: its group, that of its variables, kernel, bias
MOST_DEPTH = 32  # a model inside a model adds two; Keras writes a lone Dense at 4
MOST_NAME = 200  # characters


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
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, zlib.error) as error:
        text = str(error).splitlines()
        reason = printable(_plain(text[0])) if text else type(error).__name__
        raise ModelError(
            f"{path}: the weights are damaged", reason=reason, mend="copy or save the file again"
        ) from None


def _plain(text: str) -> str:
    """Return the telling part of HDF5's message, which stands in its last parentheses."""
    inner = text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text
    return inner[:200]


@dataclass(frozen=True)
class Source:
    """Where an HDF5 file comes from: the model file, its `size`, and the bytes `held` unpacked.

    `lists` says that attributes may be lists of texts, as only those of `.h5` files are.
    """

    path: Path
    held: int
    size: int
    lists: bool = False


def survey(file: Any, source: Source) -> tuple[SavedArray, ...]:
    """Return every array; ModelError for what is no plain array of numbers inside the file."""
    import h5py

    path, arrays, stored, claimed = source.path, [], 0, 0
    for name, node in _walk(file, path):
        claimed += checks.check_attributes(node, source.lists, f"{path}: {name}")
        if isinstance(node, h5py.h5g.GroupID):
            continue
        if not isinstance(node, h5py.h5d.DatasetID):
            raise _unsafe(path, f"{name} inside is no array and no group")
        declared = checks.check_array(node, name, path)
        stored += int(node.get_storage_size())
        claimed += declared
        if stored > source.held or claimed > max(FLOOR, MOST_RATIO * source.size):
            raise _unsafe(
                path,
                f"array {name} inside claims {declared} bytes",
                f"all so far are {max(stored, claimed)}, the file has {source.size}",
            )
        checks.check_chunks(node, name, path)
        arrays.append(SavedArray(name, tuple(node.shape or ()), checks.dtype_of(node)))
    return tuple(arrays)


def _unsafe(path: Path, what: str, reason: str = "") -> ModelError:
    return ModelError(f"{path}: {what}", reason=reason, kind="unsafe")


def _walk(file: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield name and identifier of everything inside; each object once, whatever its names are."""
    import h5py

    root = h5py.h5o.open(file.id, b"/")
    seen = {_address(root)}
    yield "/", root
    stack: list[tuple[str, Any, int]] = [("", root, 1)]
    while stack:
        prefix, group, depth = stack.pop()
        if depth > MOST_DEPTH:
            raise _unsafe(path, f"groups inside stand more than {MOST_DEPTH} deep")
        if group.get_num_objs() > MOST_OBJECTS:
            raise _unsafe(path, f"more than {MOST_OBJECTS} objects inside")
        for raw in group:
            name = prefix + _word(raw, path)
            if group.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
                raise _unsafe(
                    path,
                    f"{name} inside is a link to another place",
                    "it could read any file of yours",
                )
            node = h5py.h5o.open(group, raw)
            address = _address(node)
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise _unsafe(path, f"more than {MOST_OBJECTS} objects inside")
            yield name, node
            if isinstance(node, h5py.h5g.GroupID):
                stack.append((name + "/", node, depth + 1))


def _address(node: Any) -> int:
    import h5py

    return int(h5py.h5o.get_info(node).addr)


def _word(raw: bytes, path: Path) -> str:
    """Return one part of a name inside; ModelError where it is none that Keras would write."""
    word = raw.decode("utf-8", "replace")
    if "\ufffd" in word or not is_plain(word) or len(word) > MOST_NAME:
        raise _unsafe(
            path,
            f"the name {printable(word[:40])!r} inside is no plain one",
            f"it is of {len(word)} characters, at most {MOST_NAME}",
        )
    return word


def flat(array: Any) -> list[float]:
    """Return the numbers of an array that `survey` let pass, in a row."""
    return [float(number) for number in array[()].reshape(-1)]


def text_attribute(file: Any, name: str) -> bytes | None:
    """Return a text that the file's root carries, None where there is none."""
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
        return file.read(8) == b"\x89HDF\r\n\x1a\n"
