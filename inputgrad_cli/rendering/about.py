"""What a picture says of itself: its title, and the text inside its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inputgrad_cli.attribution import Attribution


@dataclass(frozen=True)
class About:
    """What a picture says of itself.

    `reduce` is the channel reduction that fits the method, and `level` what is drawn from: `zero`
    or the `mean` of the map.
    """

    method: str
    target: str
    space: str
    score: float | None = None
    label: str | None = None
    reduce: str = "sum"
    units: str = "score"
    level: str = "zero"

    def title(self) -> str:
        """Return the line above a panel."""
        score = "" if self.score is None else f", {self.space} {self.score:.4g}"
        return f"{self.method}: {self.label or self.target}{score}"


def about(attribution: Attribution, sample: int) -> About:
    """Return what the picture of one sample of an attribution says of itself."""
    meta = attribution.metadata

    def at(value: Any) -> Any:
        return value[sample] if attribution.many else value

    def own(value: Any) -> Any:
        return value[sample] if isinstance(value, list) else value

    return About(
        meta["method"]["label"],
        str(own(meta["target"]["asked"])),
        str(own(meta["space"])),
        at(meta["score"]),
        at(meta["target"]["label"]),
        meta["reduce"],
        f"{own(meta['space'])}{' per unit of input' if meta['per_input'] else ''}",
        meta.get("level", "zero"),
    )
