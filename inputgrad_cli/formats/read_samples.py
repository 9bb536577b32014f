"""Reads input files as samples that fit the model, by the suffix of each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from inputgrad_cli.data.samples import Samples, find_nonfinite
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.bounded_file_reading import build_memory_error
from inputgrad_cli.formats.combine_inputs import merge_samples
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.formats.streaming.hash_checked_file import HashedFile, load_content
from inputgrad_cli.interfaces.reader import Content, InputFile, ReadOptions


def open_file(path: Path) -> bytes | HashedFile:
    """Return the content of a file, as a HashedFile if it is large and can be read in parts."""
    reader = find_reader(path)
    if reader.check is not None:
        reader.check(path)
    return load_content(path, reader.streamed)


def read_samples(
    files: Mapping[str | None, Content], paths: Mapping[str | None, Path], options: ReadOptions
) -> Samples:
    """Return the samples of one item from its files, keyed by model input (None: the only file).

    The rows of a large file are read when they are needed. Samples of a file of many that cannot
    be used are in `failed`. Raises ItemError, and UsageError if counts of samples are unequal.
    """
    where = str(next(iter(paths.values())))
    try:
        return check_finite(_read_parts(files, paths, options), where)
    except MemoryError:
        raise build_memory_error(where) from None


def _read_parts(
    files: Mapping[str | None, Content], paths: Mapping[str | None, Path], options: ReadOptions
) -> Samples:
    if None in files:
        file = InputFile(files[None], paths[None])
        return _read_with_aliases(file, options) or _read_file(file, options)
    parts = [
        _read_file(InputFile(files[spec.name], paths[spec.name]), replace(options, specs=(spec,)))
        for spec in options.specs
    ]
    return merge_samples(parts, options.specs)


def _read_with_aliases(file: InputFile, options: ReadOptions) -> Samples | None:
    """Return the samples of a file that uses the names in `aliases`, or None if it does not."""
    user_names = {name: alias for alias, name in options.aliases.items()}
    if not user_names or not find_reader(file.path).names_inputs:
        return None
    specs = tuple(
        replace(spec, name=user_names.get(spec.name, spec.name)) for spec in options.specs
    )
    try:
        samples = _read_file(file, replace(options, specs=specs))
    except ItemError:
        return None
    return None if len(samples.failed) == len(samples) else samples.rename_inputs(options.aliases)


def _read_file(file: InputFile, options: ReadOptions) -> Samples:
    reader = find_reader(file.path)
    if len(options.specs) > 1 and not reader.names_inputs:
        names = ", ".join(spec.name for spec in options.specs)
        raise ItemError(
            f"{file.where}: one {file.suffix} file cannot feed the inputs {names}",
            hint="use one .npz with all names, or -i NAME=FILE for each",
            kind="shape",
        )
    return reader.read(file, options)


def check_finite(samples: Samples, where: str) -> Samples:
    """Return the samples, with those that are not finite added to `failed`.

    Raises the ItemError of a file that holds a single sample.
    """
    bad = {**find_nonfinite(samples.arrays, where), **samples.failed}
    if bad and not samples.many:
        raise next(iter(bad.values()))
    return replace(samples, failed=bad) if bad else samples
