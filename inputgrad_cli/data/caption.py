"""Builds the captions of pictures: title, colour bar label, and the text in the PNG file."""

from __future__ import annotations

from dataclasses import dataclass

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.map_record import MapRecord

PARTS = {"sum": "", "positive": ", positive part", "negative": ", negative part"}


@dataclass(frozen=True)
class Caption:
    """The description of a picture. All fields are written into the PNG file.

    `reduce` is the default channel reduction of the method. With `copied`, all channels hold the
    same value, which is counted once. `quantity` describes a value in words. `sign` is `signed`,
    `positive`, or `either`, which means positive if no value is below zero. `site` is the input or
    layer of the map, and `over` the input that is drawn below it.
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

    def format_title(self) -> str:
        """Return the lines above a panel."""
        score = "" if self.score is None else f", {self.space} {self.score:.4g}"
        position = f" at {self.site}" if self.site.startswith(LAYER) else ""
        return f"{self.method}{position}: {self.label or self.target}{score}\n{self.quantity}"

    def format_input_title(self) -> str:
        """Return the line above the input of a panel."""
        return "input" if self.over is None else f"input {self.over}"

    def format_bar_label(self, reduction: str, channels: int) -> str:
        """Return the label of the colour bar for maps reduced over `channels` channels."""
        if channels > 1 and not self.copied:
            return f"{self.quantity}, {reduction} over channels"
        return self.quantity + PARTS.get(reduction, ", absolute value")


def build_caption(record: MapRecord, site: str, row: int) -> Caption:
    """Return the caption of the picture of one site of one sample."""
    sample = record.get_sample(row)
    return Caption(
        record.method["label"],
        sample.asked,
        sample.space,
        sample.score,
        sample.label,
        record.reduce,
        record.quantity.replace("{space}", sample.space),
        record.sign,
        site in record.copied,
        site,
    )
