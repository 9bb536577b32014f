"""Losses as targets: one number a sample, for every loss that Keras has, and for one's own."""

import inspect

import keras
import numpy as np
import pytest

import inputgrad_cli as ig
from inputgrad_cli.data.loss_names import LOSSES, refuse_unknown_losses
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.engine.adapter.losses import Losses
from inputgrad_cli.errors import UsageError

L = keras.layers
ROWS = 3
MINE = """
import keras
from keras.losses import huber as renamed

def pinball(y, p):
    return keras.ops.mean(keras.ops.maximum(0.9 * (y - p), -0.1 * (y - p)), -1)

def total(y, p):
    return keras.ops.sum(keras.ops.square(y - p))

class Pinball(keras.losses.Loss):
    def call(self, y, p):
        return pinball(y, p)
"""


def names():
    """Return the name of every loss of Keras, function or class."""
    functions = ("get", "serialize", "deserialize")
    for name, value in vars(keras.losses).items():
        is_class = inspect.isclass(value) and value is not keras.losses.Loss
        if is_class or (inspect.isfunction(value) and name not in functions):
            yield name


def test_the_names_of_losses_are_those_of_keras():
    short = {"mse", "mae", "mape", "msle", "bce", "kld"}
    assert {*names(), *short, *map(str.upper, short)} == LOSSES
    taken = {name for name in {*LOSSES, *vars(keras.losses)} if _is_taken(name)}
    assert taken - {"Loss"} <= LOSSES


def _is_taken(name):
    try:
        return bool(keras.losses.get(name))
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("compiled", "missing"),
    [
        ("mse", None),
        (["mse", "huber"], None),
        ({"a": "mse", "b": None}, None),
        (None, None),
        ({"a": "mse", "b": "pinball"}, "pinball"),
        ([None, "pinball"], "pinball"),
        (keras.saving.serialize_keras_object(keras.losses.Huber()), None),
        (keras.saving.serialize_keras_object(keras.losses.huber), None),
        ({"class_name": "function", "config": "pinball", "module": "builtins"}, "pinball"),
        ({"class_name": "Pinball", "config": {}, "module": None}, "Pinball"),
    ],
)
def test_a_compiled_loss_is_known_by_its_name(compiled, missing):
    if missing is None:
        refuse_unknown_losses("compiled", compiled)
        return
    with pytest.raises(UsageError, match=f"loss:{missing} is not known"):
        refuse_unknown_losses("compiled", compiled)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mean_squared_eror", "mean_squared_error"),
        ("MeanSquareError", "mean_squared_error"),
        ("rmse", "mean_squared_error"),
        ("cross_entropy", "sparse_categorical_crossentropy"),
        ("mea", "mae"),
        ("reconstuction", "reconstruction"),
        ("Compiled", "compiled"),
    ],
)
def test_the_loss_that_is_meant_is_offered(typed, meant):
    with pytest.raises(UsageError, match=f"did you mean .*'loss:{meant}'"):
        refuse_unknown_losses(typed, None)


def truth_of(loss, output, rng):
    """Return labels (B, ...) of the kind that a loss takes."""
    classes = rng.integers(0, output.shape[-1], output.shape[:-1])
    return classes if loss.truth_kind == "classes" else np.eye(output.shape[-1])[classes]


REFUSED = {
    "categorical_generalized_cross_entropy": "also needs q",
    "circle": "one another",
    "Circle": "one another",
}


@pytest.mark.parametrize("shape", [(4,), (5, 4), (3, 5, 4)])
@pytest.mark.parametrize("name", list(names()))
def test_every_loss_of_keras_gives_a_score_a_sample(name, shape, rng):
    """The score is Keras's own figure for the sample alone, whoever stands beside it."""
    output = rng.uniform(0.1, 0.9, (ROWS, *shape)).astype(np.float32)
    output /= output.sum(axis=-1, keepdims=True)
    losses, choice = Losses(), ResolvedTarget("loss:" + name, "y", "loss", "output", argument=name)
    if name in REFUSED:
        if len(shape) == 1:
            truth = np.array([0, 1, 0], np.float32)
            with pytest.raises(UsageError, match=REFUSED[name]):
                losses.prepare_truth(choice, truth, output.shape)
        return
    if name.lower() == "ctc" and len(shape) != 2:
        with pytest.raises(UsageError, match="cannot be computed"):
            losses.prepare_truth(choice, np.ones((ROWS, 2), np.float32), output.shape)
        return
    truth = truth_of(losses[name], output, rng).astype(np.float32)
    if name.lower() == "ctc":
        truth = np.array([[1, 2], [2, 3], [3, 1]], np.float32)
    fitted = losses.prepare_truth(choice, truth, output.shape)
    scores = np.asarray(
        losses[name].compute_scores(keras.ops.array(fitted), keras.ops.array(output))
    )
    function = getattr(keras.losses, name)
    function = function() if inspect.isclass(function) else function
    whole = np.int32 if name.lower() == "ctc" else np.float32
    for row in range(ROWS):
        alone = function(truth[row : row + 1].astype(whole), output[row : row + 1])
        np.testing.assert_allclose(scores[row], np.mean(alone), rtol=1e-4, err_msg=str(row))


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return str(path)


def saved(tmp_path, loss):
    x = keras.Input((5,), name="x")
    model = keras.Model(x, L.Dense(1, name="y")(x))
    model.compile(loss=loss)
    model.save(tmp_path / "m.keras")
    return tmp_path / "m.keras", model


def test_a_loss_of_ones_own_is_found_by_name_by_class_and_as_compiled(tmp_path, mine, rng):
    scope = {}
    exec(MINE, scope)
    x = rng.normal(size=(2, 5)).astype(np.float32)
    expected = None
    for loss in (scope["pinball"], scope["Pinball"]()):
        path, model = saved(tmp_path, loss)
        opened = ig.load(path, code=[mine])
        y = np.asarray(model(x))[:, 0]
        expected = np.maximum(0.9 * (1 - y), -0.1 * (1 - y))
        for target in ("loss:compiled", "loss:pinball", "loss:Pinball"):
            attribution = ig.explain(opened, x, target=target, truth=1.0)
            np.testing.assert_allclose(attribution.metadata["score"], expected, rtol=1e-5)
        total = ig.explain(opened, x, target="loss:total", truth=1.0).metadata["score"]
        np.testing.assert_allclose(total, (1 - y) ** 2, rtol=1e-4)
        imported = ig.explain(opened, x, target="loss:renamed", truth=1.0).metadata["score"]
        np.testing.assert_allclose(
            imported, keras.losses.huber(np.ones((2, 1)), y[:, None]), rtol=1e-4
        )


def test_a_compiled_loss_that_is_missing_is_named_in_words(tmp_path, mine):
    scope = {}
    exec(MINE, scope)
    path, _ = saved(tmp_path, scope["pinball"])
    with pytest.raises(UsageError, match=r"loss:pinball is not known.*--code") as caught:
        ig.explain(path, np.ones((1, 5)), target="loss:compiled", truth=1.0)
    assert "{" not in str(caught.value)


@pytest.mark.parametrize("name", ["dice", "tversky", "Dice"])
def test_overlap_losses_have_the_gradient_of_the_sample(tmp_path, rng, name):
    import tensorflow as tf

    x = keras.Input((6, 6, 2), name="x")
    model = keras.Model(x, L.Conv2D(1, 3, padding="same", activation="sigmoid")(x))
    model.save(tmp_path / "seg.keras")
    pictures = rng.normal(size=(2, 6, 6, 2)).astype(np.float32)
    truth = (rng.uniform(size=(2, 6, 6, 1)) > 0.5).astype(np.float32)
    attribution = ig.explain(tmp_path / "seg.keras", pictures, target=f"loss:{name}", truth=truth)
    for row in range(2):
        picture = tf.constant(pictures[row : row + 1])
        with tf.GradientTape() as tape:
            tape.watch(picture)
            loss = tf.reduce_mean(keras.losses.get(name)(truth[row : row + 1], model(picture)))
        assert attribution.metadata["score"][row] == pytest.approx(float(loss), rel=1e-5)
        expected = tape.gradient(loss, picture).numpy()[0]
        np.testing.assert_allclose(
            attribution.values["x"][row], expected, atol=1e-5 * np.abs(expected).max()
        )
