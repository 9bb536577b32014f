"""What the picture of a search is drawn from has the figures of the item's line."""

from dataclasses import replace

import numpy as np
import pytest

from inputgrad_cli.cli.reporters.search_text import format_search
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.runs.pictures.search_pictures import build_search_source
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
