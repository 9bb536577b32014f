"""Blurred pictures, baselines from files, and means over several."""

import numpy as np
import pytest

from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.preprocessing import get_preset
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import InputgradError, ItemError, UsageError
from inputgrad_cli.explanation.batch_attribution import explain_batch
from inputgrad_cli.explanation.request import ExplainRequest, MethodRequest
from inputgrad_cli.formats.baseline_files import read_baseline
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.methods import methods
from inputgrad_cli.numeric.array_helpers import count_rows
from inputgrad_cli.numeric.blur import blur
from tests.formula_engines import Spy, quadratic

W = np.array([2.0, -1.0, 0.5])
X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]], np.float32)
ROWS = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [-1.0, 2.0, 0.5]], np.float32)


def test_a_flat_picture_stays_flat():
    flat = np.full((2, 5, 7, 3), 4.0, np.float32)
    np.testing.assert_allclose(blur(flat, 3.0, (1, 2)), flat, rtol=1e-6)


def test_a_dot_becomes_a_gaussian():
    dot = np.zeros((1, 41, 41, 1), np.float32)
    dot[0, 20, 20, 0] = 1
    blurred = blur(dot, 2.0, (1, 2))[0, :, :, 0]
    away = np.arange(41) - 20.0
    bell = np.exp(-(away**2) / 8)
    np.testing.assert_allclose(blurred, np.outer(bell, bell) / bell.sum() ** 2, atol=1e-6)


def test_blur_keeps_the_mean_and_ends_in_it():
    x = np.random.default_rng(0).normal(size=(1, 8, 6, 2)).astype(np.float32)
    mean = x.mean(axis=(1, 2))
    np.testing.assert_allclose(blur(x, 1.7, (1, 2)).mean(axis=(1, 2)), mean, atol=1e-6)
    np.testing.assert_allclose(
        blur(x, 50.0, (1, 2)), np.broadcast_to(mean[:, None, None], x.shape), atol=1e-5
    )


def test_no_blur_is_the_picture_and_little_blur_is_near():
    x = np.random.default_rng(0).normal(size=(1, 8, 6, 2)).astype(np.float32)
    np.testing.assert_array_equal(blur(x, 0, (1, 2)), x)
    np.testing.assert_allclose(blur(x, 0.1, (1, 2)), x, atol=1e-6)


def test_channels_first_pictures_are_blurred_along_height_and_width():
    from dataclasses import replace

    x = np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)
    preprocess = replace(get_preset("raw", "option"), channels_first=True)
    blurred = baselines.build("blur:sigma=2").make(x, "x", [b"k"], preprocess)
    np.testing.assert_array_equal(np.moveaxis(blurred, 1, 3), blur(np.moveaxis(x, 1, 3), 2, (1, 2)))


def test_a_blurred_table_is_refused():
    with pytest.raises(UsageError, match="picture"):
        baselines.build("blur").make(X, "x", [b"a", b"b"], None)


@pytest.mark.parametrize("text", ["blur:sigma=-1", "file", "dataset", "file:path=", "blur:std=1"])
def test_baselines_that_make_no_sense_are_refused(text):
    with pytest.raises(UsageError):
        baselines.build(text)


def given(tmp_path, kind, array, port=None):
    np.save(tmp_path / "b.npy", array)
    options = ReadOptions((port or InputSpec("x", (3,)),), get_preset("raw", "option"))
    return read_baseline(baselines.build(f"{kind}:path='{tmp_path / 'b.npy'}'"), options)


def test_files_of_baselines_are_read_as_inputs_are(tmp_path):
    np.testing.assert_array_equal(given(tmp_path, "dataset", ROWS)["x"], ROWS)
    np.testing.assert_array_equal(given(tmp_path, "file", ROWS[1])["x"], ROWS[1:2])
    assert (
        read_baseline(baselines.build("zeros"), ReadOptions((), get_preset("raw", "option"))) == {}
    )


@pytest.mark.parametrize(
    ("kind", "array", "word"),
    [
        ("file", ROWS, "dataset:path="),
        ("dataset", ROWS[:, :2], "shape"),
        ("dataset", ROWS * np.nan, "NaN"),
        ("dataset", ROWS[:0], "no sample"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, kind, array, word):
    with pytest.raises(UsageError, match=word) as error:
        given(tmp_path, kind, array)
    assert f"--baseline {kind}:path=" in error.value.message


def test_a_missing_file_is_named():
    with pytest.raises(UsageError, match="No such file"):
        read_baseline(
            baselines.build("file:path=nothing.npy"),
            ReadOptions((InputSpec("x", (3,)),), get_preset("raw", "")),
        )


def explain(text, engine, baseline, **arrays):
    method = methods.build(text)
    chosen = None if baseline is None else baselines.build(baseline)
    question = ExplainRequest(
        (MethodRequest(method, method.name, text),), baseline=chosen, baseline_samples=arrays
    )
    return explain_batch(engine, Samples({"x": X}), question)[0]


@pytest.fixture
def engine():
    """Return a quadratic that notes what it was asked."""
    return Spy(quadratic(W))


def test_a_baseline_from_a_file_is_compared_with(engine):
    answer = explain("integrated-gradients:steps=4", engine, "file:path=b.npy", x=ROWS[2:])
    np.testing.assert_allclose(answer.values["x"], W * (X**2 - ROWS[2] ** 2), rtol=1e-5, atol=1e-6)


def test_attributions_are_averaged_over_all_samples_of_a_dataset(engine):
    """On w x^2 against each b it is w (x^2 - b^2): the mean has the mean of b^2."""
    answer = explain("integrated-gradients:steps=4", engine, "dataset:path=b.npy", x=ROWS)
    expected = W * (X**2 - (ROWS**2).mean(axis=0))
    np.testing.assert_allclose(answer.values["x"], expected, rtol=1e-5, atol=1e-6)
    for row, record in enumerate(answer.records):
        check = record.checks["completeness"]
        assert record.baseline_score == pytest.approx((ROWS**2 @ W).mean(), rel=1e-5)
        assert check["difference"] == pytest.approx(expected[row].sum(), rel=1e-4)
        assert check["ok"]
        assert check["steps"] == 4 * len(ROWS)
    assert len(engine.derived) == 4 * len(ROWS) * len(X)


def test_methods_without_a_baseline_are_not_repeated(engine):
    answer = explain("smoothgrad:samples=5", engine, "dataset:path=b.npy", x=ROWS)
    assert len(engine.derived) == 5 * len(X)
    assert answer.records[0].checks["standard_error"]["samples"] == 5
    assert set(answer.records[0].checks["standard_error"]) == {"mean", "relative", "samples"}


def test_noisy_copies_against_a_dataset(engine):
    text = 'smoothgrad:samples=2,noise=0,of="integrated-gradients:steps=4"'
    answer = explain(text, engine, "dataset:path=b.npy", x=ROWS)
    np.testing.assert_allclose(
        answer.values["x"], W * (X**2 - (ROWS**2).mean(axis=0)), rtol=1e-5, atol=1e-6
    )
    assert answer.records[0].checks["standard_error"]["mean"] == 0


def test_a_file_without_the_site_is_an_error_of_the_item(engine):
    with pytest.raises(ItemError, match="'x'"):
        explain("integrated-gradients", engine, "file:path=b.npy", y=ROWS)
    with pytest.raises(InputgradError, match="shape"):
        explain("integrated-gradients", engine, "file:path=b.npy", x=ROWS[:, :2])


def test_only_random_methods_record_a_standard_error(engine):
    answer = explain("gradient", engine, None)
    assert "standard_error" not in answer.records[0].checks
    assert count_rows(answer.values) == 2


@pytest.fixture
def files(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1)])
    model.set_weights([np.array([[1.0], [-2.0], [3.0], [0.5]]), np.array([7.0])])
    model.save(tmp_path / "linear.keras")
    np.save(tmp_path / "x.npy", np.array([0.5, 1.0, -1.0, 2.0], np.float32))
    np.save(tmp_path / "many.npy", np.arange(8, dtype=np.float32).reshape(2, 4))
    return tmp_path


def test_a_dataset_on_the_command_line(call, files):
    from inputgrad_cli.formats.read_attribution import read_result

    words = ("saliency", "linear.keras", "x.npy", "-m", "integrated-gradients:steps=1")
    result = call(*words, "--baseline", f"dataset:path='{files / 'many.npy'}'")
    assert result.code == 0, result.err
    attribution = read_result(files / "inputgrad-out/x.npy.integrated-gradients.npz")
    expected = (np.array([0.5, 1, -1, 2]) - [2, 3, 4, 5]) * [1, -2, 3, 0.5]
    np.testing.assert_allclose(attribution.values["x"], expected, rtol=1e-5)
    assert attribution.metadata["baseline"] == "dataset:path=many.npy"  # no path of this machine
    np.save(files / "many.npy", np.zeros((2, 4), np.float32))
    again = call(*words, "--baseline", f"dataset:path='{files / 'many.npy'}'")
    assert again.code == 0
    attribution = read_result(files / "inputgrad-out/x.npy.integrated-gradients.npz")
    np.testing.assert_allclose(attribution.values["x"], [0.5, -2, -3, 1], rtol=1e-5)


@pytest.mark.parametrize("text", ["file:path=nothing.npy", "file:path=many.npy", "blur"])
def test_baselines_that_cannot_be_are_wrong_usage(call, files, text):
    result = call(
        "saliency", "linear.keras", "x.npy", "-m", "integrated-gradients", "--baseline", text
    )
    assert result.code == 2
    assert "Traceback" not in result.err


def test_results_hold_the_standard_error(call, files):
    from inputgrad_cli.formats.read_attribution import read_result

    assert call("saliency", "linear.keras", "x.npy", "-m", "vargrad:samples=4").code == 0
    checks = read_result(files / "inputgrad-out/x.npy.vargrad.npz").metadata["checks"]
    assert checks["standard_error"] == {"mean": 0.0, "relative": 0.0, "samples": 4}


@pytest.mark.parametrize(
    ("method", "mend"),
    [
        ("expected-gradients", "--baseline dataset:path=FILE"),
        ("gradient-shap", "--baseline dataset:path=FILE"),
        ("blur-integrated-gradients", "--wrt"),
    ],
)
def test_what_a_method_needs_is_wrong_usage_when_missing(call, files, method, mend):
    result = call("saliency", "linear.keras", "x.npy", "-m", method)
    assert result.code == 2
    assert mend in result.err
    assert "Traceback" not in result.err


def test_a_drawn_baseline_of_a_line_on_the_command_line(call, files):
    """Of one sample 0, 1, 2, 3, a linear model has w (x - b) at every draw."""
    from inputgrad_cli.formats.read_attribution import read_result

    np.save(files / "one.npy", np.arange(4, dtype=np.float32)[np.newaxis])
    words = ("saliency", "linear.keras", "x.npy", "--baseline", "dataset:path=one.npy")
    methods = ("-m", "expected-gradients:samples=3", "-m", "guided-integrated-gradients")
    result = call(*words, *methods, "-m", "integrated-directional-gradients:steps=2", "--strict")
    assert result.code == 0, result.err
    expected = (np.array([0.5, 1, -1, 2]) - np.arange(4)) * [1, -2, 3, 0.5]
    for name in ("expected-gradients", "guided-integrated-gradients"):
        values = read_result(files / f"inputgrad-out/x.npy.{name}.npz").values["x"]
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)
    attribution = read_result(files / "inputgrad-out/x.npy.integrated-directional-gradients.npz")
    squares = np.array([1, 4, 9, 0.25])
    np.testing.assert_allclose(
        attribution.values["x"], squares / squares.sum() * expected.sum(), rtol=1e-4
    )


def test_a_blurred_picture_on_the_command_line(call, samples):
    import json

    picture = samples / "inputs/shapes/00-cross.png"
    result = call(
        *("saliency", samples / "shapes.keras", picture, "--json", "--picture", "none"),
        *("-m", "blur-integrated-gradients", "-m", "integrated-gradients:steps=8"),
        *("--baseline", "blur:sigma=50"),
    )
    assert result.code == 0, result.err
    maps = [e for e in map(json.loads, result.out.splitlines()) if e["type"] == "item"]
    first, second = (item["checks"]["completeness"]["difference"] for item in maps)
    assert first == pytest.approx(second, rel=1e-5)  # both start at the same blurred picture
