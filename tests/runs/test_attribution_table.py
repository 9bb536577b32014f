"""The table of a map: ids, prediction and scores, then each value beside its attribution."""

import csv
import io
from dataclasses import replace

import numpy as np

from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.samples import Samples, UnusedColumns
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.lazy_array import build_lazy_array
from inputgrad_cli.runs.tables import attribution_table
from inputgrad_cli.runs.tables.attribution_table import build_attribution_table
from tests.map_records import SAMPLE, build_record

FIRST = replace(SAMPLE, score=0.25, baseline_score=-1.0, prediction="a, b")
SECOND = replace(SAMPLE, score=2.0, prediction=7.5)


def build(values, inputs, **changes):
    """Return the header and the lines of the table of a map."""
    arrays = {site: np.asarray(array, np.float32) for site, array in values.items()}
    recorded = RecordedMap(arrays, build_record(**{"samples": (FIRST, SECOND), **changes}))
    (data,) = build_attribution_table("t.csv", recorded, inputs).values()
    header, *lines = csv.reader(io.StringIO(data.decode(), newline=""))
    return header, lines


def collect(names, cells):
    return UnusedColumns(names, np.array(cells, object))


def test_ids_stand_first_then_the_answer_then_values_with_attributions():
    samples = Samples(
        {"x": np.array([[0.1, 52341], [3, 4]], np.float32)},
        many=True,
        header=("age", "income"),
        unused=collect(("id",), [["007"], ['8"']]),
    )
    header, lines = build({"x": [[1 / 3, -2], [0, 1e-9]]}, samples)
    pairs = ["age", "age:attribution", "income", "income:attribution"]
    assert header == ["id", "prediction", "score", "baseline_score", *pairs]
    assert lines[0][:5] == ["007", "a, b", "0.25", "-1.0", "0.1"]
    assert lines[1][:5] == ['8"', "7.5", "2.0", "", "3"]
    numbers = np.array([[line[5], line[7]] for line in lines], np.float32)
    np.testing.assert_array_equal(numbers, np.array([[1 / 3, -2], [0, 1e-9]], np.float32))


def test_a_word_stands_with_the_sum_over_its_code():
    samples = Samples(
        {"job": np.array([["clerk"], ["x,y"]]), "age": np.array([[30], [40]], np.int32)},
        many=True,
        header=("age", "job"),
    )
    header, lines = build({"job": [[1, 2, 3], [4, 5, 6]], "age": [[1], [2]]}, samples)
    assert header[3:] == ["age", "age:attribution", "job", "job:attribution"]
    assert [line[3:] for line in lines] == [["30", "1", "clerk", "6"], ["40", "2", "x,y", "15"]]


def test_a_row_that_failed_has_no_values_and_keeps_its_id():
    samples = Samples(
        {"x": np.array([[1, 2], [np.nan, np.nan]], np.float32)},
        many=True,
        header=("a", "b"),
        failed={1: ItemError("bad", kind="table")},
        unused=collect(("id",), [["1"], ["2"]]),
    )
    _, lines = build({"x": [[1, 2], [np.nan, np.nan]]}, samples, samples=(FIRST, None))
    assert lines[1] == ["2", "", "", "", "", "nan", "", "nan"]


def test_a_series_has_a_line_for_each_step():
    samples = Samples({"x": np.arange(6.0, dtype=np.float32).reshape(1, 3, 2)}, header=("a", "b"))
    header, lines = build(
        {"x": np.ones((1, 3, 2))}, samples, many=False, samples=(FIRST,), header=("a", "b")
    )
    assert header[3:] == ["a", "a:attribution", "b", "b:attribution"]
    assert [line[3:] for line in lines] == [[str(n), "1", str(n + 1), "1"] for n in (0, 2, 4)]
    assert {line[1] for line in lines} == {"0.25"}


def test_a_layer_has_attributions_without_values():
    samples = Samples({"x": np.ones((2, 2), np.float32)}, many=True, header=("a", "b"))
    header, lines = build({"layer:h": np.ones((2, 2, 2))}, samples)
    assert header[3:5] == ["layer:h[0]", "layer:h[0]:attribution"]
    assert lines[0][3:5] == ["", "1"]


def test_the_maps_of_all_classes_have_no_table():
    record = build_record(samples=(replace(SAMPLE, scores=[1.0]),))
    recorded = RecordedMap({"x": np.ones((1, 1, 2))}, record)
    assert build_attribution_table("t.csv", recorded, Samples({})) == {}


def test_blocks_and_files_that_are_not_held_give_the_same_lines(monkeypatch, rng):
    values = rng.normal(size=(50, 4)).astype(np.float32)
    samples = Samples({"x": values * 2}, many=True, header=tuple("abcd"))
    record = build_record(samples=(FIRST,) * 50)
    (whole,) = build_attribution_table("t", RecordedMap({"x": values}, record), samples).values()
    monkeypatch.setattr(attribution_table, "BLOCK_CELLS", 12)
    lazy = build_lazy_array(values.shape, values.dtype, lambda start, stop: values[start:stop])
    (write,) = build_attribution_table("t", RecordedMap({"x": lazy}, record), samples).values()
    out = io.BytesIO()
    write(out)
    assert out.getvalue() == whole


SERIES = Samples(
    {"x": np.arange(6, dtype=np.float32).reshape(1, 6, 1)},
    header=("load",),
    unused=collect(("day",), [[f"day{i}"] for i in range(6)]),
)
ALONE = {"samples": (FIRST,), "many": False}


def test_a_series_has_the_id_of_each_step():
    header, lines = build({"x": np.ones((1, 6, 1))}, SERIES, **ALONE)
    assert header[0] == "day"
    assert [line[0] for line in lines] == [f"day{i}" for i in range(6)]


def test_the_map_of_a_layer_has_no_step_of_the_file():
    for units in (3, 6, 8):  # fewer than the steps, as many, more
        header, lines = build({"layer:dense": np.ones((1, units))}, SERIES, **ALONE)
        assert header == [
            "prediction",
            "score",
            "baseline_score",
            "layer:dense",
            "layer:dense:attribution",
        ]
        assert len(lines) == units


def test_an_input_beside_a_series_has_no_lines_in_its_table():
    beside = {"age": np.ones((1, 4), np.float32), "sum": np.ones((1,), np.float32)}
    samples = replace(SERIES, arrays={**SERIES.arrays, **beside})
    header, lines = build({"x": np.ones((1, 6, 1)), **beside}, samples, **ALONE)
    assert header[-1] in ("load:attribution", "x:attribution")
    assert len(lines) == 6
    assert (
        build_attribution_table(
            "t.csv",
            RecordedMap({"sum": beside["sum"]}, build_record(**ALONE)),
            replace(samples, arrays={"sum": beside["sum"]}),
        )
        == {}
    )


def test_a_picture_beside_a_table_gives_its_pixels_no_columns():
    arrays = {"a": np.ones((2, 2), np.float32), "img": np.ones((2, 4, 4, 3), np.float32)}
    samples = Samples(arrays, many=True, unused=collect(("id",), [["r0"], ["r1"]]))
    record = build_record(samples=(FIRST, SECOND), inputs={"headers": {"a": ["age", "income"]}})
    recorded = RecordedMap(arrays, record)
    (data,) = build_attribution_table("t.csv", recorded, samples, {"img"}).values()
    header, *lines = csv.reader(io.StringIO(data.decode(), newline=""))
    assert header[0] == "id"
    assert header[4:] == ["age", "age:attribution", "income", "income:attribution"]
    assert [line[0] for line in lines] == ["r0", "r1"]
    only = RecordedMap({"img": arrays["img"]}, record)
    assert build_attribution_table("t.csv", only, samples, {"img"}) == {}


def test_a_vector_beside_a_table_is_a_row_of_more_columns():
    arrays = {"a": np.ones((2, 2), np.float32), "v": np.ones((2, 1), np.float32)}
    record = build_record(samples=(FIRST, SECOND), inputs={"headers": {"a": ["age", "income"]}})
    samples = Samples(arrays, many=True)
    (data,) = build_attribution_table("t", RecordedMap(arrays, record), samples, {"v"}).values()
    names = data.decode().splitlines()[0].split(",")
    assert names[3::2] == ["age", "income", "v"]
