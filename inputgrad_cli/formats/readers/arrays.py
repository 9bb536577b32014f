"""Registers the readers of NumPy files: one array (`.npy`), or one for each input (`.npz`)."""

from __future__ import annotations

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.formats.combine_inputs import from_arrays
from inputgrad_cli.formats.safe_npy_reading import read_npy, read_npz
from inputgrad_cli.formats.streaming.lazy_row_loading import read_large_npy, refuse_large_texts
from inputgrad_cli.interfaces.reader import InputFile, Reader, ReadOptions, register


def read_npy_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the array of a file as samples; that of a large file is read when it is needed."""
    (spec,) = options.specs
    if not isinstance(file.content, bytes):
        samples = read_large_npy(file.content, spec, file.where)
        if samples is not None:
            return samples
    array = read_npy(file.read_all(), file.where)
    return from_arrays({spec.name: array}, options.specs, file.where)


def read_npz_file(file: InputFile, options: ReadOptions) -> Samples:
    """Return the arrays of a file as samples, by the names of the inputs."""
    names = [spec.name for spec in options.specs]
    arrays = read_npz(file.read_all(), file.where, names)
    return from_arrays(arrays, options.specs, file.where)


register(Reader((".npy",), read_npy_file, many=True, streamed=True, check=refuse_large_texts))
register(Reader((".npz",), read_npz_file, many=True, names_inputs=True))
