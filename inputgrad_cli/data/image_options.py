"""Options for reading picture files. Imports neither NumPy nor Pillow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ValueRange = tuple[float, float]


@dataclass(frozen=True)
class Resize:
    """How a picture is resized.

    `mode` is `stretch`, `crop`, `pad` or `none`; `interp` is the interpolation.
    """

    mode: str = "stretch"
    interp: str = "bilinear"

    def record(self) -> dict[str, str]:
        """Return the options as they are stored in records."""
        # The keys are those of the stored records, which are older than the names of these fields.
        return {"how": self.mode, "interp": self.interp}


@dataclass(frozen=True)
class ImageOptions:
    """How a picture file is read.

    `frame` is an index or `all`; `value_range` holds the values of black and white. With
    `keep_original`, the file's own picture is kept to be drawn; it decides nothing else.
    """

    resize: Resize = field(default_factory=Resize)
    frame: int | str | None = None
    value_range: ValueRange | None = None
    keep_original: bool = False

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ImageOptions:
        """Return the options that are stored in the record of a result."""
        limits = record.get("input_range")
        stored = record.get("resize", {})  # a later version may store more keys
        resize = Resize(stored.get("how", Resize.mode), stored.get("interp", Resize.interp))
        return cls(resize, record.get("frame"), None if limits is None else (limits[0], limits[1]))
