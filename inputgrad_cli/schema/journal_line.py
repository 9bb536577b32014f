"""The record of a map in `journal.jsonl`: what was requested, and the files written."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from inputgrad_cli.schema.field_constraints import Constraint
from inputgrad_cli.schema.field_types import (
    ArrayShape,
    Count,
    Fraction,
    Hash,
    InsidePath,
    Percent,
    PictureKind,
    Reduce,
    ShownKind,
    Size,
    SourcePath,
    Top,
    Turn,
    Zoom,
)
from inputgrad_cli.schema.json_type_alias import JsonObject


class FileRecord(TypedDict):
    """A file of a map; `path` is relative to the run's directory."""

    path: InsidePath
    path_b64: NotRequired[str]
    size: Count
    sha256: Hash


# As a call, because the body of a class cannot have a field that is called `for`.
SourceRecord = TypedDict(
    "SourceRecord",
    {
        "for": str | None,
        "path": SourcePath,
        "path_b64": NotRequired[str],
        "sha256": NotRequired[Hash],
    },
)
"""An input file of a map: the model input that it is for (null: the only file), and its hash."""


class StyleRecord(TypedDict, total=False):
    """The options of a style of pictures that differ from the default style."""

    kind: NotRequired[PictureKind]
    reduce: NotRequired[Reduce]
    cmap: NotRequired[str]
    clip: NotRequired[Percent]
    alpha: NotRequired[Fraction]
    zoom: NotRequired[Zoom]
    scale: NotRequired[Literal["item", "run"]]
    show: NotRequired[dict[str, ShownKind]]
    alphabet: NotRequired[str]
    on: NotRequired[Literal["model", "original"]]
    smooth: NotRequired[bool]
    keep: NotRequired[Percent]
    top: NotRequired[Top]


class JournalLine(TypedDict):
    """A map of an input by a method for a target: what was requested, and the files written.

    One map of an item has the picture of all of its maps among its files, and in `tiles` the hash
    of what that picture shows. In `scale_group` is the hash of the maps with which its own pictures
    share a scale.
    """

    stem: InsidePath
    stem_b64: NotRequired[str]
    input: InsidePath
    input_b64: NotRequired[str]
    sources: Annotated[list[SourceRecord], Constraint("a list that is not empty", bool)]
    method: str
    target: str
    status: Literal["ok", "failed"]
    samples: NotRequired[Size | None]
    unmet: NotRequired[Count]
    drawn: NotRequired[bool]
    fingerprint: NotRequired[Hash]
    style: NotRequired[StyleRecord]
    shapes: NotRequired[dict[str, ArrayShape]]
    apart: NotRequired[bool]
    files: NotRequired[list[FileRecord]]
    error: NotRequired[JsonObject]
    tiles: NotRequired[Hash]
    scale_group: NotRequired[Hash]
    turn: NotRequired[Turn]
    bad: NotRequired[list[str]]
