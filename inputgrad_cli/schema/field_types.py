"""Types of the fields of records: text, numbers and shapes, each with its valid values."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from inputgrad_cli.schema.field_constraints import Constraint, require_range
from inputgrad_cli.schema.file_names_in_json import is_absolute, is_inside, is_normalized, is_path
from inputgrad_cli.schema.record_limits import MAX_BATCH_SIZE, MAX_VALUES

MAX_AXES = 32  # of an array: the limit of NumPy 1
HASH = re.compile("[0-9a-f]{64}")
KIND = re.compile("[a-z][a-z0-9-]{0,63}")

Hash = Annotated[
    str, Constraint("a SHA-256 in hexadecimal", lambda text: HASH.fullmatch(text) is not None)
]
InsidePath = Annotated[str, Constraint("the name of a file below the run's directory", is_inside)]
FilePath = Annotated[str, Constraint("the path of a file", is_path)]
SourcePath = Annotated[str, Constraint("a path without detours", is_normalized)]
AbsolutePath = Annotated[str, Constraint("the absolute path of a directory", is_absolute)]
# JSON readers that hold every number as a float, as JavaScript does, are exact up to 2**53.
Count = Annotated[int, require_range(0, 1 << 53, "a whole number")]
Size = Annotated[int, require_range(1, 1 << 31, "a whole number")]
Turn = Annotated[int, require_range(0, 1 << 31, "a whole number")]
BatchSize = Annotated[int, require_range(1, MAX_BATCH_SIZE, "a whole number")]
Percent = Annotated[float, Constraint("a number above 0, to 100", lambda value: 0 < value <= 100)]
Fraction = Annotated[float, require_range(0, 1)]
Zoom = Annotated[int, require_range(1, 64, "a whole number")]
Top = Annotated[int, require_range(1, 100, "a whole number")]
PositiveNumber = Annotated[float, Constraint("a number above 0", lambda value: value > 0)]

Mode = Literal["eager", "traced", "folded"]
Kernels = Literal["onednn", "eigen"]
PictureKind = Annotated[
    str, Constraint("the name of a kind of picture", lambda text: bool(KIND.fullmatch(text)))
]
ShownKind = Literal[
    "image",
    "bars",
    "signal",
    "sound",
    "spectrogram",
    "text",
    "logo",
    "volume",
    "video",
    "strip",
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
        # An axis of any length is null; it counts as 1, the least that it can have.
        size *= dim or 1
    return len(shape) <= MAX_AXES and size <= MAX_VALUES


Shape = Annotated[
    list[Annotated[int, require_range(0, 1 << 31, "a whole number")] | None],
    Constraint("the shape of one sample, of at most 2**27 numbers", _is_shape),
]
ArrayShape = Annotated[
    list[Annotated[int, require_range(0, 1 << 53, "a whole number")]],
    Constraint("the shape of an array", lambda shape: len(shape) <= MAX_AXES),
]

Interval = Annotated[
    list[float], Constraint("two numbers, the lower first", lambda v: len(v) == 2 and v[0] < v[1])
]
