"""From a file's suffix and bytes to samples that fit the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import Samples, fit, layout, nonfinite, suited
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.combine_inputs import from_arrays, merge
from inputgrad_cli.formats.files import too_large
from inputgrad_cli.formats.images import read_images, stacks
from inputgrad_cli.formats.images.options import Viewing
from inputgrad_cli.formats.images.read_images import read_pictures
from inputgrad_cli.formats.images.stacks import holds_bands, read_stack, takes_stacks
from inputgrad_cli.formats.npy import read_npy, read_npz
from inputgrad_cli.formats.sound import wav
from inputgrad_cli.formats.sound.wav import read_sound, takes_sounds
from inputgrad_cli.formats.streaming.hashed_file import Blocks, content
from inputgrad_cli.formats.streaming.large_files import large_npy, large_table, refuse_texts
from inputgrad_cli.formats.tables import delimited, jsonl, parquet
from inputgrad_cli.formats.tables.columns import takes_tables
from inputgrad_cli.formats.tables.delimited import read_table
from inputgrad_cli.formats.tables.jsonl import read_lines
from inputgrad_cli.formats.tables.parquet import read_parquet
from inputgrad_cli.formats.text import read_text, takes_text
from inputgrad_cli.numeric.arrays import Array

TEXT = ".txt"
ALWAYS = (".npy", ".npz", jsonl.SUFFIX, parquet.SUFFIX)
SUFFIXES = (*read_images.SUFFIXES, *ALWAYS, *delimited.SUFFIXES, TEXT, wav.SUFFIX)
MANY_SUFFIXES = (*ALWAYS, *delimited.SUFFIXES)
STREAMED = (".npy", *delimited.SUFFIXES)
NAMED = (".npz", jsonl.SUFFIX, parquet.SUFFIX, *delimited.SUFFIXES)  # that name inputs inside
Content = bytes | Blocks


@dataclass(frozen=True)
class Reading:
    """How files are read: which inputs they feed, and how pictures become model input.

    `aliases` are the user's own names of inputs, and the model's; files may use either. `folder`
    is where numbers wait that do not fit into memory. `own` is the preprocessing of inputs that do
    not take pictures as all others do. `columns` are those of a table that feed a vector, in its
    order.
    """

    ports: tuple[Port, ...]
    preprocess: Preprocess
    viewing: Viewing = field(default_factory=Viewing)
    aliases: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    own: Mapping[str, Preprocess] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    def preprocess_of(self, port: Port) -> Preprocess:
        """Return how pictures become what this input takes."""
        return suited(self.own.get(port.name, self.preprocess), port)

    def ask(self, suffix: str, where: str) -> delimited.Ask:
        """Return what is asked of a table."""
        return delimited.Ask(where, delimited.DELIMITERS[suffix], self.ports, self.columns)


def suffix_of(path: Path) -> str:
    """Return the suffix in small letters."""
    return path.suffix.lower()


def open_file(path: Path) -> Content:
    """Return the content of a file; a large one that can be streamed is not held in memory."""
    suffix = suffix_of(path)
    if suffix == ".npy":
        refuse_texts(path)
    return content(path, suffix in STREAMED)


def suffixes_for(ports: Sequence[Port]) -> tuple[str, ...]:
    """Return the suffixes that a directory walk takes: those that the model's inputs can take."""
    found = ALWAYS + (delimited.SUFFIXES if takes_tables(ports) else ())
    if len(ports) > 1:
        return found
    (port,) = ports
    found += read_images.SUFFIXES if port.is_picture else ()
    found += stacks.SUFFIXES if takes_stacks(port) else ()
    found += (TEXT,) if takes_text(port) else ()
    return found + ((wav.SUFFIX,) if takes_sounds(port) else ())


def read_samples(
    files: Mapping[str | None, Content], paths: Mapping[str | None, Path], how: Reading
) -> Samples:
    """Return the samples of one item from its files, keyed by model input (None: the only file).

    Those of a large file are read when their rows are taken; those of a many-sample file that
    cannot be used are in `failed`. ItemError; UsageError where counts of samples are unequal.
    """
    where = str(next(iter(paths.values())))
    try:
        return checked(_found(files, paths, how), where)
    except MemoryError:
        raise too_large(where) from None


def _found(
    files: Mapping[str | None, Content], paths: Mapping[str | None, Path], how: Reading
) -> Samples:
    if None in files:
        return _by_alias(files[None], paths[None], how) or _one_file(files[None], paths[None], how)
    parts = [
        _one_file(files[port.name], paths[port.name], replace(how, ports=(port,)))
        for port in how.ports
    ]
    return merge(parts, how.ports)


def _by_alias(data: Content, path: Path, how: Reading) -> Samples | None:
    """Return the samples of a file that uses the user's own names, None where it does not."""
    own = {model: user for user, model in how.aliases.items()}
    if not own or suffix_of(path) not in NAMED:
        return None
    ports = tuple(replace(port, name=own.get(port.name, port.name)) for port in how.ports)
    try:
        found = _one_file(data, path, replace(how, ports=ports))
    except ItemError:
        return None
    return None if len(found.failed) == len(found) else found.renamed(how.aliases)


def _one_file(data: Content, path: Path, how: Reading) -> Samples:
    suffix, where = suffix_of(path), str(path)
    if isinstance(data, Blocks):
        if found := _streamed(data, suffix, how, where):
            return found
        data = data.whole()
    if suffix in delimited.SUFFIXES:
        return read_table(data, how.ask(suffix, where))
    if suffix == jsonl.SUFFIX:
        return read_lines(data, how.ports, where)
    if suffix == parquet.SUFFIX:
        return read_parquet(data, how.ports, where, how.columns)
    if suffix == ".npz":
        arrays = read_npz(data, where, [port.name for port in how.ports])
        return from_arrays(arrays, how.ports, where)
    return _one_input(data, suffix, how, where)


def _streamed(data: Blocks, suffix: str, how: Reading, where: str) -> Samples | None:
    """Return the samples of a large file, None where it must be held whole."""
    if suffix in delimited.SUFFIXES:
        return large_table(data, how.ask(suffix, where), how.folder)
    return large_npy(data, how.ports[0], where) if len(how.ports) == 1 else None


def _one_input(data: bytes, suffix: str, how: Reading, where: str) -> Samples:
    """Return the samples of a file that can feed one input alone."""
    if suffix not in SUFFIXES:
        raise ItemError(
            f"{where}: files named {suffix or 'without a suffix'} are not read",
            mend=f"known are {' '.join(SUFFIXES)}",
            kind="suffix",
        )
    if len(how.ports) > 1:
        names = ", ".join(port.name for port in how.ports)
        raise ItemError(
            f"{where}: one {suffix} file cannot feed the inputs {names}",
            mend="use one .npz with all names, or -i NAME=FILE for each",
            kind="shape",
        )
    (port,) = how.ports
    if suffix in read_images.SUFFIXES:
        if takes_stacks(port) or holds_bands(data, port):
            return _stack(data, port, how, where)
        return _picture(data, port, how, where)
    if suffix == TEXT:
        return Samples({port.name: read_text(data, port, where)})
    if suffix == wav.SUFFIX:
        values, rate = read_sound(data, port, where)
        return Samples({port.name: values[np.newaxis]}, record={"sample_rate": {port.name: rate}})
    return from_arrays({port.name: read_npy(data, where)}, how.ports, where)


def _picture(data: bytes, port: Port, how: Reading, where: str) -> Samples:
    found = read_pictures(data, port, how.viewing, where)
    chosen = how.preprocess_of(port)
    record = {**found.record, **layout([port])}
    notes = dict(found.notes)
    if port.is_flat and not port.is_picture:
        record["flat"] = [port.name]
        notes["picture-as-array"] = f"input {port} took the file as a grey picture"
    return Samples(
        {port.name: _model_input(found.pixels, chosen, port, where)},
        many=found.many,
        pixels={port.name: found.seen},
        preprocess={port.name: chosen},
        notes=notes,
        record=record,
    )


def _stack(data: bytes, port: Port, how: Reading, where: str) -> Samples:
    found = read_stack(data, port, how.viewing, where)
    chosen = replace(how.preprocess_of(port), frames=found.frames)
    array = _model_input(found.pixels, chosen, port, where)
    if found.frames:
        array = array.reshape(array.shape[: 1 + len(port.shape or ())])
    return Samples(
        {port.name: array},
        preprocess={port.name: chosen},
        notes=found.notes,
        record=found.record,
    )


def _model_input(pixels: Array, preprocess: Preprocess, port: Port, where: str) -> Array:
    if port.kind != "integer":
        return preprocess.apply(pixels)
    if not preprocess.keeps_values:
        raise ItemError(
            f"{where}: --preprocess {preprocess.name} makes fractions of pixels",
            reason=f"input {port.name!r} takes whole numbers ({port.dtype})",
            mend="use --preprocess raw",
            kind="dtype",
        )
    fitted = fit(np.rint(preprocess.apply(pixels)), port, where)
    for error in fitted.failed.values():
        raise error
    return fitted.array


def checked(samples: Samples, where: str) -> Samples:
    """Return the samples with those that are not finite among the failed; one alone is raised."""
    bad = {**nonfinite(samples.arrays, where), **samples.failed}
    if bad and not samples.many:
        raise next(iter(bad.values()))
    return replace(samples, failed=bad) if bad else samples
