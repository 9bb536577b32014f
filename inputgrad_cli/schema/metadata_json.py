"""The record of a result, `metadata.json`: its method, target, scores and checks."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from inputgrad_cli.schema.field_types import ArrayShape, Count, Hash, Interval, Reduce, Size
from inputgrad_cli.schema.json_type_alias import JsonObject


class MethodRecord(TypedDict):
    """The method of a result."""

    name: str
    label: str
    parameters: NotRequired[JsonObject]


# As a call, because the body of a class cannot have a field that is called `class`.
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


AnswerRecord = TypedDict(
    "AnswerRecord",
    {
        "score": float | None,
        "value": float | None,
        "class": int | None,
        "label": str | None,
        "probability": float | None,
    },
)
"""What the model gives for an input: its class, None if it has none; the value of the target."""


class SizesRecord(TypedDict):
    """The size of a change in several norms."""

    linf: float
    l2: float
    l1: float


class DistancesRecord(SizesRecord):
    """The size of a change, and as fractions of the range of pixels."""

    l0: Count
    fractions: NotRequired[SizesRecord]


class SearchRecord(TypedDict):
    """How the search of a sample has ended; `pictures` are the inputs whose values are pixels."""

    search: Literal["success", "failed", "already"]
    before: AnswerRecord
    after: AnswerRecord
    distances: DistancesRecord
    gradient_calls: Count
    stopped: str
    radius: float | None
    wanted: float | None
    pictures: list[str]


class ResultModel(TypedDict):
    """The model of a result."""

    sha256: Hash


class RegionRecord(TypedDict):
    """What part of an output a target is about: the bits of a mask in base64, or a unit's index.

    `shape` is that of the mask, or that of the output.
    """

    shape: ArrayShape
    mask: NotRequired[str]
    unit: NotRequired[list[Count]]


Numbers = float | list[float | None] | None
Tokens = dict[str, list[Any]]  # by input: words, or ids where there is no vocabulary


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
    region: NotRequired[RegionRecord]
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
    animated: NotRequired[list[str]]
    header: NotRequired[list[str]]
    headers: NotRequired[dict[str, list[str]]]
    sample_rate: NotRequired[dict[str, Size]]
    wrt: NotRequired[str | None]
    precision: NotRequired[str]
    seed: NotRequired[int]
    model: NotRequired[ResultModel]
    versions: NotRequired[dict[str, str]]
    scores: NotRequired[list[Any]]
    tokens: NotRequired[Tokens | list[Tokens | None]]
    search: NotRequired[SearchRecord | list[SearchRecord | None] | None]
