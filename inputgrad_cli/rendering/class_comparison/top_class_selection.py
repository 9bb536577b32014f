"""Selects the maps of the classes of largest score from a map that has one for each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.map_record import MapRecord, RecordedMap
from inputgrad_cli.data.pictures.caption import Caption
from inputgrad_cli.data.pictures.map_source import ClassView

MAX_CLASSES = 8  # beside each other in one picture


def build_class_view(recorded: RecordedMap, site: str, row: int, caption: Caption) -> ClassView:
    """Return the maps of at most `MAX_CLASSES` classes of one sample, channels last."""
    values = recorded.get_values(site, row)
    captions = build_class_captions(recorded.record, row, len(values), caption)
    maps = np.stack([values[each.class_index] for each in captions])
    last = recorded.record.axes.to_channels_last(maps, site)
    return ClassView(captions, last, len(values) - len(captions))


def build_class_captions(
    record: MapRecord, row: int, count: int, caption: Caption
) -> tuple[Caption, ...]:
    """Return the captions of at most `MAX_CLASSES` of `count` classes, the largest score first."""
    scores: list[float | None] = list(record.get_sample(row).scores or ())[:count]
    scores += [None] * (count - len(scores))
    top = rank_classes(scores)[:MAX_CLASSES]
    names = dict(enumerate(record.class_names))
    return tuple(
        replace(
            caption,
            target=f"class:{index}",
            class_index=index,
            label=names.get(index),
            score=scores[index],
        )
        for index in top
    )


def format_heading(caption: Caption) -> str:
    """Return the title of a picture of several classes: the item, the method and the output."""
    head = f" of {caption.head}" if caption.head else ""
    return ": ".join(filter(None, (caption.item, f"{caption.method}, all classes{head}")))


def rank_classes(scores: Sequence[float | None]) -> list[int]:
    """Return the classes by score, the largest first; those without a finite score are last."""

    def get_key(index: int) -> tuple[bool, float]:
        score = scores[index]
        is_known = score is not None and math.isfinite(score)
        return not is_known, -score if is_known and score is not None else 0.0

    return sorted(range(len(scores)), key=get_key)
