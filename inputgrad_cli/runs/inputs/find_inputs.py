"""Finds the inputs that a call names, and gives each its name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from inputgrad_cli.errors import EmptyError, ItemError, UsageError
from inputgrad_cli.machine.missing_files import mend_missing


@dataclass(frozen=True)
class Item:
    """One input: its name in the output directory, and its files by model input.

    The key None stands for a file that was not given to one input by name. `error` is set where
    the item is known to fail before it is read. `serves_all` says that one of its files stands
    beside a directory, and serves every item of it.
    """

    name: str
    paths: Mapping[str | None, Path]
    error: ItemError | None = None
    serves_all: bool = False

    @property
    def path(self) -> Path:
        """Return the file that the item is named after."""
        return next(iter(self.paths.values()))


@dataclass(frozen=True)
class Search:
    """Which files are wanted: `named` as given, `suffixes` those taken from directories."""

    named: tuple[str, ...]
    suffixes: tuple[str, ...]
    out: Path
    root: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass
class Found:
    """The items in order, how many files of directories were passed over, and what was doubled."""

    items: list[Item] = field(default_factory=list)
    passed: int = 0
    doubled: int = 0


def find_items(search: Search) -> Found:
    """Return the items that positional inputs name; UsageError, EmptyError."""
    places = [_place(name) for name in search.named]
    root = _root(search.root, places)
    if folders := {place for place in places if place.is_dir()}:
        _refuse_own(search.out, {root, *folders})
    found, seen = Found(), set()
    for place in places:
        files = _walk(place, search, found) if place.is_dir() else [place]
        for file in files:
            if file in seen:
                found.doubled += 1
                continue
            seen.add(file)
            found.items.append(Item(_name(file, root), {None: _as_given(file)}))
    if not found.items:
        what = ", ".join(search.named) or "the list is empty"
        what += "".join(f" --include {glob}" for glob in search.include)
        what += "".join(f" --exclude {glob}" for glob in search.exclude)
        passed = f"files passed over: {found.passed}" if found.passed else "nothing is there"
        raise EmptyError(
            f"no input matched: {what}",
            reason=f"{passed}; files are taken by suffix: {' '.join(search.suffixes)}",
            mend="name a file outright to try it whatever it is called",
        )
    return found


def _refuse_own(out: Path, folders: set[Path]) -> None:
    """Raise UsageError where results would stand among the inputs, and be inputs the next time."""
    if Path(os.path.abspath(out)) in folders:
        raise UsageError(
            f"--out {out}: holds the inputs",
            reason="the next call would take the results for inputs",
            mend="choose another --out; a directory inside is fine",
        )


def _place(name: str) -> Path:
    path = Path(os.path.abspath(name))
    if not os.path.lexists(path):
        mend = mend_missing(name)
        raise UsageError(f"{name}: there is no such input file or directory", mend=mend)
    return path


def _root(root: Path | None, places: Sequence[Path]) -> Path:
    if root is not None:
        return Path(os.path.abspath(root))
    homes = [str(place if place.is_dir() else place.parent) for place in places]
    return Path(os.path.commonpath(homes)) if homes else Path.cwd()


def _name(file: Path, root: Path) -> str:
    if not file.is_relative_to(root):
        raise UsageError(
            f"--root {root}: {file} is not below it", mend="give a directory above all"
        )
    return file.relative_to(root).as_posix()


def _as_given(file: Path) -> Path:
    """Return the path relative to the working directory where it lies below, as people write it."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


def _walk(place: Path, search: Search, found: Found) -> Iterator[Path]:
    """Yield the files below `place` that are wanted, by name, folder by folder."""
    out = Path(os.path.abspath(search.out))
    folders = [place]
    while folders:
        here = folders.pop()
        if here.is_dir() and not (here.is_symlink() and here != place):
            inner = [here / name for name in _listed(here) if not name.startswith(".")]
            folders += sorted((path for path in inner if path != out), reverse=True)
        elif _wanted(here, place, search):
            yield here
        else:
            found.passed += 1


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise UsageError(
            f"{folder}: the directory cannot be read", reason=str(error.strerror)
        ) from None


def _wanted(file: Path, place: Path, search: Search) -> bool:
    relative = file.relative_to(place).as_posix()

    def hit(globs: Iterable[str]) -> bool:
        return any(fnmatch(relative, g) or fnmatch(file.name, g) for g in globs)

    if file.suffix.lower() not in search.suffixes or hit(search.exclude):
        return False
    return hit(search.include) if search.include else True


def pair_items(pairs: Sequence[tuple[str, str]], search: Search) -> Found:
    """Return the items of `-i NAME=PATH`; directories are paired by relative name without suffix.

    Items are named after the first; a file beside directories serves every item.
    """
    places = {name: _place(path) for name, path in pairs}
    folders = {name: place for name, place in places.items() if place.is_dir()}
    first = pairs[0][0]
    if not folders:
        name = places[first].name
        return Found([Item(name, {n: _as_given(p) for n, p in places.items()})])
    _refuse_own(search.out, {*folders.values()})
    found = Found()
    stems = {name: _stems(place, search, found) for name, place in folders.items()}
    leader = first if first in folders else next(iter(folders))
    everywhere = sorted({stem for own in stems.values() for stem in own})
    for stem in everywhere:
        missing = [name for name in folders if stem not in stems[name]]
        home = next(name for name in (leader, *folders) if stem in stems[name])
        file = stems[home][stem]
        paths: dict[str | None, Path] = {
            name: _as_given(stems[name].get(stem, file) if name in folders else place)
            for name, place in places.items()
        }
        error = _no_partner(file, missing) if missing else None
        name, serves_all = file.relative_to(folders[home]).as_posix(), len(folders) < len(places)
        found.items.append(Item(name, paths, error, serves_all))
    if not found.items:
        raise EmptyError(f"no input matched in {folders[leader]}")
    return found


def _no_partner(file: Path, missing: Sequence[str]) -> ItemError:
    names = ", ".join(missing)
    return ItemError(f"{file}: no file of this name for input {names}", kind="partner")


def _stems(place: Path, search: Search, found: Found) -> dict[str, Path]:
    stems: dict[str, Path] = {}
    for file in _walk(place, search, found):
        stem = file.relative_to(place).with_suffix("").as_posix()
        if stem in stems:
            raise UsageError(
                f"{stems[stem]} and {file} have one name without suffix",
                reason="directories given to -i are paired by that name",
                mend="leave one out with --exclude",
            )
        stems[stem] = file
    return stems
