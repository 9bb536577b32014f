"""Finds the input files of a call, and names the items made of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

from inputgrad_cli.errors import EmptyError, ItemError, UsageError
from inputgrad_cli.machine.missing_path_suggestions import suggest_path
from inputgrad_cli.runs.inputs.file_items import FileItems, to_relative
from inputgrad_cli.runs.inputs.item import Item


@dataclass(frozen=True)
class Search:
    """Which files to take: `named` as given, and those in directories by `suffixes` and globs."""

    paths: tuple[str, ...]
    suffixes: tuple[str, ...]
    out: Path
    root: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass
class InputList:
    """The items in order, and how many files were ignored or named twice."""

    items: Sequence[Item] = ()
    ignored_count: int = 0
    duplicate_count: int = 0

    def yield_names(self) -> Iterator[str]:
        """Yield the name of each item."""
        items = self.items
        return (
            items.yield_names() if isinstance(items, FileItems) else (item.name for item in items)
        )


def build_generated_item(model: Path) -> InputList:
    """Return the only item of a search that begins at noise, for a model alone."""
    return InputList([Item("", {None: model}, is_generated=True)])


def find_items(search: Search) -> InputList:
    """Return the items of the positional inputs. Raises UsageError and EmptyError."""
    paths = [str(_resolve_path(name)) for name in search.paths]
    folders = {path for path in paths if os.path.isdir(path)}
    root = _find_root(search.root, paths, folders)
    if folders:
        _refuse_own(search.out, {root, *map(Path, folders)})
    inputs, items = InputList(), FileItems(root)
    for name in _drop_repeated(_yield_names(paths, folders, root, search, inputs), paths, inputs):
        items.append_file(name)
    if not items:
        request = ", ".join(search.paths) or "the list is empty"
        request += "".join(f" --include {glob}" for glob in search.include)
        request += "".join(f" --exclude {glob}" for glob in search.exclude)
        reason = (
            f"files passed over: {inputs.ignored_count}"
            if inputs.ignored_count
            else "nothing is there"
        )
        raise EmptyError(
            f"no input matched: {request}",
            reason=f"{reason}; files are taken by suffix: {' '.join(search.suffixes)}",
            hint="name a file itself to read it whatever its suffix",
        )
    return replace(inputs, items=items)


def _yield_names(
    paths: Iterable[str], folders: Set[str], root: Path, search: Search, inputs: InputList
) -> Iterator[str]:
    """Yield the files by their paths below the root, those of a directory sorted by name."""
    for path in paths:
        name = _get_name(Path(path), root)
        if path not in folders:
            yield name
            continue
        prefix = "" if name == "." else f"{name}/"
        for file in _walk(path, search, inputs):
            yield prefix + file


def _drop_repeated(names: Iterator[str], paths: Sequence[str], inputs: InputList) -> Iterator[str]:
    """Yield each name once, though it may be that of a file and be in a directory too."""
    if len(paths) == 1:  # its names take no memory
        yield from names
        return
    seen: set[str] = set()
    for name in names:
        if name in seen:
            inputs.duplicate_count += 1
        else:
            seen.add(name)
            yield name


def _refuse_own(out: Path, folders: set[Path]) -> None:
    """Raise UsageError if results would be written among the inputs, and read as inputs later."""
    if Path(os.path.abspath(out)) in folders:
        raise UsageError(
            f"--out {out}: holds the inputs",
            reason="the next call would read the results as inputs",
            hint="choose another --out; a directory inside is fine",
        )


def _resolve_path(name: str) -> Path:
    path = Path(os.path.abspath(name))
    if not os.path.lexists(path):
        hint = suggest_path(name)
        raise UsageError(f"{name}: there is no such input file or directory", hint=hint)
    return path


def _find_root(root: Path | None, paths: Sequence[str], folders: Set[str]) -> Path:
    if root is not None:
        return Path(os.path.abspath(root))
    above = {path if path in folders else os.path.dirname(path) for path in paths}
    return Path(os.path.commonpath(above)) if above else Path.cwd()


def _get_name(file: Path, root: Path) -> str:
    if not file.is_relative_to(root):
        raise UsageError(
            f"--root {root}: {file} is not below it", hint="give a directory above all"
        )
    return file.relative_to(root).as_posix()


def _walk(top: str, search: Search, inputs: InputList) -> Iterator[str]:
    """Yield the wanted files by their paths in `top`, sorted by name, folder by folder."""
    out = os.path.abspath(search.out)
    folders = [_yield_entries(top, "")]
    while folders:
        if (entry := next(folders[-1], None)) is None:
            folders.pop()
            continue
        path, is_folder = entry
        if is_folder:
            if os.path.join(top, path) != out:  # the output directory is never an input
                folders.append(_yield_entries(top, f"{path}/"))
        elif _is_wanted(path, search):
            yield path
        else:
            inputs.ignored_count += 1


def _yield_entries(top: str, inside: str) -> Iterator[tuple[str, bool]]:
    """Yield what a directory in `top` has by its path in `top`, and whether it is a directory.

    Linked directories are not followed, and count as files.
    """
    names: list[str] = []
    folders: set[str] = set()
    try:
        with os.scandir(os.path.join(top, inside)) as entries:
            for entry in entries:
                # Names that begin with a dot are of the system or of editors, as `.DS_Store`.
                if not entry.name.startswith("."):
                    names.append(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        folders.add(entry.name)
    except OSError as error:
        raise UsageError(
            f"{os.path.join(top, inside)}: the directory cannot be read",
            reason=str(error.strerror),
        ) from None
    for name in sorted(names):
        yield inside + name, name in folders


def _is_wanted(path: str, search: Search) -> bool:
    name = os.path.basename(path)

    def is_match(globs: Iterable[str]) -> bool:
        # A glob may be of the path below the directory, or of the name alone.
        return any(fnmatch(path, g) or fnmatch(name, g) for g in globs)

    suffix = os.path.splitext(name)[1].lower()
    if suffix not in search.suffixes or is_match(search.exclude):
        return False
    return is_match(search.include) if search.include else True


def pair_items(pairs: Sequence[tuple[str, str]], search: Search) -> InputList:
    """Return the items of `-i NAME=PATH`; directories are paired by relative name without suffix.

    Items are named after the first directory. A single file is used for every item.
    """
    paths = {name: _resolve_path(path) for name, path in pairs}
    folders = {name: path for name, path in paths.items() if path.is_dir()}
    working_folder = Path.cwd()
    first = pairs[0][0]  # items are named after this input
    if not folders:
        name = paths[first].name
        return InputList(
            [Item(name, {n: to_relative(p, working_folder) for n, p in paths.items()})]
        )
    _refuse_own(search.out, {*folders.values()})
    inputs, items = InputList(), []
    stems = {name: _find_stems(path, search, inputs) for name, path in folders.items()}
    leader = first if first in folders else next(iter(folders))
    all_stems = sorted({stem for names in stems.values() for stem in names})
    # Each file is an item, also one without a partner, which then fails.
    for stem in all_stems:
        missing = [name for name in folders if stem not in stems[name]]  # folders without it
        owner = next(name for name in (leader, *folders) if stem in stems[name])
        file = stems[owner][stem]
        item_paths: dict[str | None, Path] = {
            name: to_relative(
                stems[name].get(stem, file) if name in folders else path, working_folder
            )
            for name, path in paths.items()
        }
        error = _build_partner_error(file, missing) if missing else None
        name, serves_all = file.relative_to(folders[owner]).as_posix(), len(folders) < len(paths)
        items.append(Item(name, item_paths, error, serves_all))
    if not items:
        raise EmptyError(f"no input matched in {folders[leader]}")
    return replace(inputs, items=items)


def _build_partner_error(file: Path, missing: Sequence[str]) -> ItemError:
    names = ", ".join(missing)
    return ItemError(f"{file}: no file of this name for input {names}", kind="partner")


def _find_stems(top: Path, search: Search, inputs: InputList) -> dict[str, Path]:
    stems: dict[str, Path] = {}
    for name in _walk(str(top), search, inputs):
        stem, file = Path(name).with_suffix("").as_posix(), top / name
        if stem in stems:
            raise UsageError(
                f"{stems[stem]} and {file} have one name without suffix",
                reason="directories given to -i are paired by that name",
                hint="leave one out with --exclude",
            )
        stems[stem] = file
    return stems
