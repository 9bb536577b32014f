"""What the picture of a search is drawn from has the figures of the item's line."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.cli.reporters.optimization_text import format_search
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.runs.pictures.map_pictures import (
    build_picture_source,
    get_layout,
    list_drawable_sites,
)
from inputgrad_cli.runs.pictures.optimization_picture_data import build_search_source
from tests.map_records import SAMPLE, build_record

L2 = 2  # the column of a trace


@pytest.mark.parametrize("unit", [255.0, 1.0])
def test_the_trace_ends_at_the_distance_that_the_line_tells(rng, unit):
    change = np.rint(rng.normal(size=(1, 6, 6, 3)) * 3) * unit / 255
    linf, l2 = float(np.abs(change).max()), float(np.sqrt(np.square(change).sum()))
    answer = {"class": 0, "label": "cat", "probability": 0.99997, "value": 1.0, "score": 1.0}
    distances = {"linf": linf, "l2": l2, "l1": 1.0, "l0": 1}
    if unit != 1:
        distances["fractions"] = {"linf": linf / unit, "l2": l2 / unit, "l1": 1 / unit}
    search = {
        "search": "success",
        "before": answer,
        "after": answer,
        "distances": distances,
        "gradient_calls": 2,
        "pictures": ["x"] if unit != 1 else [],
    }
    trace = np.array([[[0, -1, 0, 0, 0], [1, 1, l2, linf, 0]]], np.float32)
    values = {"x": 100 + change, "x.change": change, "trace": trace}
    sample = replace(SAMPLE, search=search)
    recorded = RecordedMap(values, build_record(samples=(sample,), many=False))
    source = build_search_source(recorded, Samples({}), 0, "x")
    line = format_search(search)
    shown = float(line.split("L2 ")[1].split(" ")[0])
    assert source.search.trace[-1, L2] == pytest.approx(shown, rel=5e-3)
    assert (f"({source.search.unit})" in line) == (unit != 1)
    assert source.search.titles == ("before: cat 99.997 %", "after: cat 99.997 %")
    assert "cat 99.997% -> cat 99.997%" in line


def test_what_a_goal_raises_is_not_shown_as_a_value_of_the_model():
    answer = {"class": 0, "label": "cat", "probability": 0.9, "value": -0.5, "score": 3.25}
    search = {"before": answer, "after": answer, "distances": {}, "pictures": []}
    values = {"x": np.ones((1, 4)), "x.change": np.ones((1, 4)), "trace": np.zeros((1, 1, 5))}
    sample = replace(SAMPLE, space="logit", score=3.25, probability=0.9, search=search)
    recorded = RecordedMap(values, build_record(samples=(sample,), many=False))
    caption = build_search_source(recorded, Samples({}), 0, "x").caption
    assert caption.score is None, "a margin is no logit"
    assert "logit" not in caption.format_title()
    assert "3.25" not in caption.format_title()


@pytest.mark.parametrize("has_inputs", [False, True])
def test_inputs_of_one_value_each_are_one_row_with_their_names(has_inputs):
    before = {"income": np.float32([[50.1], [60.2]]), "age": np.float32([30.3, 40.4])}
    change = {"income": np.float32([[0], [-5]]), "age": np.float32([1, 2])}
    answer = {"class": None, "label": None, "probability": None, "value": 1.0, "score": 1.0}
    search = {
        "search": "success",
        "before": answer,
        "after": answer,
        "distances": {"linf": 5.0, "l2": 5.4, "l1": 7.0, "l0": 2},
        "gradient_calls": 1,
        "pictures": [],
    }
    values = {"trace": np.zeros((2, 1, 5), np.float32)}
    for name in before:
        values |= {name: before[name] + change[name], f"{name}.change": change[name]}
    sample = replace(SAMPLE, search=search)
    recorded = RecordedMap(values, build_record(samples=(sample, sample), many=True))
    samples = Samples(before if has_inputs else {}, many=True, header=("age", "income"))
    assert list_drawable_sites(recorded, Style()) == ["income"]
    source = build_picture_source(recorded, samples, 1, "income")
    assert source.layout == get_layout(recorded, "income")
    assert source.view.names == ("age", "income")
    assert source.search.after.tolist() == pytest.approx([42.4, 55.2], rel=1e-6)
    assert source.search.before.tolist() == pytest.approx([40.4, 60.2], rel=1e-6)
    if has_inputs:  # without a rounding on the way
        assert source.search.before.tolist() == [before["age"][1], before["income"][1, 0]]
    assert source.values.tolist() == [2, -5]
    assert choose_picture(Style(), source.layout).name == "search-row"


def test_one_input_of_one_value_is_a_number_and_no_row():
    search = {"pictures": [], "distances": {}}
    values = {"a": np.ones((1, 1)), "a.change": np.ones((1, 1)), "trace": np.zeros((1, 1, 5))}
    record = build_record(samples=(replace(SAMPLE, search=search),), many=False)
    assert list_drawable_sites(RecordedMap(values, record), Style()) == []
