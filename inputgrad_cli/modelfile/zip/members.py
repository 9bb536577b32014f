"""The members that an archive of a model may have: what is not on this list is refused."""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from inputgrad_cli.choices import printable
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.name_checks import is_plain

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
ASSETS = "assets/"
MOST_MEMBERS = 10_000  # a vocabulary of its own for each of as many layers
MOST_NAME = 200  # characters
MOST_PART = 255  # bytes of a name between two slashes, as file systems have it
MOST_RATIO = 100  # text deflates by 3 to 10, zeros by 1000
FLOOR = 8 << 20  # bytes in all that do no harm, however well they are packed
PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
ENCRYPTED = 0x1
DESCRIBED = 0x8  # sizes stand behind the member, and need not stand in its local header
FLAGS = DESCRIBED | 0x2 | 0x4 | 0x800  # the grade of packing, names in UTF-8
LATER = 0xFFFFFFFF  # the number stands in a field of its own
LOCAL = struct.Struct("<4s5H3I2H")


def check_members(archive: zipfile.ZipFile, size: int, path: Path) -> None:
    """Raise ModelError for what no honest archive of a model holds; `size` is that of the file."""
    members = archive.infolist()
    check_names([info.orig_filename for info in members], path)
    for info in members:
        _check_kind(info, path)
    total = sum(info.file_size for info in members)
    if total > max(FLOOR, MOST_RATIO * size):
        raise _refused(
            path, f"the members inside would unpack to {total} bytes", f"the file has {size}"
        )
    with path.open("rb") as file:
        ends = [(info.header_offset, _check_header(file, info, path), info) for info in members]
    _check_order(ends, archive.start_dir, path)


def check_names(names: Sequence[str], path: Path) -> None:
    """Raise ModelError unless all are names of what a model may hold, each once."""
    if len(names) > MOST_MEMBERS:
        raise _refused(path, f"the archive has {len(names)} members, at most {MOST_MEMBERS}")
    for name in names:
        _check_name(name, path)
    _check_twins(names, path)


def _refused(path: Path, what: str, reason: str = "") -> ModelError:
    return ModelError(f"{path}: {what}", reason=reason, kind="unsafe")


def _shown(name: str) -> str:
    cut = name if len(name) <= MOST_NAME else name[: MOST_NAME - 3] + "..."
    return printable(cut)


def _check_name(name: str, path: Path) -> None:
    parts = name.replace("\\", "/").removesuffix("/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts:
        raise _refused(path, f"{_shown(name)} would be written outside the archive")
    if not is_plain(name) or "\\" in name or {"", "."} & {*parts}:
        raise _refused(
            path,
            f"the archive has a member {_shown(name)!r}",
            "characters stand in that name which no file of a model has",
        )
    if len(name) > MOST_NAME or any(len(part.encode()) > MOST_PART for part in parts):
        raise _refused(
            path,
            f"the name of a member has {len(name)} characters, at most {MOST_NAME}",
            f"it begins with {_shown(name[:40])!r}",
        )
    if name not in (CONFIG, METADATA, WEIGHTS) and not name.startswith(ASSETS):
        raise _refused(
            path,
            f"{_shown(name)} does not belong in the archive of a model",
            f"it holds {CONFIG}, {METADATA}, {WEIGHTS} and {ASSETS}",
        )


def _check_kind(info: zipfile.ZipInfo, path: Path) -> None:
    """Raise ModelError unless a member is a regular file or a folder, packed as Keras packs it."""
    name = info.filename
    if info.flag_bits & ENCRYPTED:
        raise ModelError(f"{path}: {name} inside is encrypted", mend="save the model without it")
    if info.compress_type not in PACKINGS or info.flag_bits & ~FLAGS:
        raise ModelError(
            f"{path}: {name} inside is packed in an unknown way",
            reason=f"compression method {info.compress_type}, flags {info.flag_bits:#x}",
            mend="zip it without compression",
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in ((0, stat.S_IFDIR) if info.is_dir() else (0, stat.S_IFREG)):
        raise _refused(path, f"{name} inside is no regular file", "it could lead to files of yours")
    if info.is_dir() and info.file_size:
        raise _refused(path, f"{name} inside is a folder that holds {info.file_size} bytes")


def _check_twins(names: Sequence[str], path: Path) -> None:
    """Raise ModelError where two members would be one file, on some system or other."""
    files: dict[str, str] = {}
    for name in names:
        key = unicodedata.normalize("NFC", name).casefold().removesuffix("/")
        if key in files:
            raise _refused(
                path,
                f"{_shown(name)} stands in the archive twice",
                "two readers could see two models",
            )
        files[key] = name
    for key in files:
        parts = key.split("/")
        for count in range(1, len(parts)):
            above = files.get("/".join(parts[:count]), "/")
            if not above.endswith("/"):
                raise _refused(path, f"{_shown(above)} inside is both a file and a folder")


def _check_header(file: IO[bytes], info: zipfile.ZipInfo, path: Path) -> int:
    """Return where the bytes of a member end; ModelError where its own header says otherwise."""
    file.seek(info.header_offset)
    data = file.read(LOCAL.size)
    if len(data) < LOCAL.size:
        raise _damaged(info, path)
    sign, _, flags, packing, _, _, _, packed, size, width, extra = LOCAL.unpack(data)
    name = file.read(width)
    encoding = "utf-8" if flags & 0x800 else "cp437"
    alike = packing == info.compress_type and not (flags ^ info.flag_bits) & (ENCRYPTED | DESCRIBED)
    if sign != b"PK\x03\x04" or not alike or name != info.orig_filename.encode(encoding):
        raise _damaged(info, path)
    sizes = ((packed, info.compress_size), (size, info.file_size))
    if not flags & DESCRIBED and any(own not in (LATER, listed) for own, listed in sizes):
        raise _damaged(info, path)
    return int(info.header_offset + LOCAL.size + width + extra + info.compress_size)


def _damaged(info: zipfile.ZipInfo, path: Path) -> ModelError:
    return ModelError(
        f"{path}: the archive is damaged",
        reason=f"the list of members and the header of {info.filename} differ",
        mend="copy or save the file again",
        kind="unsafe",
    )


def _check_order(members: Iterable[tuple[int, int, zipfile.ZipInfo]], end: int, path: Path) -> None:
    """Raise ModelError unless members stand one behind the other from byte 0 to the list of them.

    `members` are where each begins and ends.
    """
    before = 0
    for start, stop, info in sorted(members, key=lambda member: member[0]):
        if start < before or (before == 0 and start != 0):
            reason = "one stretch of the file has two names" if before else "bytes stand before it"
            raise _refused(path, f"{info.filename} inside begins where it should not", reason)
        before = stop
    if before > end:
        raise _refused(path, "a member of the archive reaches beyond its end")
