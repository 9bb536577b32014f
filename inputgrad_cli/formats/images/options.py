"""How picture files are read: what a user may choose. Needs neither NumPy nor Pillow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Span = tuple[float, float]


@dataclass(frozen=True)
class Resize:
    """How a picture is brought to the model's size."""

    how: str = "stretch"
    interp: str = "bilinear"

    def record(self) -> dict[str, str]:
        """Return the fields for records."""
        return dict(vars(self))


@dataclass(frozen=True)
class Viewing:
    """How a picture file is read: its size, its frame (a number or `all`), its black and white."""

    resize: Resize = field(default_factory=Resize)
    frame: int | str | None = None
    span: Span | None = None

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Viewing:
        """Return the viewing that a stored result tells of."""
        span = record.get("input_range")
        known = record.get("resize", {})  # a later version may say more
        resize = Resize(**{key: known[key] for key in ("how", "interp") if key in known})
        return cls(resize, record.get("frame"), None if span is None else (span[0], span[1]))
