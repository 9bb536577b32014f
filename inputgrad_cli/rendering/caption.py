"""What a picture says of itself: its title, its colour bar, and the text inside its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.attribution import Attribution

PARTS = {"sum": "", "positive": ", positive part", "negative": ", negative part"}


@dataclass(frozen=True)
class About:
    """What a picture says of itself.

    `reduce` is the channel reduction that fits the method; with `copied` each channel holds the one
    value of all, which is shown once. `quantity` is what a value is, in words. `sign` is `signed`,
    `positive`, or `either`: positive where no value is below zero. `site` is what the map is of,
    and `over` the input that lies below it.
    """

    method: str
    target: str
    space: str
    score: float | None = None
    label: str | None = None
    reduce: str = "sum"
    quantity: str = "score"
    sign: str = "signed"
    copied: bool = False
    site: str = ""
    over: str | None = None

    def title(self) -> str:
        """Return the lines above a panel."""
        score = "" if self.score is None else f", {self.space} {self.score:.4g}"
        place = f" at {self.site}" if self.site.startswith(LAYER) else ""
        return f"{self.method}{place}: {self.label or self.target}{score}\n{self.quantity}"

    def below(self) -> str:
        """Return the line above the input of a panel."""
        return "input" if self.over is None else f"input {self.over}"

    def bar(self, how: str, channels: int) -> str:
        """Return what the values on the colour bar are, reduced by `how` over so many channels."""
        if channels > 1 and not self.copied:
            return f"{self.quantity}, {how} over channels"
        return self.quantity + PARTS.get(how, ", absolute value")


def about(attribution: Attribution, site: str, sample: int) -> About:
    """Return what the picture of one site of one sample says of itself."""
    meta = attribution.metadata

    def at(value: Any) -> Any:
        return value[sample] if attribution.many else value

    def own(value: Any) -> Any:
        return value[sample] if isinstance(value, list) else value

    space = str(own(meta["space"]))
    return About(
        meta["method"]["label"],
        str(own(meta["target"]["asked"])),
        space,
        at(meta["score"]),
        at(meta["target"]["label"]),
        meta["reduce"],
        _quantity(meta).replace("{space}", space),
        meta.get("sign", "signed"),
        site in meta.get("copied", ()),
        site,
    )


def _quantity(meta: Mapping[str, Any]) -> str:
    """Return what a value is; results of earlier versions tell less."""
    usual = "{space} per unit of input" if meta.get("per_input") else "{space}"
    return str(meta.get("quantity", usual))
