"""Reads a run for a report: all its maps, grouped by item, in the order of its journal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import EmptyError
from inputgrad_cli.machine.memory_and_core_limits import count_visible_cores
from inputgrad_cli.prefetch import prefetch
from inputgrad_cli.report.evaluate_and_diff_records import read_documents
from inputgrad_cli.report.map_cell_reading import MapReader, PlacedCell
from inputgrad_cli.report.page_contents import (
    ABSENT_CELL,
    Cell,
    Column,
    Contents,
    ReportItem,
    Status,
)
from inputgrad_cli.report.path_and_number_formatting import Cleaner, format_name
from inputgrad_cli.report.run_facts import list_facts
from inputgrad_cli.schema.file_names_in_json import decode_name
from inputgrad_cli.storage.run_directory import RunDirectory

MAX_THREADS = 8  # more wait for each other, because a part of the work holds Python's lock
PENDING_PER_THREAD = 4  # maps that are read ahead, which limits the memory for thumbnails
LOOKS = (
    "Each card is one input of the model. The colours show on which parts of it the model's "
    "{score} depends."
)
CLASS_SCORE, OTHER_SCORE = "score for the class on the card", "output"
MOVES = (
    "Each card is one input that was changed step by step, to see what changes the model's answer: "
    "before, after, and the change."
)


@dataclass(frozen=True)
class ReadOptions:
    """What is read for a report: the height of thumbnails, None for none; the bars of a row."""

    height: int | None
    top: int
    title: str | None = None


def count_cells(directory: RunDirectory) -> int:
    """Return how many cells a report has at least, as far as the journal tells."""
    return sum(line.get("samples") or 1 for line in directory.journal.lines.values())


def read_contents(directory: RunDirectory, options: ReadOptions) -> Contents:
    """Return what a report of a run shows; EmptyError if the run has no maps yet."""
    stems = list(directory.journal.lines)
    if not stems:
        raise EmptyError(f"{directory.out}: the run has made no maps yet")
    cleaner = Cleaner(_list_folders(directory))
    reader = MapReader(cleaner, options.height, options.top)
    threads = min(MAX_THREADS, count_visible_cores())
    cells = [
        cell
        for placed in prefetch(
            lambda stem: reader.read_cells(directory.get_map(stem)),
            stems,
            # A thread for a single map would only be started and waited for.
            threads if len(stems) > 1 else 0,
            PENDING_PER_THREAD * threads,
        )
        for cell in placed
    ]
    columns = _list_columns(cells)
    run = directory.get_run("")
    model = os.path.basename(run["model"]["path"]) if run else "a model"
    is_search = run is not None and "goal" in run["options"]
    has_classes = any(placed.cell.label for placed in cells)
    score = CLASS_SCORE if has_classes else OTHER_SCORE
    title = f"What changes the answer of {model}" if is_search else f"What {model} looks at"
    return Contents(
        title=cleaner.clean(options.title or title),
        introduction=MOVES if is_search else LOOKS.format(score=score),
        columns=_name_columns(columns, cleaner),
        items=_group_items(cells, columns),
        facts=list_facts(directory, cleaner),
        documents=read_documents(directory.out, cleaner),
        expected=sum(record.get("maps", 0) for record in directory.runs.values()),
        present=len(stems),
        is_search=is_search,
    )


def _list_folders(directory: RunDirectory) -> Sequence[str]:
    """Return the absolute folders in the records of a run, which are no business of readers."""
    folders = {os.path.abspath(directory.out)}
    for run in directory.runs.values():
        folders |= {run["directory"], *_get_folder(run["model"]["path"])}
        folders |= {shard["directory"] for shard in run.get("shards", ()) if "directory" in shard}
    for line in directory.journal.first_lines.values():
        folders |= {
            f for source in line["sources"] for f in _get_folder(decode_name(source, "path"))
        }
    # Every absolute path begins with the root, so it says nothing of this machine.
    return sorted(folder for folder in folders if len(folder) > 1)


def _get_folder(path: str) -> Iterable[str]:
    return [os.path.dirname(path)] if os.path.isabs(path) else []


def _list_columns(cells: Sequence[PlacedCell]) -> list[Column]:
    """Return the columns by method and target in order of appearance.

    Only maps that could be read have sites; a column without a site is for those that have none.
    """
    columns: dict[tuple[str, str], list[Column]] = {}
    for placed in cells:
        column = placed.column
        same = columns.setdefault((column.method, column.target), [])
        if column not in same and placed.cell.status in (Status.OK, Status.UNMET):
            same.append(column)
    return [
        column
        for (method, target), same in columns.items()
        for column in same or [Column(method, target)]
    ]


def _name_columns(columns: Sequence[Column], cleaner: Cleaner) -> list[str]:
    """Return a name for each column: the method, and what else tells it from the others."""
    has_targets = len({column.target for column in columns}) > 1
    names = []
    for column in columns:
        target = f" for {column.target}" if has_targets else ""
        site = f" at {column.site}" if column.site else ""
        names.append(cleaner.clean(f"{column.method}{target}{site}"))
    return names


def _group_items(cells: Sequence[PlacedCell], columns: Sequence[Column]) -> list[ReportItem]:
    """Return the items, each with a cell for every column."""
    positions: Mapping[Column, list[int]] = {
        placed.column: _find_positions(placed.column, columns) for placed in cells
    }
    grouped: dict[tuple[str, int | None], list[Cell]] = {}
    for placed in cells:
        row = grouped.setdefault((placed.name, placed.sample), [ABSENT_CELL] * len(columns))
        for position in positions[placed.column]:
            row[position] = placed.cell
    return [ReportItem(format_name(*key), row) for key, row in grouped.items()]


def _find_positions(column: Column, columns: Sequence[Column]) -> list[int]:
    """Return the position of a column; a failed map stands in all columns of its request."""
    if column in columns:
        return [columns.index(column)]
    request = (column.method, column.target)
    return [i for i, other in enumerate(columns) if (other.method, other.target) == request]
