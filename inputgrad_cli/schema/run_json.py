"""The record of a run, `run.json`: its options, its model, and how maps were computed."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, NotRequired, TypedDict, TypeVar

from inputgrad_cli.schema.field_constraints import require_range
from inputgrad_cli.schema.field_types import (
    AbsolutePath,
    BatchSize,
    Count,
    Dtype,
    FilePath,
    Fraction,
    Hash,
    Kernels,
    Mode,
    Percent,
    PictureKind,
    PositiveNumber,
    Reduce,
    Shape,
    Top,
    Zoom,
)
from inputgrad_cli.schema.json_type_alias import JsonObject
from inputgrad_cli.schema.record_limits import MAX_SHARDS

T = TypeVar("T")


class Option(TypedDict, Generic[T]):
    """An option of a call: its value, and the source of the value."""

    value: T
    source: NotRequired[str]


class Options(TypedDict, total=False):
    """The options of a call that inputgrad reads from a record."""

    method: NotRequired[Option[list[str]]]
    target: NotRequired[Option[list[str]]]
    truth: NotRequired[Option[str | None]]
    space: NotRequired[Option[str]]
    wrt: NotRequired[Option[str | None]]
    baseline: NotRequired[Option[str | None]]
    labels: NotRequired[Option[str | list[str] | None]]
    code: NotRequired[Option[list[str]]]
    columns: NotRequired[Option[list[str] | None]]
    lines: NotRequired[Option[bool]]
    preprocess: NotRequired[Option[str]]
    resize: NotRequired[Option[str]]
    interp: NotRequired[Option[str]]
    frame: NotRequired[Option[int | str | None]]
    input_range: NotRequired[Option[list[str] | None]]
    batch_size: NotRequired[Option[BatchSize | Literal["auto"]]]
    precision: NotRequired[Option[str]]
    seed: NotRequired[Option[int]]
    tolerance: NotRequired[Option[float]]
    check_grad: NotRequired[Option[bool]]
    picture: NotRequired[Option[PictureKind]]
    cmap: NotRequired[Option[str | None]]
    reduce: NotRequired[Option[Reduce | None]]
    clip: NotRequired[Option[Percent]]
    alpha: NotRequired[Option[Fraction]]
    scale: NotRequired[Option[Literal["item", "run"]]]
    zoom: NotRequired[Option[Zoom | None]]
    alphabet: NotRequired[Option[str | None]]
    on: NotRequired[Option[Literal["model", "original"]]]
    smooth: NotRequired[Option[bool]]
    keep: NotRequired[Option[Percent]]
    top: NotRequired[Option[Top]]


class ModelRecord(TypedDict):
    """The model's file."""

    path: FilePath
    size: NotRequired[Count]
    sha256: Hash


class InputRecord(TypedDict):
    """An input of the model, without the batch axis."""

    name: str
    shape: Shape | None
    dtype: Dtype


class SignatureRecord(TypedDict):
    """The inputs and outputs of the model."""

    inputs: list[InputRecord]
    outputs: list[JsonObject]


class ScheduleRecord(TypedDict):
    """How maps are computed: the mode, and the number of items in a batch."""

    mode: Mode
    batch_size: BatchSize
    padded: NotRequired[bool]
    kernels: NotRequired[Kernels]


class PreprocessRecord(TypedDict):
    """How pixels are converted to the values of a model input."""

    name: str
    scale: PositiveNumber
    mean: list[float]
    std: list[PositiveNumber]
    bgr: bool
    source: str
    channels_first: bool
    flat: bool
    frames: NotRequired[bool]


class PixelsRecord(TypedDict):
    """The preprocessing of the inputs of a run."""

    inputs: dict[str, PreprocessRecord]
    other: PreprocessRecord
    doubts: dict[str, str]
    settled: bool
    code: list[str]


class ShardRecord(TypedDict):
    """A shard of a run: its index from 0, and the number of shards."""

    number: Annotated[int, require_range(0, MAX_SHARDS - 1, "a whole number")]
    of: Annotated[int, require_range(1, MAX_SHARDS, "a whole number")]


class SharedRecord(TypedDict):
    """The fields that a merged run keeps of each of its shards."""

    shard: ShardRecord
    argv: NotRequired[list[str]]
    directory: NotRequired[AbsolutePath]
    platform: NotRequired[str]
    versions: NotRequired[dict[str, str]]
    mode: NotRequired[Mode]
    batch_size: NotRequired[BatchSize]


class RunRecord(TypedDict):
    """`run.json`: the options, the model, the versions, and how the run was computed."""

    schema: Literal[1]
    versions: NotRequired[dict[str, str]]
    platform: NotRequired[str]
    argv: NotRequired[list[str]]
    directory: AbsolutePath
    options: Options
    aliases: NotRequired[dict[str, str]]
    model: ModelRecord
    signature: SignatureRecord
    mode: NotRequired[Mode]
    batch_size: NotRequired[BatchSize]
    padded: NotRequired[bool]
    kernels: NotRequired[Kernels]
    paces: NotRequired[dict[str, ScheduleRecord]]
    pixels: NotRequired[PixelsRecord]
    maps: NotRequired[Count]
    shard: NotRequired[ShardRecord]
    shards: NotRequired[list[SharedRecord]]
