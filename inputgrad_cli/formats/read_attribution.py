"""Reads the `.npz` file of an attribution, and checks its headers and its metadata."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from inputgrad_cli.data.attribution_results import Attribution
from inputgrad_cli.data.optimization_arrays import (
    CHANGE,
    TRACE,
    TRACE_WIDTH,
    list_moved_inputs,
)
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.attribution_npz_writer import MEMBER_HEADER_BYTES, METADATA_NAME
from inputgrad_cli.formats.bounded_file_reading import FREE_BYTES, get_file_size
from inputgrad_cli.formats.safe_npy_reading import read_header, read_npy
from inputgrad_cli.formats.streaming.hash_checked_file import (
    LARGE_BYTES,
    HashedFile,
    load_content,
    open_content,
)
from inputgrad_cli.formats.streaming.lazy_row_loading import HEADER_BYTES, build_lazy_rows
from inputgrad_cli.numeric.array_helpers import Array, Arrays
from inputgrad_cli.numeric.lazy_array import BLOCK_BYTES
from inputgrad_cli.schema.field_constraints import Problem
from inputgrad_cli.schema.metadata_json import ResultRecord
from inputgrad_cli.schema.record_limits import MAX_METADATA_BYTES
from inputgrad_cli.schema.safe_record_reading import METADATA_BYTES_PER_CONTAINER, parse_record

MAX_RATIO = 10  # inputgrad does not compress its files; maps of floats compress to a half
ARRAY_SUFFIX = ".npy"
SAMPLE_FIELDS = ("score", "baseline_score", "probability", "checks", "tokens", "search")
LIST_FIELDS = ("scores", "index")  # lists for a single sample too
# Fields of which there is a list with a value for each sample, which may be null.
REQUIRED_FIELDS = ("score", "checks", "label")
SHARED_FIELDS = ("asked", "output")  # of a target; lists only if samples differ


def read_result(path: Path) -> Attribution:
    """Return the attribution stored at `path`. Raises ItemError (kind `unreadable`)."""
    size = get_file_size(path)  # refuses pipes, which would never end
    return _read(path, path, size)


def read_metadata(path: Path) -> ResultRecord:
    """Return what a result says about itself, without its arrays. Raises ItemError."""
    size = get_file_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_record(archive, _list_members(archive, size)[METADATA_NAME])
    except ItemError as error:
        raise _build_error(path, error.format_line().rstrip(".")) from None
    except Exception as error:  # zipfile raises errors of many families
        raise _build_error(path, str(error)) from None


def open_result(path: Path) -> Attribution:
    """Return what `read_result` returns, with lazy arrays if the file is large."""
    if get_file_size(path) > LARGE_BYTES:
        _refuse_wrong_sizes(path)  # before the first pass, which is slow for a huge file
    data = load_content(path, streamed=True)
    if isinstance(data, HashedFile):
        return _read(path, open_content(data), data.size, data)
    return _read(path, open_content(data), len(data))


def _read(
    path: Path, source: Path | IO[bytes], size: int, large: HashedFile | None = None
) -> Attribution:
    try:
        with zipfile.ZipFile(source) as archive:
            members = _list_members(archive, size)
            record = _read_record(archive, members.pop(METADATA_NAME))
            rows = large if record["many"] else None
            values = {
                name.removesuffix(ARRAY_SUFFIX): _read_array(archive, info, rows, f"{path}:{name}")
                for name, info in members.items()
            }
    except ItemError as error:
        raise _build_error(path, error.format_line().rstrip(".")) from None
    except MemoryError:
        raise ItemError(f"{path}: does not fit into memory", kind="memory") from None
    except Exception as error:  # zipfile and its unpackers raise errors of many families
        raise _build_error(path, str(error)) from None
    if problem := next(_find_contradictions(record, values), None):
        raise _build_error(path, f"{METADATA_NAME}: {problem}")
    return Attribution(values, record, record["many"])


def _refuse_wrong_sizes(path: Path) -> None:
    """Raise ItemError if the zip directory of a file does not match the size of the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            _list_members(archive, get_file_size(path))
    except ItemError as error:
        raise _build_error(path, error.format_line().rstrip(".")) from None
    except Exception as error:
        raise _build_error(path, str(error)) from None


def _build_error(path: Path, reason: str) -> ItemError:
    return ItemError(f"{path}: not a result of inputgrad", reason=reason, kind="unreadable")


def _list_members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members that hold the metadata and the arrays, by name. Raises ItemError.

    The check uses the sizes that the archive declares, because more is never unpacked.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename in members:
            raise ItemError(f"{info.filename} is there twice")
        if info.filename == METADATA_NAME or info.filename.endswith(ARRAY_SUFFIX):
            members[info.filename] = info
    if METADATA_NAME not in members:
        raise ItemError(f"{METADATA_NAME} is missing")
    if len(members) == 1:
        raise ItemError("it holds no array")
    if members[METADATA_NAME].file_size > MAX_METADATA_BYTES:
        raise ItemError(f"{METADATA_NAME} has more than {MAX_METADATA_BYTES:,} bytes")
    total = sum(info.file_size for info in members.values())
    stored = all(info.compress_type == zipfile.ZIP_STORED for info in members.values())
    if total > (size if stored else max(FREE_BYTES, MAX_RATIO * size)):
        raise ItemError(f"{size} bytes promise {total}")
    return members


def _read_record(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ResultRecord:
    record, problems = parse_record(ResultRecord, archive.read(info), METADATA_BYTES_PER_CONTAINER)
    if record is None:
        raise ItemError(f"{METADATA_NAME}: {problems[0]}")
    return record


def _read_array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, large: HashedFile | None, where: str
) -> Array:
    """Return the array of a member, as a lazy array if `large` is given."""
    if large is None or info.compress_type != zipfile.ZIP_STORED:
        return _check_float32(read_npy(archive.read(info), where), where)
    with archive.open(info) as member:
        header = read_header(member.read(HEADER_BYTES), info.file_size, where)
        while member.read(BLOCK_BYTES):  # up to the end, where zipfile compares the checksum
            pass
    if header.fortran:
        return _check_float32(read_npy(archive.read(info), where), where)
    # The lengths of the name and of the extra field are the last four bytes of the header.
    lengths = large.read(info.header_offset + 26, info.header_offset + MEMBER_HEADER_BYTES)
    start = info.header_offset + MEMBER_HEADER_BYTES + sum(struct.unpack("<HH", lengths))
    return _check_float32(build_lazy_rows(large, header, start), where)


def _check_float32(array: Array, where: str) -> Array:
    if array.dtype.newbyteorder("=") != np.float32:
        raise ItemError(f"{where}: holds {array.dtype}, not float32")
    return array


def _find_contradictions(record: ResultRecord, values: Arrays) -> Iterator[Problem]:
    """Yield the fields whose number of values differs from the number of samples."""
    if record.get("search"):
        yield from _find_search_contradictions(values)
    target: Mapping[str, Any] = record["target"]
    fields: list[tuple[tuple[str, ...], object]]
    fields = [((key,), record.get(key)) for key in (*SAMPLE_FIELDS, *LIST_FIELDS, "space")]
    fields += [
        (("target", key), target.get(key)) for key in ("label", "class", "index", *SHARED_FIELDS)
    ]
    if not record["many"]:
        for path, value in fields:
            if isinstance(value, list) and path[-1] not in LIST_FIELDS:
                yield Problem(path, "expected a value of the only sample, received a list")
        return
    counts = {array.shape[0] if array.ndim else 0 for array in values.values()}
    count = counts.pop()
    if counts or not count:
        yield Problem(("many",), "the arrays have no axis of samples in common")
        return
    for path, value in fields:
        absent = value is None and path[-1] not in REQUIRED_FIELDS
        if absent or (isinstance(value, str) and path[-1] in ("space", *SHARED_FIELDS)):
            continue
        if not isinstance(value, list) or len(value) != count:
            yield Problem(path, f"expected a list with a value for each of {count} samples")


def _find_search_contradictions(values: Arrays) -> Iterator[Problem]:
    """Yield what is wrong with the arrays of a search: each change is of the shape of its input."""
    if TRACE not in values or values[TRACE].shape[-1:] != (TRACE_WIDTH,):
        yield Problem(("search",), f"the array {TRACE!r} is missing, or has not 5 columns")
    for name in list_moved_inputs(values):
        if values[name].shape != values[name + CHANGE].shape:
            yield Problem(("search",), f"the change of {name!r} has another shape")
