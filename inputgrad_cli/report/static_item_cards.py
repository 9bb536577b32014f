"""Turns items into what the static part of a page shows; the script shows the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inputgrad_cli.report.page_contents import Cell, Contents, Picture, ReportItem, Status, to_json
from inputgrad_cli.schema.json_type_alias import JsonObject

STATUS_CLASSES = {
    Status.OK: "ok",
    Status.FAILED: "failed",
    Status.UNMET: "unmet",
    Status.ABSENT: "absent",
}
MAX_FAILURES = 100  # in the list at the top; all are among the items

Source = Callable[[int, Picture], str]  # returns the address of a cell's picture
Link = Callable[[int, Cell], str]  # returns that of its large picture, "" if there is none


@dataclass(frozen=True)
class ShownCell:
    """A cell of the static page; `src` and `link` are empty where they do not apply."""

    kind: str
    caption: str
    alt: str
    body: JsonObject | None = None
    src: str = ""
    link: str = ""


@dataclass(frozen=True)
class ShownItem:
    """A card of the static page."""

    name: str
    status: str
    answer: str
    notes: Sequence[str]
    cells: Sequence[ShownCell]


@dataclass(frozen=True)
class ShownFailure:
    """A row of the list of failures."""

    name: str
    column: str
    kind: str
    reason: str


@dataclass(frozen=True)
class ItemView:
    """Shows items of a report; `source` and `link` say where pictures are."""

    contents: Contents
    source: Source
    link: Link

    def show_items(self, start: int, stop: int) -> list[ShownItem]:
        """Return the cards of the items from `start` to before `stop`."""
        return [self._show_item(i) for i in range(start, min(stop, len(self.contents.items)))]

    def _show_item(self, index: int) -> ShownItem:
        item = self.contents.items[index]
        answers = {cell.answer for cell in item.cells if cell.answer}
        # An answer that all cells share is said once, on the card.
        answer = answers.pop() if len(answers) == 1 else ""
        return ShownItem(
            name=item.name,
            status=STATUS_CLASSES[item.status],
            answer=answer,
            notes=list_notes(item),
            cells=[self._show_cell(index, position, answer) for position in range(len(item.cells))],
        )

    def _show_cell(self, index: int, position: int, answer: str) -> ShownCell:
        item, columns = self.contents.items[index], self.contents.columns
        cell, cell_index = item.cells[position], index * len(columns) + position
        caption = describe_cell(cell, columns[position] if len(columns) > 1 else "", answer)
        alt = ", ".join(filter(None, (f"{columns[position]} of {item.name}", cell.answer)))
        if cell.body is None:
            return ShownCell("", caption, alt)
        if isinstance(cell.body, Picture):
            src, link = self.source(cell_index, cell.body), self.link(cell_index, cell)
            return ShownCell(Picture.kind, caption, alt, src=src, link=link)
        return ShownCell(cell.body.kind, caption, alt, to_json(cell.body))


def describe_cell(cell: Cell, column: str, answer: str) -> str:
    """Return the caption of a cell: its column, and its own answer if the cells have several."""
    states = {Status.FAILED: "failed", Status.ABSENT: "not computed"}
    state = states.get(cell.status, "" if answer else cell.answer)
    if not column and cell.status is Status.FAILED:
        return ""  # the note below says so
    return ": ".join(filter(None, (column, state)))


def list_notes(item: ReportItem) -> list[str]:
    """Return what must be said of an item, each sentence once."""
    notes = [
        f"failed: {note}" if cell.status is Status.FAILED else note
        for cell in item.cells
        for note in cell.notes
    ]
    return list(dict.fromkeys(notes))


def list_failures(contents: Contents) -> list[ShownFailure]:
    """Return why maps have failed, an item with one reason for all of its maps once."""
    failures: dict[tuple[str, str], ShownFailure] = {}
    for item in contents.items:
        for column, cell in zip(contents.columns, item.cells, strict=True):
            if cell.status is not Status.FAILED:
                continue
            reason = " ".join(cell.notes)
            is_repeated = (item.name, reason) in failures
            failures[item.name, reason] = ShownFailure(
                item.name, "several" if is_repeated else column, kind=cell.kind, reason=reason
            )
    return list(failures.values())
