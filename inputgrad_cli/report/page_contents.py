"""Holds what a report shows: its items, the cells of each, and the facts of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import ClassVar

from inputgrad_cli.schema.json_type_alias import JsonObject


class Status(IntEnum):
    """What became of a map; the values are those in the index of the page."""

    OK = 0
    FAILED = 1
    UNMET = 2  # a check did not hold
    ABSENT = 3  # the run has not made it


@dataclass(frozen=True, order=True)
class Column:
    """The maps that all items have in common: a method, a target as requested, an input or layer.

    `site` is empty if the maps have one site.
    """

    method: str
    target: str
    site: str = ""


@dataclass(frozen=True)
class Bars:
    """The largest values of a row, for a table with bars.

    `lengths` are -100 to 100 by the largest value, `numbers` the values as text, and `others` says
    in words what the remaining values come to. `inputs` are the values of the input, as text.
    """

    kind: ClassVar[str] = "bars"
    names: Sequence[str]
    lengths: Sequence[int]
    numbers: Sequence[str]
    inputs: Sequence[str] = ()
    others: str = ""


@dataclass(frozen=True)
class Tokens:
    """The words of a text, with the spaces before them, and a level of -8 to 8 for each."""

    kind: ClassVar[str] = "tokens"
    words: Sequence[str]
    levels: Sequence[int]
    numbers: Sequence[str]
    others: str = ""


@dataclass(frozen=True)
class Spark:
    """A series in columns: the value of the largest magnitude in each, -100 to 100."""

    kind: ClassVar[str] = "spark"
    levels: Sequence[int]
    others: str = ""


@dataclass(frozen=True)
class Picture:
    """A thumbnail, as WebP."""

    kind: ClassVar[str] = "picture"
    thumbnail: bytes


Body = Bars | Tokens | Spark | Picture


def to_json(body: Bars | Tokens | Spark) -> JsonObject:
    """Return the fields of a body as the page holds them."""
    return {"kind": body.kind, **asdict(body)}


@dataclass(frozen=True)
class ColourScale:
    """The colours of a picture: the colour map, the values at both ends, and what they are."""

    colour_map: str
    low: float
    high: float
    quantity: str


@dataclass(frozen=True)
class Cell:
    """One map of one item.

    `answer` says for which class and score the map is; `label` is the class alone. `notes` are
    sentences: why it failed, or which check did not hold. `kind` is the kind of a failure. `file`
    is the picture in the run, and `is_unread` is true if the report could not read the map.
    """

    status: Status
    body: Body | None = None
    answer: str = ""
    label: str = ""
    score: float | None = None
    probability: float | None = None
    gap: float | None = None
    norm: float | None = None
    notes: tuple[str, ...] = ()
    kind: str = ""
    file: str = ""
    scale: ColourScale | None = None
    is_unread: bool = False


ABSENT_CELL = Cell(Status.ABSENT)


@dataclass(frozen=True)
class ReportItem:
    """An input of the run, and its cells in the order of the columns."""

    name: str
    cells: Sequence[Cell]

    @property
    def status(self) -> Status:
        """Return the worst status of its cells."""
        statuses = {cell.status for cell in self.cells}
        order = (Status.FAILED, Status.UNMET, Status.ABSENT)
        return next((status for status in order if status in statuses), Status.OK)


@dataclass(frozen=True)
class Document:
    """Another record in the run's directory, such as `evaluation.json`, as keys and values."""

    name: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Contents:
    """All that a report shows.

    `columns` are the names of the columns. `expected` is the number of maps that the run was to
    make, `present` how many it has; `expected` is 0 if that is not recorded. `is_search` is true
    if the run has moved its inputs.
    """

    title: str
    introduction: str
    columns: Sequence[str]
    items: Sequence[ReportItem]
    facts: Sequence[tuple[str, str]]
    documents: Sequence[Document] = ()
    expected: int = 0
    present: int = 0
    is_search: bool = False

    def count(self, status: Status) -> int:
        """Return the number of items of this status."""
        return sum(item.status is status for item in self.items)
