"""Defines the attributions that callers of the Python interface get: shown, saved, described."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from inputgrad_cli.data import attribution_results as data
from inputgrad_cli.data.map_record import MapRecord, RecordedMap
from inputgrad_cli.data.pictures.caption import build_caption
from inputgrad_cli.data.pictures.drawing import Drawing
from inputgrad_cli.errors import InputgradError, UsageError
from inputgrad_cli.formats.attribution_npz_writer import write_result
from inputgrad_cli.numeric.array_helpers import Arrays, format_shape
from inputgrad_cli.python_api.attribution_drawing import NamedDrawing, list_drawings
from inputgrad_cli.rendering.images.contact_sheet import build_sheet
from inputgrad_cli.storage.atomic_write import write_atomically

ARRAYS = ".npz"


@dataclass(frozen=True, repr=False)
class Attribution(data.Attribution):
    """Attributions of one item for one method and one target, as stored in files.

    `values` maps sites to float32 of the site's own shape; with `many` the sample axis comes
    first, and for the target `all` the class axis next. `metadata` is what stands in the file.
    `pixels` are the pictures (N, H, W, C) that the model saw, by input; they are not stored.
    """

    pixels: Arrays = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return f"<Attribution {self._format_line()}>"

    def _format_line(self) -> str:
        record = RecordedMap.from_attribution(self).record
        shapes = ", ".join(f"{s} {format_shape(a.shape)}" for s, a in self.values.items())
        count = f", {len(record.samples)} samples" if len(record.samples) > 1 else ""
        return f"{_format_title(record)}{count}: {shapes}"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Return what a notebook shows: text, the picture, and the page of a text."""
        record = RecordedMap.from_attribution(self).record
        text = "\n".join([self._format_line(), *_yield_check_lines(record)])
        try:
            drawings = list_drawings(self, self.pixels)
        except InputgradError:  # a picture is worth less than the text that is certain
            drawings = []
        if not drawings:
            return {"text/plain": text}
        return {**_join_drawings(drawings).build_bundle(), "text/plain": text}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the arrays to an `.npz` file, or the picture by the ending of its files.

        Raises UsageError for another ending, and StorageError.
        """
        if Path(path).suffix == ARRAYS:
            write_atomically(Path(path), partial(_write, self))
            return
        drawings = list_drawings(self, self.pixels)
        if not drawings:
            raise UsageError(
                f"{path}: the map has no picture", hint=f"save its arrays in an {ARRAYS} file"
            )
        _join_drawings(drawings).save(path)


def to_public(attribution: data.Attribution, pixels: Arrays | None = None) -> Attribution:
    """Return an attribution as callers of the Python interface have it."""
    return Attribution(attribution.values, attribution.metadata, attribution.many, pixels or {})


def _write(attribution: Attribution, file: Any) -> None:
    write_result(file, attribution)


def _format_title(record: MapRecord) -> str:
    """Return the method, the target and the score; of many samples what all of them share."""
    # The caption of a picture is for one sample, with its class and score.
    if len(record.samples) == 1:
        return build_caption(record, "", 0).format_line()
    targets = {sample.asked for sample in record.usable_samples}
    return f"{record.method['label']}: {', '.join(sorted(targets))}"


def _yield_check_lines(record: MapRecord) -> Iterator[str]:
    """Yield what the checks say, and of many samples how many do not hold."""
    samples = record.usable_samples
    bad = [sample for sample in samples if not sample.checks["finite"]]
    if bad:
        yield f"not finite: {len(bad)} of {len(samples)} samples"
    if zeros := [sample for sample in samples if sample.checks["zero"]]:
        yield f"zero everywhere: {len(zeros)} of {len(samples)} samples"
    gaps = [s.checks["completeness"] for s in samples if "completeness" in s.checks]
    if gaps:
        largest = max(gaps, key=lambda check: check["gap"])
        word = "holds" if all(check["ok"] for check in gaps) else "does not hold"
        yield f"completeness {word}: the largest gap is {largest['gap']:.2g}"


def _join_drawings(drawings: Sequence[NamedDrawing]) -> Drawing:
    """Return the only drawing, or all on one sheet and one page."""
    first = drawings[0].drawing
    if len(drawings) == 1:
        return first
    sheet = build_sheet([named.drawing.png for named in drawings], [n.name for n in drawings])
    html = "\n".join(named.drawing.html for named in drawings)
    # A sheet has no scale of its own, so that of its first picture stands for it.
    return Drawing(sheet, first.scale, all(n.drawing.flat for n in drawings), {}, html.strip())
