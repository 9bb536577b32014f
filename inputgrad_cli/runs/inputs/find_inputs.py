"""Finds the input files of a call, and names the items made of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from inputgrad_cli.errors import EmptyError, ItemError, UsageError
from inputgrad_cli.machine.missing_path_suggestions import suggest_path
from inputgrad_cli.schema.file_names_in_json import encode_name


@dataclass(frozen=True)
class Item:
    """One input item: its name in the output directory, and its files by model input.

    The key None means that the file was not given for an input by name. `error` is set if the
    item is known to fail before it is read. `serves_all` means that one of its files was given
    together with a directory, and is used for every item of the directory. With `is_generated` it
    has no name and no input: a search begins at noise, and the file is that of the model.
    """

    name: str
    paths: Mapping[str | None, Path]
    error: ItemError | None = None
    serves_all: bool = False
    is_generated: bool = False

    @property
    def path(self) -> Path:
        """Return the file that the item is named after."""
        return next(iter(self.paths.values()))

    @cached_property
    def encoded_name(self) -> dict[str, str]:
        """Return the fields of a record that hold the name."""
        return encode_name("input", self.name)

    @cached_property
    def encoded_paths(self) -> dict[str | None, dict[str, str]]:
        """Return the fields of a record that hold the path of each file, by model input."""
        return {name: encode_name("path", str(path)) for name, path in self.paths.items()}


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

    items: list[Item] = field(default_factory=list)
    ignored_count: int = 0
    duplicate_count: int = 0


def build_generated_item(model: Path) -> InputList:
    """Return the only item of a search that begins at noise, for a model alone."""
    return InputList([Item("", {None: model}, is_generated=True)])


def find_items(search: Search) -> InputList:
    """Return the items of the positional inputs. Raises UsageError and EmptyError."""
    paths = [_resolve_path(name) for name in search.paths]
    root = _find_root(search.root, paths)
    if folders := {path for path in paths if path.is_dir()}:
        _refuse_own(search.out, {root, *folders})
    inputs, seen = InputList(), set()
    for path in paths:
        files = _walk(path, search, inputs) if path.is_dir() else [path]
        for file in files:
            if file in seen:  # named twice, for example itself and by its folder
                inputs.duplicate_count += 1
                continue
            seen.add(file)
            inputs.items.append(Item(_get_name(file, root), {None: _to_relative(file)}))
    if not inputs.items:
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
    return inputs


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


def _find_root(root: Path | None, paths: Sequence[Path]) -> Path:
    if root is not None:
        return Path(os.path.abspath(root))
    folders = [str(path if path.is_dir() else path.parent) for path in paths]
    return Path(os.path.commonpath(folders)) if folders else Path.cwd()


def _get_name(file: Path, root: Path) -> str:
    if not file.is_relative_to(root):
        raise UsageError(
            f"--root {root}: {file} is not below it", hint="give a directory above all"
        )
    return file.relative_to(root).as_posix()


def _to_relative(file: Path) -> Path:
    """Return the path relative to the working directory if it is below it, else unchanged."""
    working_folder = Path.cwd()
    return file.relative_to(working_folder) if file.is_relative_to(working_folder) else file


def _walk(top: Path, search: Search, inputs: InputList) -> Iterator[Path]:
    """Yield the wanted files below `top`, sorted by name, folder by folder."""
    out = Path(os.path.abspath(search.out))
    folders = [top]
    while folders:
        path = folders.pop()
        # Linked folders are not followed, except `top` itself.
        if path.is_dir() and not (path.is_symlink() and path != top):
            # Names that begin with a dot are of the system or of editors, such as `.DS_Store`.
            inner = [path / name for name in _list_folder(path) if not name.startswith(".")]
            # The last entry is visited next; the output directory is never an input.
            folders += sorted((path for path in inner if path != out), reverse=True)
        elif _is_wanted(path, top, search):
            yield path
        else:
            inputs.ignored_count += 1


def _list_folder(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise UsageError(
            f"{folder}: the directory cannot be read", reason=str(error.strerror)
        ) from None


def _is_wanted(file: Path, top: Path, search: Search) -> bool:
    relative = file.relative_to(top).as_posix()

    def is_match(globs: Iterable[str]) -> bool:
        # A glob may be of the path below the directory, or of the name alone.
        return any(fnmatch(relative, g) or fnmatch(file.name, g) for g in globs)

    if file.suffix.lower() not in search.suffixes or is_match(search.exclude):
        return False
    return is_match(search.include) if search.include else True


def pair_items(pairs: Sequence[tuple[str, str]], search: Search) -> InputList:
    """Return the items of `-i NAME=PATH`; directories are paired by relative name without suffix.

    Items are named after the first directory. A single file is used for every item.
    """
    paths = {name: _resolve_path(path) for name, path in pairs}
    folders = {name: path for name, path in paths.items() if path.is_dir()}
    first = pairs[0][0]  # items are named after this input
    if not folders:
        name = paths[first].name
        return InputList([Item(name, {n: _to_relative(p) for n, p in paths.items()})])
    _refuse_own(search.out, {*folders.values()})
    inputs = InputList()
    stems = {name: _find_stems(path, search, inputs) for name, path in folders.items()}
    leader = first if first in folders else next(iter(folders))
    all_stems = sorted({stem for names in stems.values() for stem in names})
    # Each file is an item, also one without a partner, which then fails.
    for stem in all_stems:
        missing = [name for name in folders if stem not in stems[name]]  # folders without it
        owner = next(name for name in (leader, *folders) if stem in stems[name])
        file = stems[owner][stem]
        item_paths: dict[str | None, Path] = {
            name: _to_relative(stems[name].get(stem, file) if name in folders else path)
            for name, path in paths.items()
        }
        error = _build_partner_error(file, missing) if missing else None
        name, serves_all = file.relative_to(folders[owner]).as_posix(), len(folders) < len(paths)
        inputs.items.append(Item(name, item_paths, error, serves_all))
    if not inputs.items:
        raise EmptyError(f"no input matched in {folders[leader]}")
    return inputs


def _build_partner_error(file: Path, missing: Sequence[str]) -> ItemError:
    names = ", ".join(missing)
    return ItemError(f"{file}: no file of this name for input {names}", kind="partner")


def _find_stems(top: Path, search: Search, inputs: InputList) -> dict[str, Path]:
    stems: dict[str, Path] = {}
    for file in _walk(top, search, inputs):
        stem = file.relative_to(top).with_suffix("").as_posix()
        if stem in stems:
            raise UsageError(
                f"{stems[stem]} and {file} have one name without suffix",
                reason="directories given to -i are paired by that name",
                hint="leave one out with --exclude",
            )
        stems[stem] = file
    return stems
