"""Types of the records of a run: journal lines, `run.json`, and `metadata.json` of results."""

from __future__ import annotations

import re
from typing import Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from inputgrad_cli.schema.check_types import Constraint, require_range
from inputgrad_cli.schema.encoded_names import is_absolute, is_inside, is_normalized, is_path
from inputgrad_cli.schema.json_object import JsonObject
from inputgrad_cli.schema.limits import MAX_SHARDS

T = TypeVar("T")
MAX_AXES = 32  # of an array: the limit of NumPy 1
MAX_NUMBERS = 1 << 27  # in one sample of a model's input, the limit for images that are read
HASH = re.compile("[0-9a-f]{64}")
KIND = re.compile("[a-z][a-z0-9-]{0,63}")

Hash = Annotated[
    str, Constraint("a SHA-256 in hexadecimal", lambda text: HASH.fullmatch(text) is not None)
]
InsidePath = Annotated[str, Constraint("the name of a file below the run's directory", is_inside)]
FilePath = Annotated[str, Constraint("the path of a file", is_path)]
SourcePath = Annotated[str, Constraint("a path without detours", is_normalized)]
AbsolutePath = Annotated[str, Constraint("the absolute path of a directory", is_absolute)]
Count = Annotated[int, require_range(0, 1 << 53, "a whole number")]
Size = Annotated[int, require_range(1, 1 << 31, "a whole number")]
Turn = Annotated[int, require_range(0, 1 << 31, "a whole number")]
BatchSize = Annotated[int, require_range(1, 1 << 16, "a whole number")]
Percent = Annotated[float, Constraint("a number above 0, to 100", lambda value: 0 < value <= 100)]
Fraction = Annotated[float, require_range(0, 1)]
Zoom = Annotated[int, require_range(1, 64, "a whole number")]
PositiveNumber = Annotated[float, Constraint("a number above 0", lambda value: value > 0)]

Mode = Literal["eager", "traced", "folded"]
Kernels = Literal["onednn", "eigen"]
PictureKind = Annotated[
    str, Constraint("the name of a kind of picture", lambda text: bool(KIND.fullmatch(text)))
]
Reduce = Literal["sum", "l2", "max-abs", "mean-abs", "positive", "negative"]
Dtype = Annotated[
    str,
    Constraint(
        "a type of numbers, bool or string",
        lambda text: re.fullmatch(r"u?int(8|16|32|64)|b?float\d\w*|bool|string", text) is not None,
    ),
]


def _is_shape(shape: list[int | None]) -> bool:
    size = 1
    for dim in shape:
        size *= dim or 1
    return len(shape) <= MAX_AXES and size <= MAX_NUMBERS


Shape = Annotated[
    list[Annotated[int, require_range(0, 1 << 31, "a whole number")] | None],
    Constraint("the shape of one sample, of at most 2**27 numbers", _is_shape),
]
ArrayShape = Annotated[
    list[Annotated[int, require_range(0, 1 << 53, "a whole number")]],
    Constraint("the shape of an array", lambda shape: len(shape) <= MAX_AXES),
]


class FileRecord(TypedDict):
    """A file of a map; `path` is relative to the run's directory."""

    path: InsidePath
    path_b64: NotRequired[str]
    size: Count
    sha256: Hash


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


class JournalLine(TypedDict):
    """A map of an input by a method for a target: what was requested, and the files written."""

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
    turn: NotRequired[Turn]
    bad: NotRequired[list[str]]


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


class MethodRecord(TypedDict):
    """The method of a result."""

    name: str
    label: str
    parameters: NotRequired[JsonObject]


TargetRecord = TypedDict(
    "TargetRecord",
    {
        "asked": str | list[str | None],
        "output": NotRequired[str | list[str | None]],
        "index": NotRequired[list[Any] | None],
        "label": str | list[str | None] | None,
        "class": NotRequired[int | list[int | None] | None],
    },
)
"""The target of a result, as requested and as resolved; a list has a value for each sample."""


class CompletenessCheck(TypedDict):
    """How well a sample's values sum to the difference of its scores."""

    sum: float
    difference: float
    gap: float
    steps: int
    ok: bool


class StandardErrorCheck(TypedDict):
    """The standard error of a sample's values over random draws."""

    mean: float
    relative: float
    samples: int


class GradientCheck(TypedDict):
    """The slope of a sample's score by its gradient and by differences."""

    slope: float
    difference: float
    error: float
    ok: bool


class Checks(TypedDict):
    """The checks of a sample; a check that does not apply to the method is absent."""

    finite: bool
    zero: bool
    zero_because: NotRequired[str]
    completeness: NotRequired[CompletenessCheck]
    standard_error: NotRequired[StandardErrorCheck]
    gradient: NotRequired[GradientCheck]


class ResizeRecord(TypedDict):
    """How an image was resized to the model's input size."""

    how: Literal["stretch", "crop", "pad", "none"]
    interp: Literal["nearest", "bilinear", "bicubic", "lanczos", "box"]


Interval = Annotated[
    list[float], Constraint("two numbers, the lower first", lambda v: len(v) == 2 and v[0] < v[1])
]


class ResultModel(TypedDict):
    """The model of a result."""

    sha256: Hash


Numbers = float | list[float | None] | None


class ResultRecord(TypedDict):
    """`metadata.json` of a result; with `many`, lists have a value for each sample."""

    schema: Literal[1]
    many: bool
    method: MethodRecord
    target: TargetRecord
    space: str | list[str | None]
    score: Numbers
    baseline_score: NotRequired[Numbers]
    probability: NotRequired[Numbers]
    checks: JsonObject | list[JsonObject | None]
    disconnected: NotRequired[list[str]]
    unexplained: NotRequired[dict[str, str]]
    layer: NotRequired[str]
    cam: NotRequired[Literal[True]]
    sees: NotRequired[dict[str, list[str]]]
    copied: NotRequired[list[str]]
    reduce: Reduce
    quantity: NotRequired[str]
    sign: NotRequired[Literal["signed", "positive", "either"]]
    per_input: NotRequired[bool]
    baseline: NotRequired[str | None]
    preprocess: NotRequired[dict[str, JsonObject] | None]
    resize: NotRequired[ResizeRecord]
    frame: NotRequired[Count | Literal["all"] | None]
    input_range: NotRequired[Interval | None]
    channels_first: NotRequired[list[str]]
    flat: NotRequired[list[str]]
    wrt: NotRequired[str | None]
    precision: NotRequired[str]
    seed: NotRequired[int]
    model: NotRequired[ResultModel]
    versions: NotRequired[dict[str, str]]
    scores: NotRequired[list[Any]]
    tokens: NotRequired[JsonObject | list[JsonObject | None]]
