"""Keeps the names of many items as bytes, and makes the items when they are needed.

An item with its path takes 0.75 kB, and a run may have a million of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

from inputgrad_cli.runs.inputs.item import Item

# Names may have any bytes, which Python reads as surrogates.
ENCODING = ("utf-8", "surrogatepass")
IndexedItem = tuple[int, Item]


def to_relative(path: Path, working_folder: Path) -> Path:
    """Return the path relative to the working directory if it is below it, else unchanged."""
    is_below = path.is_relative_to(working_folder)
    return path.relative_to(working_folder) if is_below else path


class FileItems(Sequence[Item]):
    """The items of single files, each named by its path below the directory `root`."""

    def __init__(self, root: Path) -> None:
        self._working_folder = Path.cwd()
        self._base = to_relative(root, self._working_folder)
        # Only below a root above the working directory must each path be made relative: 5 us.
        self._is_above = self._working_folder.is_relative_to(root)
        self._names = bytearray()
        self._ends = array("Q", [0])

    def append_file(self, name: str) -> None:
        """Append the item of the file with this path below the root."""
        self._names += name.encode(*ENCODING)
        self._ends.append(len(self._names))

    def yield_names(self) -> Iterator[str]:
        """Yield the name of each item."""
        return map(self._get_name, range(len(self)))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        name = self._get_name(range(len(self))[index])
        return Item(name, {None: self._build_path(name)})

    def _get_name(self, index: int) -> str:
        return self._names[self._ends[index] : self._ends[index + 1]].decode(*ENCODING)

    def _build_path(self, name: str) -> Path:
        path = self._base / name
        return to_relative(path, self._working_folder) if self._is_above else path


class IndexedItems(Sequence[IndexedItem]):
    """Some of the items of a run, each with its index among all of them."""

    def __init__(self, items: Sequence[Item], indices: Sequence[int] | None = None) -> None:
        self._items = items
        self._indices = range(len(items)) if indices is None else array("Q", indices)

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> IndexedItem: ...

    @overload
    def __getitem__(self, index: slice) -> IndexedItems: ...

    def __getitem__(self, index: int | slice) -> IndexedItem | IndexedItems:
        if isinstance(index, slice):
            return IndexedItems(self._items, self._indices[index])
        return self._indices[index], self._items[self._indices[index]]
