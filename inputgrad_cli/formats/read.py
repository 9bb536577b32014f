"""From a file's suffix and bytes to samples that fit the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from inputgrad_cli.arrays import Array
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats import pictures, tables
from inputgrad_cli.formats.arrays import read_npy, read_npz
from inputgrad_cli.formats.pictures import Resize, read_picture
from inputgrad_cli.preprocess import Preprocess
from inputgrad_cli.sample import Samples, fit, nonfinite
from inputgrad_cli.signature import Port

ARRAYS = (".npy", ".npz")
SUFFIXES = (*pictures.SUFFIXES, *ARRAYS, *tables.SUFFIXES)


@dataclass(frozen=True)
class Reading:
    """How files are read: which inputs they feed, and how pictures become model input."""

    ports: tuple[Port, ...]
    preprocess: Preprocess
    resize: Resize = field(default_factory=Resize)


def suffix_of(path: Path) -> str:
    """Return the suffix in small letters."""
    return path.suffix.lower()


def suffixes_for(ports: Sequence[Port]) -> tuple[str, ...]:
    """Return the suffixes that a directory walk takes: those that the model's inputs can take."""
    flat = all(port.shape is None or len(port.shape) <= 1 for port in ports)
    found = ARRAYS + (tables.SUFFIXES if flat else ())
    return found + (pictures.SUFFIXES if len(ports) == 1 and ports[0].is_picture else ())


def read_samples(
    files: Mapping[str | None, bytes], paths: Mapping[str | None, Path], how: Reading
) -> Samples:
    """Return the samples of one item from its files, keyed by model input (None: the only file).

    Raises ItemError; samples of a many-sample file that cannot be used are in `failed`.
    """
    if None in files:
        return _checked(_one_file(files[None], paths[None], how), str(paths[None]))
    parts = [_one_file(files[port.name], paths[port.name], _only(how, port)) for port in how.ports]
    return _checked(_merge(parts, how.ports), str(next(iter(paths.values()))))


def _only(how: Reading, port: Port) -> Reading:
    return Reading((port,), how.preprocess, how.resize)


def _one_file(data: bytes, path: Path, how: Reading) -> Samples:
    suffix, where = suffix_of(path), str(path)
    if suffix in pictures.SUFFIXES:
        return _picture(data, how, where)
    if suffix == ".npz":
        return from_arrays(read_npz(data, where), how.ports, where)
    if suffix in tables.SUFFIXES:
        return _table(data, suffix, how.ports, where)
    if suffix == ".npy":
        return _npy(read_npy(data, where), how.ports, where)
    known = " ".join(SUFFIXES)
    raise ItemError(
        f"{where}: files named {suffix or 'without a suffix'} are not read",
        mend=f"known are {known}",
        kind="suffix",
    )


def _npy(array: Array, ports: Sequence[Port], where: str) -> Samples:
    if len(ports) > 1:
        names = ", ".join(port.name for port in ports)
        raise ItemError(
            f"{where}: one array cannot feed the inputs {names}",
            mend="use one .npz with all names, or -i NAME=FILE for each",
            kind="shape",
        )
    return from_arrays({ports[0].name: array}, ports, where)


def from_arrays(arrays: Mapping[str, Array], ports: Sequence[Port], where: str) -> Samples:
    """Return samples from arrays by input name; for a single input any name will do."""
    if len(ports) == 1 and len(arrays) == 1:
        arrays = {ports[0].name: next(iter(arrays.values()))}
    missing = [port.name for port in ports if port.name not in arrays]
    if missing:
        raise ItemError(
            f"{where}: no array for input {', '.join(missing)}",
            reason=f"it holds {', '.join(sorted(arrays)) or 'none'}",
            kind="shape",
        )
    fitted = {port.name: fit(arrays[port.name], port, where) for port in ports}
    return _same_count(
        {n: a for n, (a, _) in fitted.items()}, [m for _, m in fitted.values()], where
    )


def _same_count(arrays: dict[str, Array], many: Sequence[bool], where: str) -> Samples:
    counts = {len(array) for array in arrays.values()}
    if len(counts) > 1 or len(set(many)) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ItemError(f"{where}: inputs of unequal counts: {shapes}", kind="shape")
    return Samples(arrays, many=many[0])


def _table(data: bytes, suffix: str, ports: Sequence[Port], where: str) -> Samples:
    table = tables.read_table(data, "\t" if suffix == ".tsv" else ",", where)
    arrays = tables.feed(table, ports, where)
    with np.errstate(over="ignore"):
        values = {name: array.astype(np.float32) for name, array in arrays.items()}
    return Samples(values, many=True, header=table.header, failed=table.failed)


def _picture(data: bytes, how: Reading, where: str) -> Samples:
    if len(how.ports) > 1:
        names = ", ".join(port.name for port in how.ports)
        raise ItemError(
            f"{where}: one picture cannot feed the inputs {names}",
            mend="use -i NAME=FILE for each input",
            kind="shape",
        )
    port = how.ports[0]
    pixels, notes = read_picture(data, port, how.resize, where)
    batch = pixels[np.newaxis]
    return Samples(
        {port.name: how.preprocess.apply(batch)},
        pixels={port.name: batch},
        preprocess={port.name: how.preprocess},
        notes=notes,
        record={"resize": how.resize.record()},
    )


def _merge(parts: Sequence[Samples], ports: Sequence[Port]) -> Samples:
    """Return one item of several files; a single sample beside many serves them all."""
    many = any(part.many for part in parts)
    counts = {len(part) for part in parts if part.many}
    if len(counts) > 1:
        told = ", ".join(f"{p.name}: {len(s)}" for p, s in zip(ports, parts, strict=True))
        raise ItemError(f"the inputs hold unequal counts of samples ({told})", kind="shape")
    total = counts.pop() if counts else 1
    merged: dict[str, Array] = {}
    for part in parts:
        for name, array in part.arrays.items():
            merged[name] = array if part.many or not many else np.repeat(array, total, axis=0)
    pixels = {n: p for part in parts for n, p in part.pixels.items()} if not many else {}
    return Samples(
        merged,
        many,
        pixels,
        {n: p for part in parts for n, p in part.preprocess.items()},
        failed={row: e for part in parts for row, e in part.failed.items()},
        notes={code: note for part in parts for code, note in part.notes.items()},
        record={key: value for part in parts for key, value in part.record.items()},
    )


def _checked(samples: Samples, where: str) -> Samples:
    bad = {**nonfinite(samples.arrays, where), **samples.failed}
    if bad and not samples.many:
        raise next(iter(bad.values()))
    return replace(samples, failed=bad)
