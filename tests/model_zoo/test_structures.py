"""Several inputs and outputs, names, nesting, shapes: cases 2, 9 to 12, 24, 42 to 46, 51 to 57."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli import api
from inputgrad_cli.errors import ItemError, ModelError, UsageError
from inputgrad_cli.modelfile.preprocessing_detection.required_preprocessing import (
    find_preprocessing,
)
from tests.cli import items
from tests.keras_models import opened, plain_gradient, worst

L = keras.layers


def test_02_softmax_of_its_own_layer_in_mixed_precision(explain, rng):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layers = [L.Input((8, 8, 3)), L.Conv2D(8, 3, activation="relu"), L.Flatten(), L.Dense(3)]
        half = keras.Sequential([*layers, L.Activation("softmax", dtype="float32")])
    finally:
        keras.config.set_dtype_policy("float32")
    layers = [L.Input((8, 8, 3)), L.Conv2D(8, 3, activation="relu"), L.Flatten(), L.Dense(3)]
    full = keras.Sequential([*layers, L.Softmax()])
    full.set_weights(half.get_weights())
    x = rng.normal(size=(4, 8, 8, 3)).astype(np.float32)
    attribution = explain(half, x, target="class:1")
    expected = explain(full, x, target="class:1")
    assert attribution.metadata["space"] == "logit"
    assert "mixed_float16" in attribution.metadata["precision"]
    (a,), (b,) = attribution.values.values(), expected.values.values()
    assert worst({"x": a}, {"x": b}) < 1e-5
    rough = explain(half, x, target="class:1", precision="model")
    assert rough.metadata["precision"] == "mixed_float16"
    assert 1e-4 < worst({"x": next(iter(rough.values.values()))}, {"x": b}) < 0.5


def heads_by_key():
    x = keras.Input((4,), name="x")
    return keras.Model(
        x, {"a": L.Dense(2, name="one")(x), "b": L.Dense(3, activation="softmax", name="two")(x)}
    )


def test_09_outputs_are_named_by_key_and_never_summed(explain, rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    model = heads_by_key()
    kernel = model.get_layer("one").get_weights()[0]
    values = explain(model, x, target="a/unit:1").values["x"]
    np.testing.assert_allclose(values, np.tile(kernel[:, 1], (3, 1)), rtol=1e-5)
    with pytest.raises(UsageError, match="a/top1, b/top1"):
        explain(model, x, target="top1")


def list_model():
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    return keras.Model([a, b], L.Dense(1)(b))


def test_10_an_input_that_the_target_ignores_is_zero_and_named(explain):
    inputs = {"a": np.ones((1, 2)), "b": np.ones((1, 2))}
    attribution = explain(list_model(), inputs)
    assert attribution.metadata["disconnected"] == ["a"]
    assert np.all(attribution.values["a"] == 0)
    assert np.any(attribution.values["b"] != 0)
    with pytest.raises(ItemError, match="does not depend"):
        explain(list_model(), inputs, wrt="a")


def nested_dict():
    a, b = keras.Input((2,), name="first"), keras.Input((3,), name="second")
    return keras.Model({"x": {"a": a, "b": b}}, L.Dense(1)(L.Concatenate()([a, b])))


def test_11_nested_inputs_keep_their_path(explain):
    attribution = explain(nested_dict(), {"x/a": np.ones(2), "x/b": np.ones(3)})
    assert {n: a.shape for n, a in attribution.values.items()} == {"x/a": (2,), "x/b": (3,)}


def two_keys():
    a, b = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    return keras.Model({"left": a, "right": b}, L.Dense(1)(a) * 2.0 + L.Dense(1)(b))


def test_12_inputs_go_by_name_whatever_their_order(explain, rng):
    left, right = rng.normal(size=(2, 1, 2))
    model = two_keys()
    first = explain(model, {"left": left, "right": right}).metadata["score"]
    second = explain(model, {"right": right, "left": left}).metadata["score"]
    assert first == second
    with pytest.raises(ItemError, match="no array for input right"):
        explain(model, {"left": left})


def nested_backbone():
    base = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            L.Conv2D(6, 3, activation="relu", name="last"),
            L.MaxPooling2D(),
        ],
        name="base",
    )
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            base,
            L.GlobalAveragePooling2D(),
            L.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("traced", [False, True])
def test_24_a_layer_inside_a_nested_model_equals_replaying_the_head(explain, rng, traced):
    model = nested_backbone()
    x = rng.normal(size=(2, 16, 16, 3)).astype(np.float32)
    site = "layer:base/last"
    result = explain(model, x, target="class:2", wrt=site, traced=traced).values[site]
    base = model.layers[0]
    values = base.layers[0](x)
    with tf.GradientTape() as tape:
        tape.watch(values)
        pooled = model.layers[1](base.layers[1](values))
        score = (pooled @ model.layers[2].kernel + model.layers[2].bias)[:, 2]
    np.testing.assert_allclose(result, tape.gradient(score, values).numpy(), atol=1e-6)
    assert explain(model, x, target="class:2", wrt="layer:last").values["layer:last"].shape[1:] == (
        14,
        14,
        6,
    )


def test_24_the_input_gradient_of_a_transfer_model_equals_a_plain_tape(tmp_path, rng):
    base = keras.applications.MobileNetV2((32, 32, 3), include_top=False, weights=None, alpha=0.35)
    model = keras.Sequential([base, L.GlobalAveragePooling2D(), L.Dense(4, activation="softmax")])
    model.build((None, 32, 32, 3))
    model.save(tmp_path / "transfer.keras")
    opened_model = opened(tmp_path / "transfer.keras")
    x = rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    attribution = api.explain(opened_model, x, target="class:3")
    keras_model = opened_model.engine.adapter.model
    expected = plain_gradient(keras_model, {"x": x}, lambda y, _: y._keras_logits[:, 3])
    assert worst({"x": next(iter(attribution.values.values()))}, expected) < 1e-5


def any_size():
    x = keras.Input((None, None, 3), name="picture")
    y = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu")(x))
    return keras.Model(x, L.Dense(2)(y))


def test_42_pictures_of_any_size_need_one_trace(tmp_path, rng):
    any_size().save(tmp_path / "any.keras")
    opened_model = opened(tmp_path / "any.keras", traced=True)
    for size in (8, 9, 12):
        x = rng.normal(size=(2, size, size, 3)).astype(np.float32)
        assert api.explain(opened_model, x, target="class:0").values["picture"].shape == x.shape
    functions = opened_model.engine.runner.programs.values()
    assert max(f.experimental_get_tracing_count() for f in functions) == 1


@pytest.mark.parametrize(
    "shape", [(20, 20, 3), (16, 16, 1), (16, 16), (16, 16, 4), (2, 3, 16, 16, 3)]
)
def test_43_a_wrong_shape_is_refused_though_keras_would_take_it(explain, shape):
    layers = [keras.Input((16, 16, 3)), L.Conv2D(2, 3), L.GlobalAveragePooling2D(), L.Dense(1)]
    with pytest.raises(ItemError, match=r"\(16, 16, 3\)"):
        explain(keras.Sequential(layers), np.ones(shape, np.float32))


def channels_first(turned=False):
    """Return a model that has its channels first; `turned`, the same by a layer that has not."""
    x = keras.Input((3, 8, 8), name="picture")
    if turned:
        y = L.Conv2D(8, 3, padding="same")(L.Permute((2, 3, 1))(x))
        y = L.Permute((3, 1, 2))(y)
    else:
        y = L.Conv2D(8, 3, data_format="channels_first", padding="same")(x)
    return keras.Model(x, L.Dense(2)(L.Flatten()(L.Activation("tanh")(y))))


@pytest.fixture(params=[True, False], ids=["fused", "apart"])
def fusing(request):
    """Let TensorFlow fuse operations, or not, until the end of the test."""
    before = tf.config.optimizer.get_experimental_options().get("remapping", True)
    tf.config.optimizer.set_experimental_options({"remapping": request.param})
    yield
    tf.config.optimizer.set_experimental_options({"remapping": before})


@pytest.mark.usefixtures("fusing")
def test_44_channels_first_is_computed_as_channels_last(explain, rng):
    """Keras adds this bias along a wrong axis where nothing is fused; some kernels lack it all."""
    model = channels_first()
    model.layers[1].bias.assign(rng.normal(size=8))
    x = rng.normal(size=(2, 3, 8, 8)).astype(np.float32)
    scores = explain(model, x, target="unit:1").metadata["score"]
    turned = channels_first(turned=True)
    turned.set_weights(model.get_weights())
    last = tf.function(lambda t: turned(t, training=False))(tf.constant(x))
    np.testing.assert_allclose(scores, last[:, 1], rtol=1e-5)


def siamese():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    shared = L.Dense(2, name="shared", activation="tanh")
    return keras.Model([a, b], L.Dense(1)(shared(a) - shared(b)))


def test_45_a_shared_layer_is_named_call_by_call(explain, rng):
    inputs = {"a": rng.normal(size=(1, 3)), "b": rng.normal(size=(1, 3))}
    with pytest.raises(UsageError, match="layer:shared#0, layer:shared#1"):
        explain(siamese(), inputs, wrt="layer:shared")
    model = siamese()
    first, second = (
        explain(model, inputs, wrt=f"layer:shared#{n}").values[f"layer:shared#{n}"] for n in (0, 1)
    )
    np.testing.assert_allclose(first, -second, rtol=1e-6)


def tuple_output():
    x = keras.Input((5, 3), name="series")
    whole, _ = L.GRU(4, return_sequences=True, return_state=True, name="gru")(x)
    return keras.Model(x, L.Dense(1)(L.Flatten()(whole)))


def attention():
    x = keras.Input((5, 4), name="series")
    y = L.MultiHeadAttention(2, 3, name="attention")(x, x)
    return keras.Model(x, L.Dense(1)(L.Flatten()(y)))


@pytest.mark.parametrize(
    ("model", "site", "shape"),
    [(tuple_output, "layer:gru", (5, 4)), (attention, "layer:attention", (5, 4))],
)
def test_46_layers_that_give_tuples_or_attend(explain, rng, model, site, shape):
    network = model()
    x = rng.normal(size=(1, *network.inputs[0].shape[1:])).astype(np.float32)
    assert explain(network, x, wrt=site).values[site].shape == (1, *shape)
    assert (
        explain(network, x[0], method="integrated-gradients").values["series"].shape == x.shape[1:]
    )


@pytest.mark.parametrize(
    ("shape", "layer"), [((6, 6, 6, 2), L.Conv3D(2, 3)), ((12, 2), L.Conv1D(3, 3))]
)
def test_46_volumes_and_series(explain, rng, shape, layer):
    model = keras.Sequential([keras.Input(shape), layer, L.Flatten(), L.Dense(1)])
    x = rng.normal(size=(2, *shape)).astype(np.float32)
    assert next(iter(explain(model, x).values.values())).shape == x.shape


def test_51_a_short_last_batch_keeps_order_and_trace(tmp_path, rng):
    model = nested_backbone()
    model.save(tmp_path / "m.keras")
    opened_model = opened(tmp_path / "m.keras", batch_size=4, traced=True)
    x = rng.normal(size=(9, 16, 16, 3)).astype(np.float32)
    whole = api.explain(opened_model, x, target="class:1")
    alone = api.explain(opened_model, x[8], target="class:1")
    site = next(iter(whole.values))
    np.testing.assert_allclose(whole.values[site][8], alone.values[site], atol=1e-6)
    assert all(
        f.experimental_get_tracing_count() == 1
        for f in opened_model.engine.runner.programs.values()
    )


def test_52_no_samples_is_no_run(explain):
    with pytest.raises(ItemError, match="holds no sample"):
        explain(nested_backbone(), np.zeros((0, 16, 16, 3), np.float32))


def test_56_layers_of_one_name_are_told_apart_by_path(explain, rng):
    parts = []
    for name in ("left", "right"):
        layers = [keras.Input((3,)), L.Dense(2, name="same", activation="tanh")]
        parts.append(keras.Sequential(layers, name=name))
    x = keras.Input((3,), name="x")
    model = keras.Model(x, L.Dense(1)(L.Concatenate()([parts[0](x), parts[1](x)])))
    sample = rng.normal(size=(1, 3)).astype(np.float32)
    with pytest.raises(UsageError, match="left/same or right/same"):
        explain(model, sample, wrt="layer:same")
    assert explain(model, sample, wrt="layer:right/same").values["layer:right/same"].shape == (1, 2)
    with pytest.raises(UsageError, match="no such layer"):
        explain(model, sample, wrt="layer:nowhere")


def test_57_a_model_without_weights(explain):
    x = keras.Input((3,), name="x")
    attribution = explain(
        keras.Model(x, keras.ops.sum(x * x, axis=-1, keepdims=True)), np.arange(3.0)
    )
    np.testing.assert_allclose(attribution.values["x"], [0, 2, 4])


def test_57_a_scalar_a_sample(explain):
    x = keras.Input((3,), name="x")
    attribution = explain(keras.Model(x, keras.ops.sum(x, axis=-1)), np.ones((2, 3)))
    np.testing.assert_allclose(attribution.values["x"], 1)
    assert attribution.metadata["score"] == [3, 3]


@keras.saving.register_keras_serializable("zoo")
class Forgetful(keras.Model):
    """Gives one number for a whole batch."""

    def call(self, x):
        return keras.ops.sum(x)


def test_57_a_scalar_for_the_whole_batch_is_refused(explain):
    model = Forgetful()
    model(np.ones((2, 3)))
    with pytest.raises((ItemError, ModelError, UsageError), match="batch"):
        explain(model, np.ones((2, 3)))


def as_saved(model):
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def read_names(model):
    """Return the preprocessing that the file of a model of one input tells."""
    (sight,) = find_preprocessing(as_saved(model)).values()
    return sight.preprocess.name


def test_a_reshape_behind_the_sigmoid_keeps_unit_and_logit_together(explain, rng):
    layers = [L.Dense(6), L.Reshape((2, 3)), L.Activation("sigmoid"), L.Reshape((3, 2))]
    model = keras.Sequential([keras.Input((4,)), *layers])
    x = rng.normal(size=(2, 4)).astype(np.float32)
    attribution = explain(model, x, target="unit:1,0")
    assert attribution.metadata["space"] == "logit"
    logistic = 1 / (1 + np.exp(-np.array(attribution.metadata["score"])))
    np.testing.assert_allclose(logistic, np.asarray(model(x))[:, 1, 0], rtol=1e-5)


def test_a_layer_may_be_site_and_target_at_once(explain, rng):
    layers = [keras.Input((4,)), L.Dense(3, name="hidden"), L.Dense(1)]
    x = rng.normal(size=(1, 4)).astype(np.float32)
    attribution = explain(
        keras.Sequential(layers), x, wrt="layer:hidden", target="layer:hidden/unit:1"
    )
    np.testing.assert_allclose(attribution.values["layer:hidden"], [[0, 1, 0]])


def test_logits_before_the_site_cannot_be_asked_for(explain, rng):
    layers = [keras.Input((4,)), L.Dense(3), L.Softmax(name="soft")]
    x = rng.normal(size=(1, 4)).astype(np.float32)
    with pytest.raises(UsageError, match="--space output"):
        explain(keras.Sequential(layers), x, wrt="layer:soft", target="class:1")


@pytest.mark.parametrize("traced", [False, True])
def test_masks_on_pictures_of_any_size(tmp_path, rng, traced):
    layers = [L.Conv2D(2, 3, padding="same", activation="softmax")]
    keras.Sequential([keras.Input((None, None, 3), name="x"), *layers]).save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras", traced=traced)
    for size in ((8, 10), (6, 6)):
        mask = np.zeros(size, bool)
        mask[2:4, 2:5] = True
        np.save(tmp_path / "mask.npy", mask)
        x = rng.normal(size=(1, *size, 3)).astype(np.float32)
        attribution = api.explain(opened, x, target=f"mask:{tmp_path}/mask.npy,class=1")
        assert attribution.values["x"].shape == x.shape


def test_one_target_without_way_does_not_spoil_the_other(call, tmp_path):
    x, z = keras.Input((2,), name="x"), keras.Input((2,), name="z")
    model = keras.Model([x, z], {"a": L.Dense(2, name="a")(x), "b": L.Dense(2, name="b")(z)})
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "s.npz", x=np.ones(2), z=np.ones(2))
    words = ("saliency", "m.keras", "s.npz", "--wrt", "x", "--json")
    assert call(*words, "-t", "a/0", "-t", "a/1").code == 0
    result = call(*words, "-t", "a/0", "-t", "a/1", "-t", "b/0")
    assert result.code == 3
    statuses = [(item["target"]["asked"], item["status"]) for item in items(result)]
    assert statuses == [("a/0", "skipped"), ("a/1", "skipped"), ("b/0", "failed")]


def test_another_layer_may_be_asked_for_later(tmp_path, rng):
    layers = [keras.Input((4,)), L.Dense(3, name="hidden"), L.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras")
    x = rng.normal(size=(1, 4)).astype(np.float32)
    api.explain(opened, x)
    assert api.explain(opened, x, target="layer:hidden/unit:0").metadata["target"]["index"] == [[0]]
    with pytest.raises(UsageError, match="load it once more"):
        api.explain(opened, x, precision="model")
    with pytest.raises(UsageError, match="first axis is the sample"):
        api.explain(opened, x, target="loss:mse", truth=[0, 1, 0])
