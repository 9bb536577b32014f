"""Writes the report of a run, as one file or as a folder, and never over files of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli.errors import ItemError, StorageError, UsageError
from inputgrad_cli.report.folder_of_pages import INDEX, OWN_FILES, FolderForm
from inputgrad_cli.report.page_contents import Contents, Status
from inputgrad_cli.report.page_rendering import MARK
from inputgrad_cli.report.read_run import ReadOptions, count_cells, read_contents
from inputgrad_cli.report.single_file import SingleFile
from inputgrad_cli.report.thumbnail_height_choice import choose_height
from inputgrad_cli.storage.atomic_write import build_write_error, refuse_links, write_atomically
from inputgrad_cli.storage.run_directory import RunDirectory

REPORT_NAME = "report.html"
MARK_BYTES = 4096  # of the beginning of a page, in which its mark stands
HINT = "free some space or choose another -o"


@dataclass(frozen=True)
class ReportOptions:
    """What a caller may choose of a report; sizes are in bytes, `px` is of thumbnails."""

    out: Path | None = None
    folder: Path | None = None
    images: bool = True
    px: int = 96
    max_bytes: int = 25 << 20
    title: str | None = None
    top: int = 8


@dataclass(frozen=True)
class WrittenReport:
    """What was written: the page to open, all bytes, the numbers of items, the thumbnails."""

    path: Path
    bytes: int
    items: int
    done: int
    failed: int
    unmet: int
    unread: int
    px: int | None


def write_report(run: Path, options: ReportOptions) -> WrittenReport:
    """Write the report of a run.

    Raises UsageError if there is no run or its records are damaged, EmptyError if it has made no
    maps yet, and StorageError.
    """
    # Messages have the folder as it was named, and are cleaned of its absolute path.
    directory = RunDirectory.open(Path(os.path.abspath(run)))
    path = options.folder or options.out or run / REPORT_NAME
    _refuse_foreign(path / INDEX if options.folder else path, options.folder)
    height = choose_height(options.px, count_cells(directory), options.max_bytes)
    height = height if options.images else None
    contents = read_contents(directory, ReadOptions(height, options.top, options.title))
    if options.folder:
        form = FolderForm(run, options.max_bytes)
        files = form.yield_files(contents, height, not options.images)
        size = _write_folder(options.folder, files)
        return _describe(contents, options.folder / INDEX, size, height)
    single = SingleFile(run, path, options.max_bytes)
    composed = single.compose(contents, height, not options.images)
    write_atomically(path, composed.page)
    return _describe(composed.contents, path, len(composed.page), composed.height)


def _refuse_foreign(page: Path, folder: Path | None) -> None:
    """Raise UsageError if a file, or a folder that is not empty, is no report of ours."""
    flag = "--folder" if folder else "-o"
    if folder and folder.is_dir() and not page.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: holds files that are no report", hint=f"choose another {flag}")
    # After the new files, so that a report that cannot be written leaves the earlier one whole.
    try:
        with page.open("rb") as file:
            is_report = MARK.encode() in file.read(MARK_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{page}: cannot be read", reason=str(error.strerror)) from None
    if not is_report:
        raise UsageError(
            f"{page}: is there already, and is no report of inputgrad",
            hint=f"move it away, or choose another {flag}",
        )


def _refuse_link(folder: Path, name: str) -> None:
    """Raise UsageError if a file would be written through a link, out of the folder."""
    try:
        refuse_links(folder, name)
    except ItemError as error:
        raise UsageError(error.message, hint="remove it, or choose another --folder") from None


def _write_folder(folder: Path, files: Iterator[tuple[str, bytes]]) -> int:
    """Write all files, remove those of an earlier report, and return the bytes written."""
    written: set[str] = set()
    size = 0
    for name, data in files:
        _refuse_link(folder, name)
        write_atomically(folder / name, data)
        written.add(name)
        size += len(data)
    try:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if OWN_FILES.fullmatch(name) and name not in written and not os.path.islink(path):
                path.unlink()
    except OSError as error:
        raise build_write_error(folder, error, hint=HINT) from None
    return size


def _describe(contents: Contents, path: Path, size: int, height: int | None) -> WrittenReport:
    cells = [cell for item in contents.items for cell in item.cells]
    failed, absent = contents.count(Status.FAILED), contents.count(Status.ABSENT)
    return WrittenReport(
        path=path,
        bytes=size,
        items=len(contents.items),
        done=len(contents.items) - failed - absent,
        failed=failed,
        unmet=contents.count(Status.UNMET),
        unread=sum(cell.is_unread for cell in cells),
        px=height,
    )
