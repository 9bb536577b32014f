"""Reads the `.npz` of an attribution, without believing its headers or what it says of itself."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.attribution_npz import FRAME, METADATA
from inputgrad_cli.formats.files import size_of
from inputgrad_cli.formats.npy import read_header, read_npy
from inputgrad_cli.formats.streaming.hashed_file import LARGE, Blocks, content, file_of
from inputgrad_cli.formats.streaming.large_files import HEADER, rows_of
from inputgrad_cli.numeric.arrays import Array, Arrays
from inputgrad_cli.numeric.lazy_array import BLOCK
from inputgrad_cli.schema.check_types import Problem
from inputgrad_cli.schema.limits import MAX_METADATA
from inputgrad_cli.schema.read_records import DENSE, read_as
from inputgrad_cli.schema.records import ResultRecord

FREE_BYTES = 64 << 20  # unpacked; below that, how well a file is packed does not matter
MOST_RATIO = 10  # our own files are not packed at all; maps of floats pack to a half
ARRAY = ".npy"
COLUMNS = ("score", "baseline_score", "probability", "checks", "tokens")
LISTS = ("scores", "index")  # of one sample they are lists as well
ALWAYS = ("score", "checks", "label")  # that there is of each sample, if it be null
COMMON = ("asked", "output")  # of a target: lists where samples have their own


def read_result(path: Path) -> Attribution:
    """Return the attribution stored at `path`; ItemError (kind `unreadable`) otherwise."""
    size = size_of(path)  # a pipe would never end
    return _read(path, path, size)


def open_result(path: Path) -> Attribution:
    """Return what `read_result` does; of a large file, rows are read when they are taken."""
    if size_of(path) > LARGE:
        _refuse_promises(path)  # before it is gone through, which takes long for a huge one
    data = content(path, streamed=True)
    if isinstance(data, Blocks):
        return _read(path, file_of(data), data.size, data)
    return _read(path, file_of(data), len(data))


def _read(
    path: Path, source: Path | IO[bytes], size: int, large: Blocks | None = None
) -> Attribution:
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(archive, size)
            record = _record(archive, members.pop(METADATA))
            rows = large if record["many"] else None
            values = {
                name.removesuffix(ARRAY): _array(archive, info, rows, f"{path}:{name}")
                for name, info in members.items()
            }
    except ItemError as error:
        raise _no_result(path, error.sentence().rstrip(".")) from None
    except MemoryError:
        raise ItemError(f"{path}: does not fit into memory", kind="memory") from None
    except Exception as error:  # zipfile and its unpackers raise errors of many families
        raise _no_result(path, str(error)) from None
    if problem := next(_contradictions(record, values), None):
        raise _no_result(path, f"{METADATA}: {problem}")
    return Attribution(values, record, record["many"])


def _refuse_promises(path: Path) -> None:
    """Raise ItemError where the end of a file does not tell of an archive of its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            _members(archive, size_of(path))
    except ItemError as error:
        raise _no_result(path, error.sentence().rstrip(".")) from None
    except Exception as error:
        raise _no_result(path, str(error)) from None


def _no_result(path: Path, reason: str) -> ItemError:
    return ItemError(f"{path}: not a result of inputgrad", reason=reason, kind="unreadable")


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """Return the metadata and the arrays by name, all others left out; ItemError.

    What is judged are the sizes that the archive declares: more is never unpacked.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename in members:
            raise ItemError(f"{info.filename} is there twice")
        if info.filename == METADATA or info.filename.endswith(ARRAY):
            members[info.filename] = info
    if METADATA not in members:
        raise ItemError(f"{METADATA} is missing")
    if len(members) == 1:
        raise ItemError("it holds no array")
    if members[METADATA].file_size > MAX_METADATA:
        raise ItemError(f"{METADATA} has more than {MAX_METADATA:,} bytes")
    total = sum(info.file_size for info in members.values())
    stored = all(info.compress_type == zipfile.ZIP_STORED for info in members.values())
    if total > (size if stored else max(FREE_BYTES, MOST_RATIO * size)):
        raise ItemError(f"{size} bytes promise {total}")
    return members


def _record(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ResultRecord:
    record, problems = read_as(ResultRecord, archive.read(info), DENSE)
    if record is None:
        raise ItemError(f"{METADATA}: {problems[0]}")
    return record


def _array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, large: Blocks | None, where: str
) -> Array:
    """Return the array of a member; of a large file one whose rows are read when taken."""
    if large is None or info.compress_type != zipfile.ZIP_STORED:
        return _float32(read_npy(archive.read(info), where), where)
    with archive.open(info) as member:
        header = read_header(member.read(HEADER), info.file_size, where)
        while member.read(BLOCK):  # to the end, where its checksum is looked at
            pass
    if header.fortran:
        return _float32(read_npy(archive.read(info), where), where)
    lengths = large.read(info.header_offset + 26, info.header_offset + FRAME)
    start = info.header_offset + FRAME + sum(struct.unpack("<HH", lengths))
    return _float32(rows_of(large, header, start), where)


def _float32(array: Array, where: str) -> Array:
    if array.dtype.newbyteorder("=") != np.float32:
        raise ItemError(f"{where}: holds {array.dtype}, not float32")
    return array


def _contradictions(record: ResultRecord, values: Arrays) -> Iterator[Problem]:
    """Yield where the record tells of one sample or many, or of more or fewer than there are."""
    target: Mapping[str, Any] = record["target"]
    fields: list[tuple[tuple[str, ...], object]]
    fields = [((key,), record.get(key)) for key in (*COLUMNS, *LISTS, "space")]
    fields += [(("target", key), target.get(key)) for key in ("label", "class", "index", *COMMON)]
    if not record["many"]:
        for path, value in fields:
            if isinstance(value, list) and path[-1] not in LISTS:
                yield Problem(path, "expected a value of the only sample, received a list")
        return
    counts = {array.shape[0] if array.ndim else 0 for array in values.values()}
    count = counts.pop()
    if counts or not count:
        yield Problem(("many",), "the arrays have no axis of samples in common")
        return
    for path, value in fields:
        absent = value is None and path[-1] not in ALWAYS
        if absent or (isinstance(value, str) and path[-1] in ("space", *COMMON)):
            continue
        if not isinstance(value, list) or len(value) != count:
            yield Problem(path, f"expected a list with a value for each of {count} samples")
