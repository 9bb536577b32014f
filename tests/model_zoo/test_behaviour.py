"""Models with a will of their own: cases 21, 22, 37 to 41, 48, 49, 53, and targets of losses."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli import api
from inputgrad_cli.errors import ItemError, UsageError
from tests.keras_models import in_float64, opened, worst

L = keras.layers


def test_21_a_dead_network_gives_zeros_and_a_flag(explain):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, activation="relu"), L.Dense(1)])
    kernel, _, *rest = model.get_weights()
    model.set_weights([kernel, np.full(2, -1e6, np.float32), *rest])
    attribution = explain(model, np.ones((1, 3), np.float32))
    checks = attribution.metadata["checks"][0]
    assert (checks["finite"], checks["zero"]) == (True, True)
    assert "units that are off" in checks["zero_because"]
    complete = explain(model, np.ones((1, 3), np.float32), method="integrated-gradients")
    assert complete.metadata["checks"][0]["completeness"]["ok"]


def test_22_an_infinite_gradient_is_no_map(explain):
    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.ops.sum(keras.ops.sqrt(x), axis=-1, keepdims=True))
    with pytest.raises(ItemError, match="1 of 2 values") as caught:
        explain(model, np.array([0.0, 4.0], np.float32))
    assert caught.value.kind == "nonfinite"
    attribution = explain(model, np.array([1.0, 4.0], np.float32))
    np.testing.assert_allclose(attribution.values["x"], [0.5, 0.25])


def test_23_a_nan_pixel_is_refused_before_it_can_vanish(explain):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, activation="relu"), L.Dense(1)])
    with pytest.raises(ItemError) as caught:
        explain(model, np.array([1.0, np.nan, 0.0], np.float32))
    assert caught.value.kind == "nonfinite"


def normalized():
    layers = [L.Dense(8, activation="tanh"), L.BatchNormalization(), L.Dropout(0.5), L.Dense(1)]
    return keras.Sequential([keras.Input((4,)), *layers])


def test_37_weights_are_untouched_and_one_equals_sixty_four(tmp_path, rng):
    model = normalized()
    model.set_weights([rng.normal(size=w.shape) ** 2 + 0.1 for w in model.get_weights()])
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(64, 4)).astype(np.float32)
    many, single = opened(tmp_path / "m.keras", 64), opened(tmp_path / "m.keras", 1)
    before = [w.copy() for w in many.engine.adapter.model.get_weights()]
    a, b = (next(iter(api.explain(m, x).values.values())) for m in (many, single))
    assert np.abs(a - b).max() <= 1e-5 * np.abs(b).max()  # kernels round by the batch
    after = many.engine.adapter.model.get_weights()
    assert all(np.array_equal(p, q) for p, q in zip(before, after, strict=True))


@keras.saving.register_keras_serializable("zoo")
class LessTheMean(L.Layer):
    """Mixes the samples of a batch."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


def test_38_a_model_that_mixes_samples_is_found_and_run_one_by_one(explain, rng):
    layers = [keras.Input((3,)), L.Dense(2, activation="tanh"), LessTheMean(), L.Dense(1)]
    model = keras.Sequential(layers)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    whole = next(iter(explain(model, x).values.values()))
    for row in range(4):
        alone = next(iter(explain(model, x[row : row + 1]).values.values()))
        np.testing.assert_array_equal(whole[row], alone[0])


@keras.saving.register_keras_serializable("zoo")
class AlwaysDropping(keras.Model):
    """Keeps its dropout on at inference."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop, self.dense = L.Dropout(0.5), L.Dense(1)

    def call(self, x):
        return self.dense(self.drop(x, training=True))


@pytest.mark.parametrize("traced", [False, True])
def test_39_a_layer_that_stays_random_is_found_seeded_and_told(tmp_path, rng, traced):
    model = AlwaysDropping()
    model(np.ones((1, 6), np.float32))
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(3, 6)).astype(np.float32)
    network = opened(tmp_path / "m.keras", traced=traced)
    first, second = (next(iter(api.explain(network, x).values.values())) for _ in range(2))
    assert "random" in network.engine.notes
    np.testing.assert_array_equal(first, second)
    alone = next(iter(api.explain(network, x[2:]).values.values()))
    np.testing.assert_array_equal(first[2:], alone)


def stateful():
    layers = [L.LSTM(3, stateful=True), L.Dense(1)]
    return keras.Sequential([keras.Input(batch_shape=(1, 4, 2)), *layers])


@pytest.mark.parametrize("traced", [False, True])
def test_40_states_are_forgotten_between_samples(explain, rng, traced):
    x = rng.normal(size=(5, 4, 2)).astype(np.float32)
    model = stateful()
    forward = next(iter(explain(model, x, traced=traced).values.values()))
    backward = next(iter(explain(model, x[::-1].copy(), traced=traced).values.values()))
    np.testing.assert_array_equal(forward, backward[::-1])
    assert np.abs(forward).max() > 0


def fixed(size):
    layers = [L.Conv2D(2, 3, activation="tanh"), L.Flatten(), L.Dense(1)]
    return keras.Sequential([keras.Input(batch_shape=(size, 6, 6, 1)), *layers])


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("traced", [False, True])
def test_41_a_fixed_batch_is_filled_up(explain, rng, size, traced):
    x = rng.normal(size=(7, 6, 6, 1)).astype(np.float32)
    model = fixed(size)
    free = keras.Sequential([keras.Input((6, 6, 1)), *fixed(size).layers])
    free.set_weights(model.get_weights())
    values = next(iter(explain(model, x, batch_size=4, traced=traced).values.values()))
    expected = next(iter(explain(free, x).values.values()))
    np.testing.assert_allclose(values, expected, atol=1e-6)
    steps = explain(model, x[0], method="integrated-gradients:steps=5", traced=traced)
    assert next(iter(steps.values.values())).shape == (6, 6, 1)


def test_48_half_precision_of_the_other_kind(explain, rng):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layers = [L.Dense(16, activation="tanh"), L.Dense(1)]
        half = keras.Sequential([keras.Input((6,)), *layers])
    finally:
        keras.config.set_dtype_policy("float32")
    full = keras.Sequential([keras.Input((6,)), L.Dense(16, activation="tanh"), L.Dense(1)])
    full.set_weights(half.get_weights())
    x = rng.normal(size=(2, 6)).astype(np.float32)
    a, b = (next(iter(explain(m, x).values.values())) for m in (half, full))
    assert worst({"x": a}, {"x": b}) < 1e-5


def test_48_a_float64_model_is_computed_in_float64_and_stored_in_float32(tmp_path, rng):
    model = keras.Sequential([keras.Input((3,)), L.Dense(4, activation="tanh"), L.Dense(1)])
    model.save(tmp_path / "m.keras")
    in_float64(tmp_path / "m.keras", tmp_path / "wide.keras")
    network = opened(tmp_path / "wide.keras")
    attribution = api.explain(network, rng.normal(size=(2, 3)))
    (values,) = attribution.values.values()
    assert values.dtype == np.float32
    assert network.signature.inputs[0].dtype == "float64"


def test_49_all_classes_cost_one_trace_for_a_group(tmp_path, rng):
    model = keras.Sequential([keras.Input((4,)), L.Dense(100, activation="softmax")])
    model.save(tmp_path / "m.keras")
    network = opened(tmp_path / "m.keras", traced=True)
    x = rng.normal(size=(2, 4)).astype(np.float32)
    attribution = api.explain(network, x, target="all")
    kernel = model.layers[-1].kernel.numpy()
    (values,) = attribution.values.values()
    np.testing.assert_allclose(values, np.tile(kernel.T, (2, 1, 1)), atol=1e-6)
    programs = network.engine.runner.programs.values()
    assert len(programs) <= 3  # scores of a full group, of the last one, and the gradients
    assert all(program.experimental_get_tracing_count() == 1 for program in programs)


def test_53_the_users_keras_settings_change_nothing(tmp_path, samples):
    script = (
        "import sys; import numpy as np; from inputgrad_cli import explain; "
        "f = explain(sys.argv[1], sys.argv[2], target='class:1'); "
        "print(f.values['picture'].dtype, float(np.abs(f.values['picture']).sum()))"
    )
    picture = samples / "inputs" / "shapes" / "00-cross.png"

    def printed(home, backend):
        return subprocess.run(
            [sys.executable, "-c", script, samples / "shapes.keras", picture],
            capture_output=True,
            text=True,
            check=True,
            env={"HOME": str(home), "KERAS_BACKEND": backend, "PYTHONPATH": ":".join(sys.path)},
        ).stdout

    plain = printed(tmp_path / "none", "tensorflow")
    for setting in ({"floatx": "float16"}, {"image_data_format": "channels_first"}):
        home = tmp_path / next(iter(setting))
        (home / ".keras").mkdir(parents=True)
        (home / ".keras" / "keras.json").write_text(json.dumps(setting))
        assert printed(home, "jax") == plain, setting


def compiled():
    model = keras.Sequential([keras.Input((3,)), L.Dense(1)])
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def test_the_compiled_loss_is_read_from_the_file(explain, rng):
    x = rng.normal(size=(2, 3)).astype(np.float32)
    model = compiled()
    attribution = explain(model, x, target="loss:compiled", truth=[1.0, 0.0])
    z = np.asarray(model(x), np.float64)[:, 0]
    expected = np.log1p(np.exp([-z[0], z[1]]))
    np.testing.assert_allclose(attribution.metadata["score"], expected, rtol=1e-5)


def test_a_model_that_was_never_compiled_has_no_loss(explain):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    with pytest.raises(UsageError, match="names no loss"):
        explain(model, np.ones((1, 3)), target="loss:compiled", truth=1.0)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "CategoricalCrossentropy"])
def test_a_loss_does_not_depend_on_the_batch(explain, rng, loss):
    model = keras.Sequential([keras.Input((4,)), L.Dense(3, activation="softmax")])
    x = rng.normal(size=(4, 4)).astype(np.float32)
    classes = np.array([0, 1, 2, 1])
    truth = classes if loss.startswith("sparse") else np.eye(3)[classes]
    whole = explain(model, x, target=f"loss:{loss}", truth=truth)
    alone = explain(model, x[2:3], target=f"loss:{loss}", truth=truth[2:3])
    (a,), (b,) = whole.values.values(), alone.values.values()
    np.testing.assert_allclose(a[2:3], b, atol=1e-6)
    expected = -np.log(np.asarray(model(x))[np.arange(4), classes])
    np.testing.assert_allclose(whole.metadata["score"], expected, rtol=1e-4)


def segmenter(classes):
    return keras.Sequential(
        [keras.Input((6, 6, 1)), L.Conv2D(classes, 3, padding="same", activation="softmax")]
    )


def test_a_mask_is_the_mean_over_its_pixels(explain, rng, tmp_path):
    model = segmenter(3)
    mask = np.zeros((6, 6), bool)
    mask[2:4, 1:3] = True
    np.save(tmp_path / "mask.npy", mask)
    x = rng.normal(size=(2, 6, 6, 1)).astype(np.float32)
    attribution = explain(model, x, target=f"mask:{tmp_path}/mask.npy,class=2", space="probability")
    expected = np.asarray(model(x))[:, mask, 2].mean(axis=1)
    np.testing.assert_allclose(attribution.metadata["score"], expected, rtol=1e-5)
    alone = explain(model, x, target="unit:2,1,2").values
    far = next(iter(alone.values()))
    assert np.all(far[:, 5, 5] == 0)
    with pytest.raises(UsageError, match="class=K"):
        explain(model, x, target=f"mask:{tmp_path}/mask.npy")


def test_a_unit_of_a_layer_is_a_target(explain, rng):
    layers = [keras.Input((4,)), L.Dense(5, activation="tanh", name="hidden"), L.Dense(1)]
    model = keras.Sequential(layers)
    x = rng.normal(size=(2, 4)).astype(np.float32)
    attribution = explain(model, x, target="layer:hidden/unit:3")
    hidden = np.asarray(model.layers[0](x))
    np.testing.assert_allclose(attribution.metadata["score"], hidden[:, 3], rtol=1e-5)
    kernel = model.layers[0].kernel.numpy()[:, 3]
    expected = (1 - hidden[:, 3:4] ** 2) * kernel
    np.testing.assert_allclose(
        next(iter(attribution.values.values())), expected, rtol=1e-4, atol=1e-6
    )


def mixing_operation():
    x = keras.Input((3,), name="x")
    return keras.Model(x, L.Dense(1)(x - keras.ops.mean(x, axis=0, keepdims=True)))


def mixing_softmax():
    return keras.Sequential([keras.Input((3,), name="x"), L.Softmax(axis=0), L.Dense(1)])


@pytest.mark.filterwarnings("ignore:.*softmax over axis 0:UserWarning")  # of one sample alone
@pytest.mark.parametrize("build", [mixing_operation, mixing_softmax])
def test_mixing_by_keras_own_operations_is_found(explain, rng, build):
    model = build()
    x = rng.normal(size=(5, 3)).astype(np.float32)
    whole, alone = explain(model, x), explain(model, x[3:4])
    np.testing.assert_array_equal(whole.values["x"][3], alone.values["x"][0])


@keras.saving.register_keras_serializable("zoo")
class Shaking(L.Layer):
    def call(self, x):
        return x * tf.random.normal(tf.shape(x))


@pytest.mark.parametrize("traced", [False, True])
def test_draws_of_tensorflows_own_are_seeded(explain, rng, traced):
    model = keras.Sequential([keras.Input((6,), name="x"), Shaking(), L.Dense(1)])
    x = rng.normal(size=(2, 6)).astype(np.float32)
    first, again, other = (
        explain(model, x, traced=traced, seed=seed).values["x"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
