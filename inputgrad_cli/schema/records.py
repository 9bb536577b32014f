"""The records of a run: a line of its journal, `run.json`, and a result's `metadata.json`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from inputgrad_cli.schema.check_types import Must, between
from inputgrad_cli.schema.encoded_names import is_absolute, is_inside, is_path, is_straight
from inputgrad_cli.schema.limits import MAX_SHARDS

T = TypeVar("T")
MAX_AXES = 32  # of an array: NumPy 1 has no more
MAX_NUMBERS = 1 << 27  # in one sample of a model's input, as pictures are read
HASH = re.compile("[0-9a-f]{64}")

Hash = Annotated[str, Must("a SHA-256 in hexadecimal", lambda t: HASH.fullmatch(t) is not None)]
InsidePath = Annotated[str, Must("the name of a file below the run's directory", is_inside)]
FilePath = Annotated[str, Must("the path of a file", is_path)]
SourcePath = Annotated[str, Must("a path without detours", is_straight)]
Directory = Annotated[str, Must("the absolute path of a directory", is_absolute)]
Count = Annotated[int, between(0, 1 << 53, "a whole number")]
Size = Annotated[int, between(1, 1 << 31, "a whole number")]
Turn = Annotated[int, between(0, 1 << 31, "a whole number")]
PassSize = Annotated[int, between(1, 1 << 16, "a whole number")]
Percent = Annotated[float, Must("a number above 0, to 100", lambda value: 0 < value <= 100)]
Share = Annotated[float, between(0, 1)]
Zoom = Annotated[int, between(1, 64, "a whole number")]
Above = Annotated[float, Must("a number above 0", lambda value: value > 0)]

Mode = Literal["eager", "traced", "folded"]
Kernels = Literal["onednn", "eigen"]
Kind = Literal["overlay", "heatmap", "panel"]
Reduce = Literal["sum", "l2", "max-abs", "mean-abs", "positive", "negative"]
Dtype = Annotated[
    str,
    Must(
        "a type of numbers, bool or string",
        lambda text: re.fullmatch(r"u?int(8|16|32|64)|b?float\d\w*|bool|string", text) is not None,
    ),
]


def _is_shape(shape: list[int | None]) -> bool:
    numbers = 1
    for dim in shape:
        numbers *= dim or 1
    return len(shape) <= MAX_AXES and numbers <= MAX_NUMBERS


Shape = Annotated[
    list[Annotated[int, between(0, 1 << 31, "a whole number")] | None],
    Must("the shape of one sample, of at most 2**27 numbers", _is_shape),
]
ArrayShape = Annotated[
    list[Annotated[int, between(0, 1 << 53, "a whole number")]],
    Must("the shape of an array", lambda shape: len(shape) <= MAX_AXES),
]


class FileRecord(TypedDict):
    """A file of a map, below the run's directory."""

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
"""A file that a map was made of: for which input (null: the only file), and its content's hash."""


class StyleRecord(TypedDict, total=False):
    """What differs from the usual style of pictures."""

    kind: NotRequired[Kind]
    reduce: NotRequired[Reduce]
    cmap: NotRequired[str]
    clip: NotRequired[Percent]
    alpha: NotRequired[Share]
    zoom: NotRequired[Zoom]
    scale: NotRequired[Literal["item", "run"]]


class JournalLine(TypedDict):
    """A map of a file by a method for a target: what was asked, and the files that it has."""

    stem: InsidePath
    stem_b64: NotRequired[str]
    input: InsidePath
    input_b64: NotRequired[str]
    sources: Annotated[list[SourceRecord], Must("a list that is not empty", bool)]
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
    error: NotRequired[dict[str, Any]]
    turn: NotRequired[Turn]
    bad: NotRequired[list[str]]


class Option(TypedDict, Generic[T]):
    """An option of a call: its value, and where that came from."""

    value: T
    source: NotRequired[str]


class Options(TypedDict, total=False):
    """The options of a call that the records are read for."""

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
    batch_size: NotRequired[Option[PassSize | Literal["auto"]]]
    precision: NotRequired[Option[str]]
    seed: NotRequired[Option[int]]
    tolerance: NotRequired[Option[float]]
    check_grad: NotRequired[Option[bool]]
    picture: NotRequired[Option[Kind | Literal["none"]]]
    cmap: NotRequired[Option[str | None]]
    reduce: NotRequired[Option[Reduce | None]]
    clip: NotRequired[Option[Percent]]
    alpha: NotRequired[Option[Share]]
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
    """What the model takes and gives."""

    inputs: list[InputRecord]
    outputs: list[dict[str, Any]]


class PaceRecord(TypedDict):
    """How maps are computed."""

    mode: Mode
    batch_size: PassSize
    padded: NotRequired[bool]
    kernels: NotRequired[Kernels]


class PreprocessRecord(TypedDict):
    """How pixels become what an input takes."""

    name: str
    scale: Above
    mean: list[float]
    std: list[Above]
    bgr: bool
    source: str
    channels_first: bool
    flat: bool
    frames: NotRequired[bool]


class PixelsRecord(TypedDict):
    """How the inputs of a run take pixels."""

    inputs: dict[str, PreprocessRecord]
    other: PreprocessRecord
    doubts: dict[str, str]
    settled: bool
    code: list[str]


class ShardRecord(TypedDict):
    """Which share of a run this is."""

    number: Annotated[int, between(0, MAX_SHARDS - 1, "a whole number")]
    of: Annotated[int, between(1, MAX_SHARDS, "a whole number")]


class SharedRecord(TypedDict):
    """What a merged run keeps of one of its shares."""

    shard: ShardRecord
    argv: NotRequired[list[str]]
    directory: NotRequired[Directory]
    platform: NotRequired[str]
    versions: NotRequired[dict[str, str]]
    mode: NotRequired[Mode]
    batch_size: NotRequired[PassSize]


class RunRecord(TypedDict):
    """`run.json`: what was asked, with what, and how it was computed."""

    schema: Literal[1]
    versions: NotRequired[dict[str, str]]
    platform: NotRequired[str]
    argv: NotRequired[list[str]]
    directory: Directory
    options: Options
    aliases: NotRequired[dict[str, str]]
    model: ModelRecord
    signature: SignatureRecord
    mode: NotRequired[Mode]
    batch_size: NotRequired[PassSize]
    padded: NotRequired[bool]
    kernels: NotRequired[Kernels]
    paces: NotRequired[dict[str, PaceRecord]]
    pixels: NotRequired[PixelsRecord]
    maps: NotRequired[Count]
    shard: NotRequired[ShardRecord]
    shards: NotRequired[list[SharedRecord]]


class MethodRecord(TypedDict):
    """The method of a result."""

    name: str
    label: str
    parameters: NotRequired[dict[str, Any]]


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
"""What a result is of, as asked and as resolved; lists have a value for each sample."""


class ResizeRecord(TypedDict):
    """How a picture was brought to the model's size."""

    how: Literal["stretch", "crop", "pad", "none"]
    interp: Literal["nearest", "bilinear", "bicubic", "lanczos", "box"]


Span = Annotated[
    list[float], Must("two numbers, the lower first", lambda v: len(v) == 2 and v[0] < v[1])
]


class ResultModel(TypedDict):
    """The model of a result."""

    sha256: Hash


Numbers = float | list[float | None] | None


class ResultRecord(TypedDict):
    """`metadata.json` of a result; with `many` there is a value for each sample in a list."""

    schema: Literal[1]
    many: bool
    method: MethodRecord
    target: TargetRecord
    space: str | list[str | None]
    score: Numbers
    baseline_score: NotRequired[Numbers]
    probability: NotRequired[Numbers]
    checks: dict[str, Any] | list[dict[str, Any] | None]
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
    preprocess: NotRequired[dict[str, dict[str, Any]] | None]
    resize: NotRequired[ResizeRecord]
    frame: NotRequired[Count | Literal["all"] | None]
    input_range: NotRequired[Span | None]
    channels_first: NotRequired[list[str]]
    flat: NotRequired[list[str]]
    wrt: NotRequired[str | None]
    precision: NotRequired[str]
    seed: NotRequired[int]
    model: NotRequired[ResultModel]
    versions: NotRequired[dict[str, str]]
    scores: NotRequired[list[Any]]
    tokens: NotRequired[dict[str, Any] | list[dict[str, Any] | None]]
