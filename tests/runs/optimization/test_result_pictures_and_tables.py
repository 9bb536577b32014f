"""The files of a search: what is read back from them is what was scored."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.map_record import MapRecord, RecordedMap
from inputgrad_cli.data.optimization_arrays import join_traces, pad_traces
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.samples import Samples, UnusedColumns, join_samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.attribution_assembly import Provenance, build_map
from inputgrad_cli.explanation.batch_optimization import SearchRequest, search_batch
from inputgrad_cli.formats.attribution_npz_writer import to_bytes
from inputgrad_cli.formats.read_attribution import read_metadata, read_result
from inputgrad_cli.formats.readers import find_reader
from inputgrad_cli.interfaces.goal import GoalRequest
from inputgrad_cli.interfaces.reader import InputFile, ReadOptions
from inputgrad_cli.optimization.request import OptimizeRequest
from inputgrad_cli.runs.optimization.result_pictures_and_tables import (
    build_search_files,
    list_results,
)
from inputgrad_cli.runs.pictures.drawable_sites import list_drawable_sites
from inputgrad_cli.runs.pictures.map_picture_data import build_picture_source
from inputgrad_cli.storage.map_file_names import MapFiles
from tests.map_records import SAMPLE, build_record
from tests.optimization.linear_engine import LinearEngine
from tests.optimization.small_goals import Attack
from tests.optimization.test_batch_optimization import PictureEngine, pictures

FACTS = Provenance("0" * 64, {}, 0, None, None, "float32")
GOAL = GoalRequest(Attack(), "attack", "attack")
FILES = MapFiles("a.csv.attack")


def run_search(engine, samples, *, goal=GOAL, labels=(), parts=None):
    """Return the map of a search, computed in parts of so many samples."""
    request = SearchRequest(
        (goal,), (parse_target("auto"),), OptimizeRequest(goal.goal, labels=labels)
    )
    size = parts or len(samples)
    chunks = [
        search_batch(engine, samples.select_rows(range(at, min(at + size, len(samples)))), request)
        for at in range(0, len(samples), size)
    ]
    return build_map([chunk[0] for chunk in chunks], samples, FACTS)


@pytest.fixture
def engine(rng):
    return LinearEngine(rng.normal(size=(4, 3)), rng.normal(size=4))


@pytest.fixture
def table(rng):
    rows = rng.normal(size=(5, 3)).astype(np.float32)
    return Samples({"x": rows}, many=True, header=("a", "b,c", "d"))


def collect(files):
    out = {}
    for name, data in files.items():
        stream = io.BytesIO()
        data(stream) if callable(data) else stream.write(data)
        out[name] = stream.getvalue()
    return out


def test_a_map_holds_the_result_the_change_and_the_trace(engine, table):
    recorded = run_search(engine, table, labels=("k", "l", "m", "n"))
    assert set(recorded.values) == {"x", "x.change", "trace"}
    np.testing.assert_allclose(
        recorded.values["x"] - recorded.values["x.change"], table.arrays["x"], atol=1e-6
    )
    record = recorded.record
    assert record.is_search
    assert record.method == {
        "name": "attack",
        "label": "attack",
        "parameters": dict(vars(GOAL.goal)),
    }
    sample = record.samples[0]
    assert sample.search["search"] == "success"
    assert sample.search["after"]["score"] > 0 > sample.search["before"]["score"]
    assert sample.score == sample.search["after"]["value"]
    assert sample.label == sample.search["before"]["label"] != sample.search["after"]["label"]
    assert MapRecord.from_json(record.to_json()) == record


def test_a_result_does_not_depend_on_the_samples_beside_it(engine, table):
    together, alone = run_search(engine, table), run_search(engine, table, parts=1)
    two = run_search(engine, table, parts=2)
    for name in together.values:
        np.testing.assert_array_equal(together.values[name], two.values[name])
        np.testing.assert_array_equal(together.values[name], alone.values[name])
    assert together.record == alone.record == two.record


def test_the_trace_of_one_sample_has_no_padding(engine, table):
    traces = [run_search(engine, table.extract_sample(row)).values["trace"] for row in range(5)]
    assert all(np.isfinite(trace).all() for trace in traces)
    assert len({trace.shape[1] for trace in traces}) > 1
    padded = pad_traces([trace[0] for trace in traces])
    np.testing.assert_array_equal(join_traces([padded]), padded)
    np.testing.assert_array_equal(join_traces([padded[[0]]]), traces[0])


def test_what_is_stored_can_be_read(engine, table, tmp_path):
    recorded = run_search(engine, table)
    (tmp_path / "a.npz").write_bytes(to_bytes(recorded.to_attribution()))
    stored = read_result(tmp_path / "a.npz")
    assert MapRecord.from_json(stored.metadata) == recorded.record
    assert read_metadata(tmp_path / "a.npz") == stored.metadata
    assert [s["search"] for s in stored.metadata["search"]] == ["success"] * 5


@pytest.mark.parametrize("damage", ["distances", "trace", "change", "before"])
def test_a_damaged_record_of_a_search_is_refused_in_words(engine, table, tmp_path, damage):
    attribution = run_search(engine, table).to_attribution()
    values, fields = dict(attribution.values), json.loads(json.dumps(attribution.metadata))
    if damage == "trace":
        del values["trace"]
    elif damage == "change":
        values["x.change"] = values["x.change"][:, :1]
    else:
        del fields["search"][0][damage]
    (tmp_path / "a.npz").write_bytes(to_bytes(replace(attribution, values=values, metadata=fields)))
    with pytest.raises(ItemError, match="not a result of inputgrad"):
        read_result(tmp_path / "a.npz")


def test_a_table_has_a_row_before_and_one_after_and_names_what_has_changed(engine, table):
    recorded = run_search(engine, table)
    files = collect(build_search_files(FILES, recorded, table, is_table=True))
    assert list(files) == ["a.csv.attack.csv"]
    header, *rows = csv.reader(io.StringIO(files["a.csv.attack.csv"].decode()))
    assert header == ["state", "a", "b,c", "d", "changed"]
    assert [row[0] for row in rows] == ["before", "after"] * 5
    values = np.array([row[1:4] for row in rows], np.float64).astype(np.float32)
    np.testing.assert_array_equal(values[0::2], table.arrays["x"])
    np.testing.assert_array_equal(values[1::2], recorded.values["x"])
    for before, after, row in zip(values[0::2], values[1::2], rows[1::2], strict=True):
        names = [name for name, x, y in zip(header[1:4], before, after, strict=True) if x != y]
        assert row[4] == ";".join(names)
    assert all(row[4] == "" for row in rows[0::2])


def test_columns_that_the_model_does_not_take_come_first_in_both_rows(engine, table):
    cells = np.array([[f"c-{row}", "x,y" if row else ""] for row in range(5)], object)
    named = replace(table, unused=UnusedColumns(("client", "note"), cells))
    broken = replace(named, failed={1: ItemError("broken")})
    recorded = run_search(engine, table)
    plain = collect(build_search_files(FILES, recorded, table, is_table=True))
    files = collect(build_search_files(FILES, recorded, named, is_table=True))
    header, *rows = csv.reader(io.StringIO(files["a.csv.attack.csv"].decode()))
    assert header == ["client", "note", "state", "a", "b,c", "d", "changed"]
    assert [row[:3] for row in rows] == [
        [*own, state] for own in cells.tolist() for state in ("before", "after")
    ]
    rest = [row[2:] for row in [header, *rows]]
    assert rest == list(csv.reader(io.StringIO(plain["a.csv.attack.csv"].decode())))
    files = collect(build_search_files(FILES, recorded, broken, is_table=True))
    _, *rows = csv.reader(io.StringIO(files["a.csv.attack.csv"].decode()))
    assert [row[0] for row in rows[::2]] == ["c-0", "c-2", "c-3", "c-4"]


def test_the_steps_of_a_series_have_theirs_where_the_table_has_them(engine):
    values = np.arange(8, dtype=np.float32).reshape(1, 4, 2)
    days = UnusedColumns(("day",), np.array([["mon"], ["tue"], ["wed"], ["thu"]], object))
    samples = Samples({"x": values}, header=("a", "b"), unused=days)
    change = np.zeros_like(values)
    change[0, 2, 1] = 0.5
    recorded = RecordedMap(
        {"x": values + change, "x.change": change, "trace": np.zeros((1, 1, 5))},
        build_record(samples=(replace(SAMPLE, search={"pictures": []}),), many=False),
    )
    files = collect(build_search_files(FILES, recorded, samples, is_table=True))
    header, *rows = csv.reader(io.StringIO(files["a.csv.attack.csv"].decode()))
    assert header == ["day", "state", "a", "b", "changed"]
    assert [row[0] for row in rows] == ["mon", "tue", "wed", "thu"] * 2
    assert [row[-1] for row in rows[4:]] == ["", "", "b", ""]


def test_the_rows_after_are_valid_as_read_from_the_file(engine, table, tmp_path):
    recorded = run_search(engine, table)
    files = collect(build_search_files(FILES, recorded, table, is_table=True))
    spec = InputSpec("x", (3,))
    read = find_reader(Path("a.csv")).read(
        InputFile(files["a.csv.attack.csv"], Path("a.csv")), ReadOptions((spec,), PRESETS["raw"])
    )
    assert not read.failed
    after = read.arrays["x"][1::2]
    np.testing.assert_array_equal(after, recorded.values["x"])
    classes = engine.logits(after).argmax(axis=1)
    assert (classes != engine.logits(table.arrays["x"]).argmax(axis=1)).all()


def test_a_sample_that_failed_has_no_row_and_its_values_are_nan(engine, table):
    arrays = {"x": table.arrays["x"].copy()}
    broken = replace(table, arrays=arrays, failed={1: ItemError("broken")})
    request = SearchRequest((GOAL,), (parse_target("auto"),), OptimizeRequest(GOAL.goal))
    (part,) = search_batch(engine, broken.select_rows(broken.usable_rows), request)
    recorded = build_map([part], broken, FACTS)
    assert np.isnan(recorded.values["x"][1]).all()
    assert np.isnan(recorded.values["trace"][1]).all()
    files = collect(build_search_files(FILES, recorded, broken, is_table=True))
    assert files["a.csv.attack.csv"].decode().count("\n") == 1 + 2 * 4


def test_pixels_come_back_from_the_png_as_they_were_scored(rng):
    engine = PictureEngine(rng.normal(size=(3, 6)))
    samples = replace(pictures(rng.integers(60, 200, (1, 6))), many=False)
    recorded = run_search(engine, samples, goal=GoalRequest(Attack(signs=True), "attack", ""))
    files = collect(build_search_files(MapFiles("a.png.attack"), recorded, samples, is_table=False))
    assert list(files) == ["a.png.attack.after.png"]
    pixels = np.asarray(Image.open(io.BytesIO(files["a.png.attack.after.png"])))
    np.testing.assert_array_equal(pixels[..., None], recorded.values["x"][0])
    (row,) = list_results(MapFiles("a.png.attack"), recorded, samples, is_table=False)
    assert row == ["a.png.attack.after.png"]


def test_the_picture_shows_pixels_before_and_after(rng):
    engine = PictureEngine(rng.normal(size=(3, 6)))
    samples = pictures(rng.integers(60, 200, (2, 6)))
    recorded = run_search(engine, samples)
    assert list_drawable_sites(recorded, Style()) == ["x"]
    source = build_picture_source(recorded, Samples({}), 1, "x")
    np.testing.assert_array_equal(source.search.before, samples.pixels["x"][1])
    np.testing.assert_array_equal(source.search.after, recorded.values["x"][1])
    assert source.layout.is_search
    assert "class" in source.search.titles[0]


def test_what_many_searches_share_is_not_lost_when_they_are_joined(engine, table):
    first_sample = table.extract_sample(0)
    joined = join_samples([first_sample, table.extract_sample(1)])
    request = SearchRequest((GOAL,), (parse_target("auto"),), OptimizeRequest(GOAL.goal))
    (part,) = search_batch(engine, joined, request)
    first = build_map([part.select_row(0)], first_sample, FACTS)
    alone = run_search(engine, first_sample)
    for name in alone.values:
        np.testing.assert_array_equal(first.values[name], alone.values[name])


def test_an_animation_goes_from_the_input_to_the_result(rng):
    engine = PictureEngine(rng.normal(size=(3, 6)))
    samples = replace(pictures(rng.integers(60, 200, (1, 6))), many=False)
    goal = GoalRequest(Attack(step=3.0, signs=True), "attack", "")
    request = SearchRequest((goal,), (parse_target("auto"),), OptimizeRequest(goal.goal))
    (part,) = search_batch(engine, samples, request, keeps_frames=True)
    (film,) = part.select_row(0).frames
    assert len(film["x"]) > 1
    assert all(frame.shape == (1, 6, 1) and frame.dtype == np.uint8 for frame in film["x"])
    recorded = build_map([part.select_row(0)], samples, FACTS)
    files = collect(
        build_search_files(
            MapFiles("a.png.attack"), recorded, samples, is_table=False, frames=part.frames
        )
    )
    with Image.open(io.BytesIO(files["a.png.attack.gif"])) as animation:
        assert animation.is_animated
        first = np.asarray(animation.convert("RGB"))
        animation.seek(animation.n_frames - 1)
        last = np.asarray(animation.convert("RGB"))
    for shown, pixels in ((first, samples.pixels["x"][0]), (last, recorded.values["x"][0])):
        step = shown.shape[1] // pixels.shape[1]
        assert np.abs(shown[::step, ::step, :1].astype(int) - pixels).max() <= 2  # a palette
