"""The machine stream of --json: strict, ordered, whole."""

import numpy as np
import pytest
from PIL import Image

from tests.cli import draw, items, stream

ITEM = {"type", "input", "path", "sample", "method", "target", "space", "score", "probability"}
ITEM |= {"arrays", "picture", "status", "checks", "seconds"}


@pytest.fixture
def shapes(samples):
    return samples / "shapes.keras"


@pytest.fixture
def table(samples):
    return samples / "sequential.keras", samples / "inputs/sequential.npy"


def kinds(result):
    return [line["type"] for line in stream(result)]


def test_start_first_summary_last(call, table):
    result = call("saliency", *table, "--json")
    assert kinds(result) == ["start", *["item"] * 8, "summary"]
    start, *_, end = stream(result)
    assert set(start) == {"type", "schema", "version", "model", "items"}
    assert start["schema"] == 1
    assert set(end) == {"type", "ok", "failed", "skipped", "seconds", "exit"}
    assert (end["ok"], end["failed"], end["skipped"], end["exit"]) == (8, 0, 0, 0)


def test_an_item_has_the_contracts_fields_and_no_others(call, shapes, tmp_path):
    draw(tmp_path / "cats/a.png")
    result = call("saliency", shapes, "cats", "--json", "-m", "integrated-gradients")
    (item,) = items(result)
    assert set(item) == ITEM
    assert item["input"] == "a.png"
    assert item["path"] == "cats/a.png"
    assert item["sample"] is None
    assert item["method"] == "integrated-gradients"
    assert set(item["target"]) == {"asked", "output", "index", "label"}
    assert item["target"]["asked"] == "auto"
    assert item["target"]["output"] == "shape"
    assert item["space"] == "logit"
    assert item["arrays"] == "inputgrad-out/a.png.integrated-gradients.npz"
    assert item["picture"] == "inputgrad-out/a.png.integrated-gradients.png"
    assert item["status"] == "ok"
    assert set(item["checks"]) == {"finite", "zero", "completeness"}
    completeness = item["checks"]["completeness"]
    assert set(completeness) == {"sum", "difference", "gap", "steps", "ok"}
    assert item["seconds"] >= 0


def test_the_probability_is_that_of_the_models_own_output(call, shapes, samples):
    import keras

    from inputgrad_cli.formats.readers import READERS

    folder = samples / "inputs/shapes"
    maps = items(call("saliency", shapes, folder, "--json", "-t", "top:2", "--picture", "none"))
    model = keras.models.load_model(shapes, compile=False)
    pictures = tuple(suffix for suffix, reader in READERS.items() if reader.kind == "image")
    for item in maps:
        assert item["path"].endswith(pictures)
        pixels = np.asarray(Image.open(item["path"]), np.float32)[None]
        expected = float(np.asarray(model(pixels))[0, item["target"]["index"][0]])
        assert item["probability"] == pytest.approx(expected, abs=1e-5)


def test_what_is_no_probability_is_null(call, table):
    for target in ("sum", "unit:0", "margin:0,1"):
        for item in call("saliency", *table, "--json", "-t", target).events("item"):
            assert item["probability"] is None


@pytest.mark.parametrize("named", [False, True])
def test_one_sigmoid_unit_has_a_label(call, tmp_path, named):
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
    model.set_weights([np.array([[2.0], [-1.0]]), np.array([0.5])])
    model.save(tmp_path / "one.keras")
    np.save(tmp_path / "x.npy", np.ones(2, np.float32))
    (tmp_path / "l.txt").write_text("ham\nspam\n")
    words = ("--labels", "l.txt") if named else ()
    p = 1 / (1 + np.exp(-1.5))
    names = ("ham", "spam") if named else ("class 0", "class 1")
    for target, label in (("auto", 1), ("unit:0", 1), ("class:1", 1), ("class:0", 0)):
        out = f"o-{target}".replace(":", "")
        (item,) = items(
            call("saliency", "one.keras", "x.npy", "--json", "-t", target, "-o", out, *words)
        )
        assert item["target"]["label"] == names[label]
        assert item["probability"] == pytest.approx(p if label else 1 - p, abs=1e-6)
    text = call("saliency", "one.keras", "x.npy", "-o", "text", *words).out
    assert names[1] in text
    assert f"{p:.2%}" in text


def test_completeness_stands_only_where_it_is_promised(call, table):
    for item in items(call("saliency", *table, "-m", "gradient", "-m", "smoothgrad", "--json")):
        assert set(item["checks"]) == {"finite", "zero"}


def test_the_gap_is_the_contracts_formula(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes/00-cross.png", "--json")
    (item,) = items(call("saliency", *words, "-m", "integrated-gradients:steps=10"))
    check = item["checks"]["completeness"]
    base = item["score"] - check["difference"]
    floor = max(abs(check["difference"]), 0.01 * max(abs(item["score"]), abs(base)), 1e-6)
    expected = abs(check["sum"] - check["difference"]) / floor
    assert check["gap"] == pytest.approx(expected, rel=1e-3)
    assert check["steps"] == 10


def test_samples_share_their_arrays(call, table):
    maps = items(call("saliency", *table, "--json"))
    assert [item["sample"] for item in maps] == list(range(8))
    assert {item["arrays"] for item in maps} == {"inputgrad-out/sequential.npy.gradient.npz"}
    names = [f"inputgrad-out/sequential.npy.gradient.{row}.png" for row in range(8)]
    assert [item["picture"] for item in maps] == names


@pytest.mark.parametrize("asked", ["sum", "mean", "max", "norm", "all", "loss:mse"])
def test_the_index_is_null_for_what_is_no_unit(call, table, asked):
    words = ("--truth", "1") if asked.startswith("loss") else ()
    maps = items(call("saliency", *table, "--json", "-t", asked, *words))
    assert len(maps) == 8
    if asked != "max":
        assert {item["target"]["index"] for item in maps} == {None}


def test_the_index_is_a_pair_for_a_margin(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    (item,) = items(call("saliency", shapes, "a.png", "--json", "-t", "margin:1,2"))
    assert item["target"]["index"] == [[1], [2]]


def test_a_failed_item_has_an_error_and_no_files(call, shapes, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    result = call("saliency", shapes, "a.png", "--json")
    assert kinds(result) == ["start", "item", "summary"]
    (item,) = items(result)
    assert item["status"] == "failed"
    assert set(item["error"]) == {"kind", "message"}
    assert item.get("arrays") is None
    assert item.get("picture") is None
    assert stream(result)[-1] == {**stream(result)[-1], "ok": 0, "failed": 1, "exit": 3}


def test_what_resume_skips_is_on_the_stream(call, table):
    first = call("saliency", *table, "--json")
    second = call("saliency", *table, "--json")
    assert {item["status"] for item in items(second)} == {"skipped"}
    assert stream(second)[-1]["skipped"] == len(items(second))
    assert len(items(second)) == len(items(first))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-t", "class:9"], 2),
        (["-m", "nothing"], 2),
        (["--wrt", "nothing"], 2),
        (["nowhere.npy"], 2),
        (["--device", "gpu:9"], 2),
    ],
)
def test_errors_end_with_error_and_summary(call, table, words, code):
    result = call("saliency", *table, "--json", *words)
    assert result.code == code
    *_, error, end = stream(result)
    assert set(error) == {"type", "kind", "message", "exit"}
    assert error["type"] == "error"
    assert error["exit"] == end["exit"] == code
    assert end["type"] == "summary"


def test_a_missing_model_and_an_empty_directory_end_so_too(call, table, tmp_path):
    (tmp_path / "empty").mkdir()
    for words, code in ((["nowhere.keras", table[1]], 4), ([table[0], "empty"], 5)):
        result = call("saliency", *words, "--json")
        assert result.code == code
        assert kinds(result)[-2:] == ["error", "summary"]


def test_a_failed_check_is_a_warning_with_a_code(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes/00-cross.png", "--json")
    result = call("saliency", *words, "-m", "integrated-gradients:steps=10", "--strict")
    (warning,) = [line for line in stream(result) if line["type"] == "warning"]
    assert set(warning) == {"type", "code", "message", "input"}
    assert warning["input"] == "00-cross.png"
    assert stream(result)[-1]["exit"] == 1


def test_only_the_contracts_types_even_in_a_dry_run(call, table):
    known = {"start", "item", "warning", "error", "summary"}
    assert set(kinds(call("saliency", *table, "--json", "-n"))) <= known


def test_non_finite_numbers_are_null(call, tmp_path):
    import keras

    layers = [keras.Input((2,), name="x"), keras.layers.Dense(1, activation="exponential")]
    model = keras.Sequential(layers)
    model.set_weights([np.full((2, 1), 100.0), np.zeros(1)])
    model.save(tmp_path / "exp.keras")
    np.save(tmp_path / "x.npy", np.full(2, 50, "float32"))
    result = call("saliency", "exp.keras", "x.npy", "--json")
    (item,) = items(result)
    if item["status"] == "ok":
        assert item["score"] is None
        assert item["checks"]["finite"] is False


def test_stdout_and_stderr_stay_apart(call, shapes, tmp_path):
    draw(tmp_path / "p/a.png")
    (tmp_path / "p/b.png").write_text("no picture")
    result = call("saliency", shapes, "p")
    assert result.out.count("\n") == 1
    assert "a.png" in result.out
    assert "b.png" not in result.out
    assert "b.png" in result.err


def test_a_line_of_text_holds_input_label_score_probability_picture(call, samples):
    picture = samples / "inputs/shapes/00-cross.png"
    (line,) = call("saliency", samples / "shapes.keras", picture).out.splitlines()
    for word in ("00-cross.png", "cross", "8.46", "99.99", "inputgrad-out/00-cross.png.gradient."):
        assert word in line


def test_quiet_says_nothing_when_all_is_well(call, samples):
    words = (samples / "shapes.keras", samples / "inputs/shapes/00-cross.png", "-q")
    result = call("saliency", *words, "-m", "integrated-gradients:steps=10")
    assert result.err == ""
    assert result.code == 0


def test_no_colour_codes_where_nobody_watches(call, table):
    result = call("saliency", *table)
    assert "\x1b" not in result.out + result.err
