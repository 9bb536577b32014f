"""Reads input files as samples that fit the model, by the suffix of each file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.samples import (
    Samples,
    describe_layout,
    find_nonfinite,
    fit_array,
    match_input,
)
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.combine_inputs import from_arrays, merge_samples
from inputgrad_cli.formats.files import build_memory_error
from inputgrad_cli.formats.images import read_images, stacks
from inputgrad_cli.formats.images.read_images import read_image_frames
from inputgrad_cli.formats.images.stacks import has_bands, is_stack_input, read_image_stack
from inputgrad_cli.formats.npy import read_npy, read_npz
from inputgrad_cli.formats.sound import wav
from inputgrad_cli.formats.sound.wav import is_sound_input, read_sound
from inputgrad_cli.formats.streaming.hashed_file import HashedFile, load_content
from inputgrad_cli.formats.streaming.large_files import (
    read_large_npy,
    read_large_table,
    refuse_large_texts,
)
from inputgrad_cli.formats.tables import delimited, jsonl, parquet
from inputgrad_cli.formats.tables.columns import is_table_input
from inputgrad_cli.formats.tables.delimited import read_table
from inputgrad_cli.formats.tables.jsonl import read_jsonl
from inputgrad_cli.formats.tables.parquet import read_parquet
from inputgrad_cli.formats.text import is_text_input, read_text
from inputgrad_cli.numeric.arrays import Array

TEXT_SUFFIX = ".txt"
ARRAY_SUFFIXES = (".npy", ".npz", jsonl.SUFFIX, parquet.SUFFIX)
SUFFIXES = (*read_images.SUFFIXES, *ARRAY_SUFFIXES, *delimited.SUFFIXES, TEXT_SUFFIX, wav.SUFFIX)
MANY_SUFFIXES = (*ARRAY_SUFFIXES, *delimited.SUFFIXES)
STREAMED_SUFFIXES = (".npy", *delimited.SUFFIXES)
# Files that may contain the names of inputs.
NAMING_SUFFIXES = (".npz", jsonl.SUFFIX, parquet.SUFFIX, *delimited.SUFFIXES)
FileContent = bytes | HashedFile


@dataclass(frozen=True)
class ReadOptions:
    """How files are read: which inputs they feed, and how pictures become model input.

    `aliases` maps the user's names of inputs to those of the model, and files may use either.
    `folder` holds temporary files of numbers that do not fit into memory. `input_preprocess` is the
    preprocessing of inputs for which it differs from `preprocess`. `columns` are the columns of a
    table that feed a vector, in its order.
    """

    specs: tuple[InputSpec, ...]
    preprocess: Preprocess
    image_options: ImageOptions = field(default_factory=ImageOptions)
    aliases: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    input_preprocess: Mapping[str, Preprocess] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    def get_preprocess(self, spec: InputSpec) -> Preprocess:
        """Return the preprocessing of pictures for this input."""
        return match_input(self.input_preprocess.get(spec.name, self.preprocess), spec)

    def build_table_request(self, suffix: str, where: str) -> delimited.TableRequest:
        """Return the request to read a table file with this suffix."""
        return delimited.TableRequest(where, delimited.DELIMITERS[suffix], self.specs, self.columns)


def get_suffix(path: Path) -> str:
    """Return the suffix in lower case."""
    return path.suffix.lower()


def open_file(path: Path) -> FileContent:
    """Return the content of a file, as a HashedFile if it is large and can be read in parts."""
    suffix = get_suffix(path)
    if suffix == ".npy":
        refuse_large_texts(path)
    return load_content(path, suffix in STREAMED_SUFFIXES)


def list_suffixes(specs: Sequence[InputSpec]) -> tuple[str, ...]:
    """Return the suffixes of the files that a search of directories selects for the inputs."""
    suffixes = ARRAY_SUFFIXES + (delimited.SUFFIXES if is_table_input(specs) else ())
    if len(specs) > 1:
        return suffixes
    (spec,) = specs
    suffixes += read_images.SUFFIXES if spec.is_image else ()
    suffixes += stacks.SUFFIXES if is_stack_input(spec) else ()
    suffixes += (TEXT_SUFFIX,) if is_text_input(spec) else ()
    return suffixes + ((wav.SUFFIX,) if is_sound_input(spec) else ())


def read_samples(
    files: Mapping[str | None, FileContent], paths: Mapping[str | None, Path], options: ReadOptions
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
    files: Mapping[str | None, FileContent], paths: Mapping[str | None, Path], options: ReadOptions
) -> Samples:
    if None in files:
        data, path = files[None], paths[None]
        return _read_with_aliases(data, path, options) or _read_file(data, path, options)
    parts = [
        _read_file(files[spec.name], paths[spec.name], replace(options, specs=(spec,)))
        for spec in options.specs
    ]
    return merge_samples(parts, options.specs)


def _read_with_aliases(data: FileContent, path: Path, options: ReadOptions) -> Samples | None:
    """Return the samples of a file that uses the names in `aliases`, or None if it does not."""
    user_names = {name: alias for alias, name in options.aliases.items()}
    if not user_names or get_suffix(path) not in NAMING_SUFFIXES:
        return None
    specs = tuple(
        replace(spec, name=user_names.get(spec.name, spec.name)) for spec in options.specs
    )
    try:
        samples = _read_file(data, path, replace(options, specs=specs))
    except ItemError:
        return None
    return None if len(samples.failed) == len(samples) else samples.rename_inputs(options.aliases)


def _read_file(data: FileContent, path: Path, options: ReadOptions) -> Samples:
    suffix, where = get_suffix(path), str(path)
    if isinstance(data, HashedFile):
        if samples := _read_streamed(data, suffix, options, where):
            return samples
        data = data.read_all()
    if suffix in delimited.SUFFIXES:
        return read_table(data, options.build_table_request(suffix, where))
    if suffix == jsonl.SUFFIX:
        return read_jsonl(data, options.specs, where)
    if suffix == parquet.SUFFIX:
        return read_parquet(data, options.specs, where, options.columns)
    if suffix == ".npz":
        arrays = read_npz(data, where, [spec.name for spec in options.specs])
        return from_arrays(arrays, options.specs, where)
    return _read_single_input(data, suffix, options, where)


def _read_streamed(
    data: HashedFile, suffix: str, options: ReadOptions, where: str
) -> Samples | None:
    """Return the samples of a large file, or None if it must be held in memory."""
    if suffix in delimited.SUFFIXES:
        return read_large_table(data, options.build_table_request(suffix, where), options.folder)
    return read_large_npy(data, options.specs[0], where) if len(options.specs) == 1 else None


def _read_single_input(data: bytes, suffix: str, options: ReadOptions, where: str) -> Samples:
    """Return the samples of a file that can feed only one input."""
    if suffix not in SUFFIXES:
        raise ItemError(
            f"{where}: files named {suffix or 'without a suffix'} are not read",
            hint=f"known are {' '.join(SUFFIXES)}",
            kind="suffix",
        )
    if len(options.specs) > 1:
        names = ", ".join(spec.name for spec in options.specs)
        raise ItemError(
            f"{where}: one {suffix} file cannot feed the inputs {names}",
            hint="use one .npz with all names, or -i NAME=FILE for each",
            kind="shape",
        )
    (spec,) = options.specs
    if suffix in read_images.SUFFIXES:
        if is_stack_input(spec) or has_bands(data, spec):
            return _read_image_stack(data, spec, options, where)
        return _read_picture(data, spec, options, where)
    if suffix == TEXT_SUFFIX:
        return Samples({spec.name: read_text(data, spec, where)})
    if suffix == wav.SUFFIX:
        values, rate = read_sound(data, spec, where)
        return Samples({spec.name: values[np.newaxis]}, record={"sample_rate": {spec.name: rate}})
    return from_arrays({spec.name: read_npy(data, where)}, options.specs, where)


def _read_picture(data: bytes, spec: InputSpec, options: ReadOptions, where: str) -> Samples:
    images = read_image_frames(data, spec, options.image_options, where)
    preprocess = options.get_preprocess(spec)
    record = {**images.record, **describe_layout([spec])}
    notes = dict(images.notes)
    if spec.is_flat and not spec.is_image:
        record["flat"] = [spec.name]
        notes["picture-as-array"] = f"input {spec} took the file as a grey picture"
    return Samples(
        {spec.name: _to_model_input(images.pixels, preprocess, spec, where)},
        many=images.many,
        pixels={spec.name: images.display_pixels},
        preprocess={spec.name: preprocess},
        notes=notes,
        record=record,
    )


def _read_image_stack(data: bytes, spec: InputSpec, options: ReadOptions, where: str) -> Samples:
    stack = read_image_stack(data, spec, options.image_options, where)
    preprocess = replace(options.get_preprocess(spec), frames=stack.has_frame_axis)
    array = _to_model_input(stack.pixels, preprocess, spec, where)
    if stack.has_frame_axis:
        array = array.reshape(array.shape[: 1 + len(spec.shape or ())])
    return Samples(
        {spec.name: array},
        preprocess={spec.name: preprocess},
        notes=stack.notes,
        record=stack.record,
    )


def _to_model_input(pixels: Array, preprocess: Preprocess, spec: InputSpec, where: str) -> Array:
    if spec.kind != "integer":
        return preprocess.apply(pixels)
    if not preprocess.keeps_values:
        raise ItemError(
            f"{where}: --preprocess {preprocess.name} makes fractions of pixels",
            reason=f"input {spec.name!r} takes whole numbers ({spec.dtype})",
            hint="use --preprocess raw",
            kind="dtype",
        )
    fitted = fit_array(np.rint(preprocess.apply(pixels)), spec, where)
    for error in fitted.failed.values():
        raise error
    return fitted.array


def check_finite(samples: Samples, where: str) -> Samples:
    """Return the samples, with those that are not finite added to `failed`.

    Raises the ItemError of a file that holds a single sample.
    """
    bad = {**find_nonfinite(samples.arrays, where), **samples.failed}
    if bad and not samples.many:
        raise next(iter(bad.values()))
    return replace(samples, failed=bad) if bad else samples
