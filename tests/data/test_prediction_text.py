"""Probabilities as text: nothing that is not certain is called so, in whichever place it stands."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inputgrad_cli
from inputgrad_cli.data.prediction_text import format_answer, format_percent

DIGITS = st.integers(0, 4)
SOURCE = Path(inputgrad_cli.__file__).parent


def parse(text):
    assert text[-1] == "%"
    return float(text[:-1])


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), DIGITS)
def test_what_is_neither_certain_nor_impossible_is_not_written_so(share, digits):
    percent = parse(format_percent(share, digits))
    assert 0 < percent < 100
    assert percent == pytest.approx(100 * share, abs=0.51 * 10.0**-digits)
    assert percent == pytest.approx(100 * share, rel=1.01)  # 0.005 may become 0.01


@given(DIGITS)
def test_what_is_certain_or_impossible_is_written_so(digits):
    assert parse(format_percent(1.0, digits)) == 100
    assert parse(format_percent(0.0, digits)) == 0


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.982, "98.2%"),
        (0.99997, "99.997%"),
        (float(np.nextafter(np.float32(1), np.float32(0))), "99.99999%"),
        (0.0004, "0.04%"),
        (1.24e-9, "1.2e-7%"),
        (1.0, "100.0%"),
        (float("nan"), "nan%"),
    ],
)
def test_as_many_digits_are_written_as_it_takes(share, text):
    assert format_percent(share) == text


def test_an_answer_is_a_class_with_its_probability_or_a_number():
    answer = {"class": 2, "label": None, "probability": 0.99997, "value": 1.5}
    assert format_answer(answer) == "class 2 99.997%"
    assert format_answer({**answer, "label": "cat"}, " %") == "cat 99.997 %"
    assert format_answer({**answer, "probability": None}) == "class 2"
    assert format_answer({**answer, "class": None}) == "1.5"


def test_no_other_place_writes_percent():
    """A format such as `:.1%` rounds 0.9999 to 100."""
    paths = [
        path.name
        for path in SOURCE.rglob("*.py")
        if re.search(r"\{[^{}]*:[^{}]*%\}|:\.\d%|format\([^()]*%[\"']\)", path.read_text())
    ]
    assert paths == []
