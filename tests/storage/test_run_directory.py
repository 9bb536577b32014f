"""A finished run read back: each map with its journal line, its arrays and its inputs."""

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import BusyError, ItemError, UsageError
from inputgrad_cli.storage.record_errors import InvalidRecord
from inputgrad_cli.storage.run_directory import RunDirectory
from tests.faults.conftest import draw
from tests.faults.engine import WHITE

STEMS = [f"{name}.png.{method}" for name in "ab" for method in ("gradient", "input-x-gradient")]


@pytest.fixture
def out(tool, folder, monkeypatch):
    """Make a run of two pictures and two methods, and return its directory."""
    monkeypatch.chdir(folder)
    for seed, name in enumerate("ab"):
        draw(folder / f"{name}.png", seed)
    words = ["saliency", "m.keras", "a.png", "b.png", "-o", "out", "--picture", "panel"]
    assert tool(*words, "-m", "gradient", "-m", "input-x-gradient").code == 0
    return folder / "out"


def read_pixels(path):
    return np.asarray(Image.open(path), np.float64)


def compute_gradient(x):
    """Return the gradient of sum w -log(1 - (x/255)^2), with w = 1, 2, ..., 7, 1, 2, ..."""
    weights = np.arange(x.size).reshape(x.shape) % 7 + 1
    return weights * 2 * x / (WHITE**2 - x**2)


def test_a_map_is_read_back_with_its_line_its_arrays_and_its_inputs(out, folder):
    stored = RunDirectory.open(out).get_map("b.png.input-x-gradient")
    x = read_pixels(folder / "b.png")
    assert (stored.line["input"], stored.line["method"]) == ("b.png", "input-x-gradient")
    assert stored.run["model"]["path"] == "m.keras"
    ((name, attribution),) = stored.yield_arrays()
    assert name == stored.files.arrays == "b.png.input-x-gradient.npz"
    np.testing.assert_allclose(attribution.values["picture"][0], x * compute_gradient(x), rtol=1e-5)
    assert np.array_equal(stored.read_inputs(attribution).arrays["picture"], x[np.newaxis])


def test_all_maps_come_in_the_order_of_the_journal(out, folder):
    directory = RunDirectory.open(out)
    assert [stored.stem for stored in directory.yield_maps()] == STEMS
    gradients = directory.yield_maps(lambda line: line["method"] == "gradient")
    for name, stored in zip("ab", gradients, strict=True):
        ((_, attribution),) = stored.yield_arrays()
        expected = compute_gradient(read_pixels(folder / f"{name}.png"))
        np.testing.assert_allclose(attribution.values["picture"][0], expected, rtol=1e-5)


def test_a_map_is_due_where_its_pictures_have_another_style_or_are_gone(out):
    stored = RunDirectory.open(out).get_map(STEMS[0])
    assert stored.style == Style(kind="panel")
    assert not stored.is_due(Style(kind="panel"))
    assert stored.is_due(Style(kind="heatmap"))
    (out / f"{STEMS[0]}.png").unlink()
    assert stored.is_due(Style(kind="panel"))


def test_maps_of_two_shards_have_the_record_of_their_own_shard(tool, folder):
    names = [f"{letter}.png" for letter in "abcdefgh"]
    for seed, name in enumerate(names):
        draw(folder / name, seed)
    for shard in ("0/2", "1/2"):
        assert tool("saliency", "m.keras", *names, "-o", "out", "--shard", shard).code == 0
    directory = RunDirectory.open(folder / "out")
    stored_maps = list(directory.yield_maps())
    assert sorted(stored.line["input"] for stored in stored_maps) == names
    shards = [stored.run["shard"]["number"] for stored in stored_maps]
    assert sorted(set(shards)) == [0, 1]
    for stored, shard in zip(stored_maps, shards, strict=True):
        assert (folder / f"out/journal.{shard}-of-2.jsonl").read_text().count(stored.stem)


def test_an_input_that_has_changed_is_refused(out, folder):
    stored = RunDirectory.open(out).get_map(STEMS[0])
    ((_, attribution),) = stored.yield_arrays()
    draw(folder / "a.png", seed=9)
    with pytest.raises(ItemError, match="has changed"):
        stored.read_inputs(attribution)


def test_arrays_that_are_not_those_of_the_line_are_refused(out):
    (out / f"{STEMS[0]}.npz").write_bytes((out / f"{STEMS[1]}.npz").read_bytes())
    stored = RunDirectory.open(out).get_map(STEMS[0])
    with pytest.raises(ItemError, match="journal line"):
        list(stored.yield_arrays())


def test_a_directory_without_a_run_is_refused_and_not_created(folder):
    with pytest.raises(UsageError, match="holds no run"):
        RunDirectory.open(folder)
    with (
        pytest.raises(UsageError, match="holds no run"),
        RunDirectory.open_locked(folder / "absent"),
    ):
        pass
    assert not (folder / "absent").exists()


def test_a_locked_run_lets_no_other_writer_in(out):
    with RunDirectory.open_locked(out) as directory:
        assert directory.is_locked
        with pytest.raises(BusyError), RunDirectory.open_locked(out, allow_read_only=True):
            pass
    with RunDirectory.open_locked(out) as directory:
        assert directory.get_map(STEMS[0]).stem == STEMS[0]
    assert not RunDirectory.open(out).is_locked


def test_records_that_cannot_be_read_are_raised_or_collected(out):
    (out / "run.json").write_text("{}")
    with pytest.raises(UsageError, match=r"run\.json"):
        RunDirectory.open(out)
    invalid: list[InvalidRecord] = []
    directory = RunDirectory.open(out, invalid)
    assert {record.location for record in invalid} == {"run.json"}
    stored = directory.get_map(STEMS[0])
    assert stored.run is None
    ((_, attribution),) = stored.yield_arrays()
    with pytest.raises(ItemError, match="no record"):
        stored.read_inputs(attribution)


def test_a_journal_of_wrong_lines_is_not_listed_to_its_end(out):
    with open(out / "journal.jsonl", "ab") as journal:
        journal.write(b"{}\n" * 300_000)
    invalid = []
    RunDirectory.open(out, invalid)
    assert 10_000 < len(invalid) < 10_100
    assert "are not read" in invalid[-1].message
    assert len(RunDirectory.open(out, []).journal.lines) == len(STEMS)
