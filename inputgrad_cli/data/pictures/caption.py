"""Builds the captions of pictures: title, colour bar label, and the text in the PNG file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.data.prediction_text import format_percent
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.data.target_parser import parse_stored_target
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.option_choices import LAYER

MINUS = "\u2212"  # as wide as a plus sign, unlike a hyphen
PERCENT = " %"  # as pictures and pages write it
SIDES = ("against", "for")  # what a value below and above zero says of the target
LOSS_SIDES = ("lowers the loss", "raises the loss")
SIZES = ("l2", "max-abs", "mean-abs")  # reductions that leave no sign
PARTS = {"sum": "", "positive": ", positive part", "negative": ", negative part"}


@dataclass(frozen=True)
class Caption:
    """The description of a picture. All fields are written into the PNG file.

    `reduce` is the default channel reduction of the method. With `copied`, all channels hold the
    same value, which is counted once. `quantity` describes a value in words. `sign` is `signed`, or
    `positive` if no value can be below zero. `site` is the input or layer of the map, and `over`
    the input that is drawn below it. `item` is the name of the input file, with the index of the
    sample if the file has many. `probability` is that of the class, `class_index` its index. `unit`
    is the output and the index of its unit that the target `auto` has chosen: `price[0]`; of a
    mask it is the class, and `mask` is the name of its file. `head` is the output that a
    target names. `is_loss` is true if the target is a
    loss. `class_change` names the predicted classes before and after a search. `is_titled` is false
    for a part of a picture that has a title.
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
    item: str = ""
    probability: float | None = None
    class_index: int | None = None
    unit: str = ""
    mask: str = ""
    head: str = ""
    is_loss: bool = False
    class_change: str = ""
    is_titled: bool = True

    @property
    def sides(self) -> tuple[str, str]:
        """Return what a value below zero and one above it says of the target."""
        return LOSS_SIDES if self.is_loss else SIDES

    @property
    def is_layer(self) -> bool:
        """Return whether the map is that of a layer, and not of an input."""
        return self.site.startswith(LAYER)

    def format_title(self) -> str:
        """Return the lines above a panel: file and class, then method and score."""
        if not self.is_titled:
            return ""
        first = ": ".join(filter(None, (self.item, self.format_class())))
        return "\n".join(filter(None, (first, self.format_method())))

    def format_line(self) -> str:
        """Return the title in one line, for pictures that are narrow."""
        return self.format_title().replace("\n", ", ")

    def format_class(self) -> str:
        """Return the class, or the target if it is none, with its probability: `cat, 98.2 %`."""
        if self.class_change:
            return self.class_change
        probability = self.probability
        chance = "" if probability is None else f", {format_percent(probability, unit=PERCENT)}"
        index = "" if self.class_index is None else f"class {self.class_index}"
        region = f"mean over the mask {self.mask}" if self.mask else ""
        name = self.label or index or self.unit or ("" if region else self.target)
        if region and self.label:  # the name of a class among those of an output of pixels
            name = f"class {name}"
        return ", ".join(filter(None, (f"{name}{chance}", region)))

    def format_method(self) -> str:
        """Return the method with its layer, and the score: `grad-cam at layer:top, logit 9.71`."""
        position = f" at {self.site}" if self.is_layer else ""
        return ", ".join(filter(None, (f"{self.method}{position}", self.format_score())))

    def format_score(self) -> str:
        """Return the score in its space, `logit 9.71`, or nothing if there is none."""
        return "" if self.score is None else f"{self.space} {self.score:.4g}".replace("-", MINUS)

    def format_input_title(self) -> str:
        """Return the line above the input of a panel."""
        return "input" if self.over is None else f"input {self.over}"

    def format_bar_label(self, reduction: str, channels: int, smoothed: bool = False) -> str:
        """Return the label of the colour bar for maps reduced over `channels` channels."""
        end = ", without sign" if reduction in SIZES else ""
        end += ", smoothed" if smoothed else ""
        if channels > 1 and not self.copied:
            return f"{self.quantity}, {reduction} over channels{end}"
        return self.quantity + PARTS.get(reduction, ", absolute value") + end


def build_caption(record: MapRecord, site: str, row: int, item: str = "") -> Caption:
    """Return the caption of the picture of one site of one sample of an item."""
    sample = record.get_sample(row)
    target = parse_stored_target(sample.asked)
    return Caption(
        record.method["label"],
        sample.asked,
        sample.space,
        # A search raises what its goal is about, such as a margin, whatever the space of the
        # target is; and its class may be the one that was left, which the probability is not of.
        None if sample.search else sample.score,
        sample.label,
        record.reduce,
        record.quantity.replace("{space}", sample.space),
        _find_sign(record.sign, sample, target),
        site in record.copied,
        site,
        item=", ".join(filter(None, (item, record.name_sample(row)))) if item else "",
        probability=None if sample.search else sample.probability,
        class_index=_find_class(sample, target),
        unit=_format_unit(sample, target),
        head=target.head or "",
        mask=PurePath(target.path).name if target.kind == "mask" else "",
        is_loss=target.kind == "loss",
    )


def _find_class(sample: SampleRecord, target: Target) -> int | None:
    """Return the index of the class that was explained, None if the target is no single class."""
    unit = _get_unit(sample)
    if sample.class_index is not None or target.kind == "margin":
        return sample.class_index
    # The only value of a regression is no class; no probability is known of it.
    is_class = len(unit) == 1 and (sample.probability is not None or target.kind == "class")
    return unit[0] if is_class else None


def _format_unit(sample: SampleRecord, target: Target) -> str:
    """Return the unit that the target `auto` has chosen, as lines of items show it, or the mask."""
    if target.kind == "mask":
        return ", ".join(f"class {word.text or word.index}" for word in target.classes)
    unit = _get_unit(sample)
    return f"{sample.output}{unit}" if unit and sample.asked == "auto" else ""


def _get_unit(sample: SampleRecord) -> list[int]:
    """Return the index of the unit that was explained, empty if it is none or a pair."""
    return [entry for entry in sample.index or [] if isinstance(entry, int)]


def _find_sign(sign: str, sample: SampleRecord, target: Target) -> str:
    """Return `signed`, or `positive` if no value can be below zero.

    The values of a method whose sign is `either` are means of scores, and only the probability of
    one unit is never negative.
    """
    if sign != "either":
        return sign
    is_unit = bool(_get_unit(sample)) and target.kind != "margin"
    return "positive" if sample.space == "probability" and is_unit else "signed"
