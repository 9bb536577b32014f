"""Refuses archives with members that the archive of a model cannot have."""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.unsafe_name_checks import (
    MAX_NAME_LENGTH,
    is_printable_text,
    make_unsafe_error,
)
from inputgrad_cli.option_choices import to_printable

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"
MAX_MEMBERS = 10_000  # enough for as many layers with a vocabulary each
MAX_PART_BYTES = 255  # of a name between two slashes, the limit of file systems
MAX_RATIO = 100  # unpacked to packed bytes; text deflates by 3 to 10, zeros by 1000
HARMLESS_BYTES = 8 << 20  # in total; they do no harm, however well they are packed
COMPRESSION_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 0x1  # bits of a member's flags, as in the zip specification
SIZES_FOLLOW = 0x8  # sizes follow the member and may be missing in its local header
KNOWN_FLAGS = SIZES_FOLLOW | 0x2 | 0x4 | 0x800  # compression level, names in UTF-8
IN_EXTRA_FIELD = 0xFFFFFFFF  # the size is in the zip64 extra field
LOCAL_HEADER = struct.Struct("<4s5H3I2H")


def check_members(archive: zipfile.ZipFile, size: int, path: Path) -> None:
    """Raise ModelError for an unsafe member or order; `size` is that of the file in bytes."""
    members = archive.infolist()
    check_names([info.orig_filename for info in members], path)
    for info in members:
        _check_kind(info, path)
    total = sum(info.file_size for info in members)
    if total > max(HARMLESS_BYTES, MAX_RATIO * size):
        raise make_unsafe_error(
            path, f"the members inside would unpack to {total} bytes", f"the file has {size}"
        )
    with path.open("rb") as file:
        ends = [(info.header_offset, _check_header(file, info, path), info) for info in members]
    _check_order(ends, archive.start_dir, path)


def check_names(names: Sequence[str], path: Path) -> None:
    """Raise ModelError unless all names are unique and are names that a model may hold."""
    if len(names) > MAX_MEMBERS:
        raise make_unsafe_error(
            path, f"the archive has {len(names)} members, at most {MAX_MEMBERS}"
        )
    for name in names:
        _check_name(name, path)
    _check_twins(names, path)


def _shorten_name(name: str) -> str:
    shown = name if len(name) <= MAX_NAME_LENGTH else name[: MAX_NAME_LENGTH - 3] + "..."
    return to_printable(shown)


def _check_name(name: str, path: Path) -> None:
    parts = name.replace("\\", "/").removesuffix("/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts:
        raise make_unsafe_error(path, f"{_shorten_name(name)} would be written outside the archive")
    if not is_printable_text(name) or "\\" in name or {"", "."} & {*parts}:
        raise make_unsafe_error(
            path,
            f"the archive has a member {_shorten_name(name)!r}",
            "its name has characters that no file of a model has",
        )
    if len(name) > MAX_NAME_LENGTH or any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        raise make_unsafe_error(
            path,
            f"the name of a member has {len(name)} characters, at most {MAX_NAME_LENGTH}",
            f"it begins with {_shorten_name(name[:40])!r}",
        )
    if name not in (CONFIG, METADATA, WEIGHTS) and not name.startswith(ASSETS):
        raise make_unsafe_error(
            path,
            f"{_shorten_name(name)} does not belong in the archive of a model",
            f"it holds {CONFIG}, {METADATA}, {WEIGHTS} and {ASSETS}",
        )


def _check_kind(info: zipfile.ZipInfo, path: Path) -> None:
    """Raise ModelError unless a member is a regular file or a folder, packed as Keras packs it."""
    name = info.filename
    if info.flag_bits & ENCRYPTED:
        raise ModelError(f"{path}: {name} inside is encrypted", hint="save the model without it")
    if info.compress_type not in COMPRESSION_METHODS or info.flag_bits & ~KNOWN_FLAGS:
        raise ModelError(
            f"{path}: {name} inside is packed in an unknown way",
            reason=f"compression method {info.compress_type}, flags {info.flag_bits:#x}",
            hint="zip it without compression",
        )
    # The upper 16 bits hold the Unix mode, or 0 if the archive is from another system.
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in ((0, stat.S_IFDIR) if info.is_dir() else (0, stat.S_IFREG)):
        raise make_unsafe_error(
            path, f"{name} inside is not a regular file", "it could lead to your files"
        )
    if info.is_dir() and info.file_size:
        raise make_unsafe_error(
            path, f"{name} inside is a folder that holds {info.file_size} bytes"
        )


def _check_twins(names: Sequence[str], path: Path) -> None:
    """Raise ModelError if two members would be the same file on some operating system."""
    files: dict[str, str] = {}
    for name in names:
        # Some file systems ignore case, and macOS normalizes Unicode.
        key = unicodedata.normalize("NFC", name).casefold().removesuffix("/")
        if key in files:
            raise make_unsafe_error(
                path,
                f"{_shorten_name(name)} is in the archive twice",
                "two readers could see two models",
            )
        files[key] = name
    for key in files:
        parts = key.split("/")
        for count in range(1, len(parts)):
            parent = files.get("/".join(parts[:count]), "/")
            if not parent.endswith("/"):
                raise make_unsafe_error(
                    path, f"{_shorten_name(parent)} inside is both a file and a folder"
                )


def _check_header(file: IO[bytes], info: zipfile.ZipInfo, path: Path) -> int:
    """Return where the bytes of a member end; ModelError if its local header differs."""
    file.seek(info.header_offset)
    data = file.read(LOCAL_HEADER.size)
    if len(data) < LOCAL_HEADER.size:
        raise _make_damage_error(info, path)
    signature, _, flags, packing, _, _, _, packed, size, width, extra = LOCAL_HEADER.unpack(data)
    name = file.read(width)
    encoding = "utf-8" if flags & 0x800 else "cp437"  # as zipfile decodes the name
    differing_flags = (flags ^ info.flag_bits) & (ENCRYPTED | SIZES_FOLLOW)
    is_same = packing == info.compress_type and not differing_flags
    if signature != b"PK\x03\x04" or not is_same or name != info.orig_filename.encode(encoding):
        raise _make_damage_error(info, path)
    sizes = ((packed, info.compress_size), (size, info.file_size))
    sizes_differ = any(local not in (IN_EXTRA_FIELD, listed) for local, listed in sizes)
    if sizes_differ and not flags & SIZES_FOLLOW:
        raise _make_damage_error(info, path)
    return int(info.header_offset + LOCAL_HEADER.size + width + extra + info.compress_size)


def _make_damage_error(info: zipfile.ZipInfo, path: Path) -> ModelError:
    return ModelError(
        f"{path}: the archive is damaged",
        reason=f"the list of members and the header of {info.filename} differ",
        hint="copy or save the file again",
        kind="unsafe",
    )


def _check_order(members: Iterable[tuple[int, int, zipfile.ZipInfo]], end: int, path: Path) -> None:
    """Raise ModelError unless the members follow one another from byte 0 to the list of members.

    `members` are tuples of first byte, end, and info.
    """
    previous_end = 0
    for start, stop, info in sorted(members, key=lambda member: member[0]):
        if start < previous_end or (previous_end == 0 and start != 0):
            reason = (
                "one stretch of the file has two names"
                if previous_end
                else "there are bytes before it"
            )
            raise make_unsafe_error(
                path, f"{info.filename} inside begins where it should not", reason
            )
        previous_end = stop
    if previous_end > end:
        raise make_unsafe_error(path, "a member of the archive reaches beyond its end")
