"""Writes what a model predicts for an input, the same in lines, titles and reports.

It imports no NumPy, so that a command can print its first line before that is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

PIXEL_UNIT = "pixels 0..1"  # of distances between pictures, wherever one is shown


def format_percent(share: float, digits: int = 1, unit: str = "%") -> str:
    """Return a share in percent with `digits` decimals, such as `98.2%`.

    What is below 1 is never written as 100, and what is above 0 never as 0: more decimals follow
    until it differs, and from a ten-millionth down an exponent.
    """
    if not 0 < share < 1 or math.isnan(share):
        return f"{100 * share:.{digits}f}{unit}"
    percent = 100 * Decimal(float(share))  # exact; a product of floats may round to 100 itself
    if percent < Decimal("1e-5"):
        return f"{percent:.1e}{unit}"
    text = f"{percent:.{digits}f}"
    while Decimal(text) in (0, 100):
        digits += 1
        text = f"{percent:.{digits}f}"
    return text + unit


def format_answer(answer: Mapping[str, Any], unit: str = "%") -> str:
    """Return a predicted class with its probability, as `cross 99.9%`, or a score without classes.

    `answer` is that of the record of a search.
    """
    if answer["class"] is None:
        return f"{answer['value']:.6g}"
    label, probability = answer["label"], answer["probability"]
    name = f"class {answer['class']}" if label is None else str(label)
    return name if probability is None else f"{name} {format_percent(probability, unit=unit)}"
