"""optimize(): what is reported of pictures, tables and series is what Keras says of the result."""

import json
from functools import partial

import keras
import numpy as np
import pytest
from PIL import Image

import inputgrad_cli as ig
from inputgrad_cli import api
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.optimization.engine_objective import EngineObjective
from inputgrad_cli.optimization.goals import goals
from inputgrad_cli.optimization.points_to_inputs import build_space
from inputgrad_cli.optimization.request import OptimizeRequest
from inputgrad_cli.optimization.success_criterion_builder import build_aim
from inputgrad_cli.optimization.unperturbed_pass_cache import CleanInputs
from inputgrad_cli.python_api.model_and_samples import read_item, to_samples

L = keras.layers
PICTURES = ("06-cross", "08-circle", "09-square")
SHAPES = ("circle", "square", "triangle", "star", "cross")


@pytest.fixture(scope="module")
def shapes(samples):
    return api.load(samples / "shapes.keras", traced=True)


@pytest.fixture(scope="module")
def judge(samples):
    """Return what Keras itself says of pixels (N, H, W, 3): the probabilities."""
    model = keras.saving.load_model(samples / "shapes.keras")
    return lambda pixels: np.asarray(model(np.asarray(pixels, np.float32), training=False))


def picture(samples, name):
    return samples / "inputs" / "shapes" / f"{name}.png"


def pixels_of(path):
    return np.asarray(Image.open(path).convert("RGB"), np.float32)


@pytest.mark.parametrize("name", PICTURES)
def test_pgd_changes_the_class_within_8_levels(samples, shapes, judge, name):
    path = picture(samples, name)
    result = ig.optimize(shapes, path, goal="pgd:eps=8/255")
    (sample,) = result.samples
    (pixels,) = result.values.values()
    clean = pixels_of(path)
    assert sample.search == "success"
    assert pixels.shape == clean.shape
    assert (pixels == np.rint(pixels)).all()
    assert np.abs(pixels - clean).max() == sample.distances.linf <= 8
    np.testing.assert_array_equal(next(iter(result.changes.values())), pixels - clean)
    before, after = judge([clean, pixels])
    assert sample.before.label == name[3:] == SHAPES[before.argmax()]
    assert sample.after.label == SHAPES[after.argmax()] != sample.before.label
    assert sample.after.probability == pytest.approx(after.max(), rel=1e-3)
    assert not result.many
    assert sample.cost.gradient_calls <= 41


def test_fgsm_moves_every_value_by_the_radius_or_to_a_bound(samples, shapes, judge):
    path = picture(samples, PICTURES[0])
    result = ig.optimize(shapes, path, goal="fgsm:eps=2/255")
    (pixels,), clean = result.values.values(), pixels_of(path)
    moved = np.abs(pixels - clean) == 2
    assert (moved | (pixels == clean) | (pixels == 0) | (pixels == 255)).all()
    assert moved.mean() > 0.9
    (sample,) = result.samples
    z = np.log(judge([pixels])[0].astype(np.float64))
    own = SHAPES.index(PICTURES[0][3:])
    assert sample.after.score == pytest.approx(np.delete(z, own).max() - z[own], abs=0.01)
    assert sample.search == ("success" if z.argmax() != own else "failed")


def test_a_wrong_prediction_is_not_attacked(samples, shapes):
    result = ig.optimize(shapes, picture(samples, "06-cross"), goal="pgd", truth=0)
    (sample,) = result.samples
    assert (sample.search, sample.cost.gradient_calls) == ("already", 0)
    assert not next(iter(result.changes.values())).any()
    right = ig.optimize(shapes, picture(samples, "06-cross"), goal="fgsm", truth=4)
    assert right.samples[0].search != "already"


def test_a_target_is_reached_and_its_own_class_already(samples, shapes, judge):
    path = picture(samples, "06-cross")
    result = ig.optimize(shapes, path, goal="apgd:eps=16/255", target="class:star")
    (sample,) = result.samples
    assert sample.search == "success"
    (pixels,) = result.values.values()
    assert SHAPES[judge([pixels])[0].argmax()] == "star" == sample.after.label
    own = ig.optimize(shapes, path, goal="pgd", target="class:cross")
    assert own.samples[0].search == "already"


def test_pixels_outside_of_the_mask_stay(samples, shapes):
    path = picture(samples, "08-circle")
    where = np.zeros((64, 64), bool)
    where[10:20, 30:50] = True
    result = ig.optimize(shapes, path, goal="fgsm:eps=8/255", where=where)
    (change,) = result.changes.values()
    assert not change[~where].any()
    assert change[where].any()


def test_a_search_from_noise_makes_a_picture(shapes):
    result = ig.optimize(shapes, None, goal="maximize:steps=12", target="class:circle")
    (pixels,), (sample,) = result.values.values(), result.samples
    assert pixels.shape == (64, 64, 3)
    assert (pixels == np.rint(pixels)).all()
    assert pixels.std() > 1
    assert sample.after.score > sample.before.score


def test_the_record_is_json_without_paths(samples, shapes):
    result = ig.optimize(shapes, picture(samples, "06-cross"), goal="fgsm:as=quick", seed=3)
    text = json.dumps(result.metadata, allow_nan=False)
    assert str(samples) not in text
    assert result.metadata["goal"]["name"] == "fgsm"
    assert result.metadata["goal"]["label"] == "quick"
    assert result.metadata["seed"] == 3
    assert len(result.metadata["samples"]) == 1
    assert result.samples[0].trace.shape[1] == 5


def linear_pictures(tmp_path, shape):
    """Save a model of pictures whose logits are linear, so that differences are exact."""
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input(shape, name="x"), L.Flatten(), L.Dense(3), L.Softmax()])
    path = tmp_path / "linear.keras"
    model.save(path)
    return api.load(path)


@pytest.mark.parametrize("preset", ["raw", "unit", "tf", "caffe", "torch"])
@pytest.mark.parametrize("shape", [(9, 8, 3), (3, 9, 8)], ids=["last", "first"])
def test_gradients_of_pixels_are_those_of_finite_differences(tmp_path, shape, preset, rng):
    pixels = rng.integers(0, 256, (9, 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    model = linear_pictures(tmp_path, shape)
    item = read_item(model, partial(to_samples, tmp_path / "a.png"), preset, ())
    model.calibrate(item.samples)
    space = build_space(model.engine, item.samples)
    request = OptimizeRequest(goals.build("fgsm"), parse_target("unit:1"), direction="up")
    aim, _ = build_aim(CleanInputs(model.engine, space), request)
    objective, rows = EngineObjective(model.engine, space, aim), np.array([0])
    gradient = objective.compute_gradients(space.start, rows).gradients[0]
    for column in rng.choice(space.start.size, 8, replace=False):
        ends = []
        for value in (0, 255):
            point = space.start.copy()
            point[0, column] = value
            ends.append(objective.compute_scores(point, rows)[0])
        slope = (ends[1] - ends[0]) / 255
        assert slope == pytest.approx(gradient[column], abs=1e-4 * float(np.abs(gradient).max()))


def test_one_sigmoid_unit_is_attacked_from_both_sides(tmp_path):
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,), name="x"), L.Dense(1, activation="sigmoid")])
    model.save(tmp_path / "binary.keras")
    x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    result = ig.optimize(tmp_path / "binary.keras", x, goal="pgd:eps=5")
    before, after = (np.asarray(model(v))[:, 0] >= 0.5 for v in (x, result.values["x"]))
    assert result.many
    assert set(before) == {False, True}
    np.testing.assert_array_equal(before, ~after)
    for sample, label in zip(result.samples, after, strict=True):
        assert sample.search == "success"
        assert sample.after.label == f"class {int(label)}"
        assert sample.after.probability >= 0.5
        assert sample.distances.linf <= 5


def test_a_regression_is_moved_past_a_value_with_frozen_columns(samples):
    path = samples / "inputs" / "sequential.csv"
    model = api.load(samples / "sequential.keras")
    rows = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float32)
    result = ig.optimize(
        model, path, goal="counterfactual", until=1.5, freeze=("f0", "f4"), data=path
    )
    reference = keras.saving.load_model(samples / "sequential.keras")
    moved = next(iter(result.values.values()))
    np.testing.assert_array_equal(moved[:, [0, 4]], rows[:, [0, 4]])
    before, after = (np.asarray(reference(v))[:, 0] for v in (rows, moved))
    reached = np.array([sample.search == "success" for sample in result.samples])
    assert reached.sum() >= 4
    crossed = np.where(before < 1.5, after >= 1.5 - 1e-5, after <= 1.5 + 1e-5)
    assert crossed[reached].all()
    assert (moved >= np.minimum(rows, rows.min(axis=0))).all()
    assert (moved <= np.maximum(rows, rows.max(axis=0))).all()


def test_an_attack_on_a_regression_needs_a_direction(samples):
    model, x = api.load(samples / "sequential.keras"), np.zeros((1, 10), np.float32)
    with pytest.raises(UsageError, match="no classes to leave"):
        ig.optimize(model, x, goal="fgsm:eps=0.1")
    down = ig.optimize(model, x, goal="fgsm:eps=0.1", direction="down")
    reference = keras.saving.load_model(samples / "sequential.keras")
    values = np.asarray(reference(np.stack([x[0], next(iter(down.values.values()))[0]])))[:, 0]
    assert values[1] < values[0]
    assert down.samples[0].after.score == pytest.approx(-values[1], rel=1e-5)


def test_an_anomaly_is_repaired_until_its_loss_is_normal(samples):
    windows = np.load(samples / "inputs" / "sensors_fault.npy")[:2]
    model = api.load(samples / "sensors.keras", traced=True)
    reference = keras.saving.load_model(samples / "sensors.keras")

    def losses(x):
        return np.square(np.asarray(reference(x)) - x).reshape(len(x), -1).mean(axis=1)

    until = float(losses(windows).min() / 2)
    result = ig.optimize(
        model,
        windows,
        goal="reconstruct:steps=150,bisections=2",
        target="loss:reconstruction",
        until=until,
    )
    repaired = next(iter(result.values.values()))
    assert {sample.search for sample in result.samples} == {"success"}
    assert (losses(repaired) <= until * (1 + 1e-5)).all()


def test_one_of_two_inputs_moves_alone(samples):
    data = np.load(samples / "inputs" / "two_inputs.npz")
    inputs = {name: data[name] for name in data.files}
    model = api.load(samples / "two_inputs.keras")
    for asked in ({"wrt": "input_a"}, {"freeze": ("input_b",)}):
        result = ig.optimize(model, inputs, goal="fgsm:eps=0.1", direction="up", **asked)
        assert np.abs(result.changes["input_a"]).max() == pytest.approx(0.1)
        assert "input_b" not in result.changes or not result.changes["input_b"].any()


def test_a_model_of_whole_numbers_is_refused_by_the_name_of_its_input(tmp_path):
    ids = keras.Input((5,), dtype="int32", name="ids")
    pooled = L.GlobalAveragePooling1D()(L.Embedding(7, 3)(ids))
    keras.Model(ids, L.Dense(2, activation="softmax")(pooled)).save(tmp_path / "m.keras")
    for model in (tmp_path / "m.keras", api.load(tmp_path / "m.keras")):
        with pytest.raises(UsageError, match="no input can be moved; 'ids' holds whole numbers"):
            ig.optimize(model, np.zeros((1, 5), np.int32), goal="fgsm:eps=0.1")


def test_probabilities_without_logits_are_warned_about(tmp_path):
    x = keras.Input((4,), name="x")
    e = keras.ops.exp(L.Dense(3)(x))
    keras.Model(x, e / keras.ops.sum(e, axis=-1, keepdims=True)).save(tmp_path / "m.keras")
    values = np.ones((1, 4), np.float32)
    with pytest.warns(UserWarning, match="not its logits"):
        ig.optimize(tmp_path / "m.keras", values, goal="fgsm:eps=0.1")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"goal": "fgms"}, "did you mean 'fgsm'?"),
        ({"goal": 3}, "goal is a int"),
        ({"direction": "left"}, "direction='left'"),
        ({"until": "x"}, "until is neither"),
        ({"ranges": {"a": 3}}, r"ranges\['a'\] is not a pair"),
        ({"target": "top:2"}, "one target at a time"),
        ({"goal": "fgsm:eps=8"}, "write 8/255"),
        ({"where": np.ones((3, 3))}, "mask of values that may move"),
        ({"truth": 7}, "from 0 to 4"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(samples, shapes, asked, sentence):
    with pytest.raises(UsageError, match=sentence):
        ig.optimize(shapes, picture(samples, "06-cross"), **{"goal": "fgsm", **asked})


def test_an_input_that_cannot_be_read_is_its_own_error(samples, shapes, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ItemError, match=r"a\.png"):
        ig.optimize(shapes, tmp_path / "a.png", goal="fgsm")
