"""Batch normalizations put into the weights before them: no gradient changes."""

import numpy as np
import pytest

from inputgrad_cli.interfaces.method import methods
from tests.keras_models import steady
from tests.small_networks import engine_of, input_gradients, network_case

AXIS = {1: (9,), 2: (9, 9), 3: (6, 6, 6)}


@pytest.fixture(scope="module")
def keras():
    import keras

    keras.utils.set_random_seed(7)
    return keras


def norm(keras, **options):
    """Return a batch normalization that has seen something, as a trained one has."""
    return keras.layers.BatchNormalization(
        gamma_initializer=keras.initializers.RandomUniform(0.5, 1.5, seed=1),
        beta_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=2),
        moving_mean_initializer=keras.initializers.RandomNormal(stddev=0.5, seed=3),
        moving_variance_initializer=keras.initializers.RandomUniform(0.2, 2.0, seed=4),
        **options,
    )


def chain(keras, shape, *layers):
    """Return a Sequential model of the layers, with two scores at its end."""
    ends = keras.layers.Flatten(), keras.layers.Dense(2)
    return keras.Sequential([keras.layers.Input(shape, name="x"), *layers, *ends])


def calibrate_model(model, x, **options):
    return engine_of(model, {"x": x[:1]}, batch_size=8, **options)


def gradients(model, x, **options):
    return input_gradients(calibrate_model(model, x, **options), {"x": x})


def assert_same(model, x):
    """Hold folded gradients and scores against those of the model as it is."""
    plain, folded = gradients(model, x), gradients(model, x, folded=True)
    good = steady(lambda z: gradients(model, z["x"]).values, {"x": x})
    near = 1e-5 * np.abs(plain.values["x"]).max()
    np.testing.assert_allclose(folded.values["x"][good], plain.values["x"][good], atol=near)
    np.testing.assert_allclose(folded.scores, plain.scores, rtol=1e-5, atol=1e-5)
    assert near > 0
    assert good.sum() >= len(x) - 2


def count(model):
    from inputgrad_cli.engine.fold_batchnorm import find_mergeable

    return len(find_mergeable(model))


def drawn(shape, rows=5):
    return np.random.default_rng(3).normal(size=(rows, *shape)).astype(np.float32)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("name", "axes", "given"),
    [
        ("Dense", 0, {"units": 5}),
        ("Conv1D", 1, {"filters": 5, "kernel_size": 3}),
        ("Conv2D", 2, {"filters": 6, "kernel_size": 3, "groups": 3}),
        ("Conv3D", 3, {"filters": 5, "kernel_size": 2, "strides": 2}),
        ("DepthwiseConv1D", 1, {"kernel_size": 3, "depth_multiplier": 2}),
        ("DepthwiseConv2D", 2, {"kernel_size": 3, "depth_multiplier": 2}),
        ("SeparableConv1D", 1, {"filters": 5, "kernel_size": 3}),
        ("SeparableConv2D", 2, {"filters": 5, "kernel_size": 3, "padding": "same"}),
    ],
)
def test_a_merged_normalization_changes_no_gradient(keras, name, axes, given, bias):
    shape = (*AXIS.get(axes, ()), 3)
    before = getattr(keras.layers, name)(use_bias=bias, bias_initializer="normal", **given)
    model = chain(keras, shape, before, norm(keras), keras.layers.ReLU())
    assert count(model) == 1
    assert_same(model, drawn(shape))


@pytest.mark.parametrize(
    "options", [{"scale": False}, {"center": False}, {"axis": 3}, {"epsilon": 1}]
)
def test_every_form_of_normalization_is_merged_right(keras, options):
    before = keras.layers.Conv2D(4, 3, use_bias=False)
    model = chain(keras, (8, 8, 3), before, norm(keras, **options), keras.layers.ReLU())
    assert count(model) == 1
    assert_same(model, drawn((8, 8, 3)))


def test_one_inside_a_nested_model_is_merged(keras):
    layers = keras.layers
    inner = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(4, 3), norm(keras), layers.ReLU()]
    )
    model = chain(keras, (8, 8, 3), inner, layers.Conv2D(3, 3), norm(keras))
    assert count(model) == 2
    assert_same(model, drawn((8, 8, 3)))


def read_twice(keras, x, conv):
    return keras.layers.Add()([norm(keras)(conv), conv])


def shown(keras, x, conv):
    return [norm(keras)(conv), conv]


def training(keras, x, conv):
    return norm(keras)(conv, training=True)


def norm_called_twice(keras, x, conv):
    shared = norm(keras)
    return keras.layers.Add()([shared(conv), shared(x)])


def along_another_axis(keras, x, conv):
    return norm(keras, axis=1)(conv)


def behind_an_activation(keras, x, conv):
    return norm(keras)(keras.layers.Conv2D(3, 3, padding="same", activation="relu")(conv))


def of_nothing(keras, x, conv):
    shut = keras.layers.BatchNormalization(gamma_initializer=keras.initializers.Constant(3e-38))
    return shut(conv)


def behind_an_operation(keras, x, conv):
    return norm(keras)(conv + x)


def own_code(keras, x, conv):
    return norm(keras)(conv) + keras.layers.Lambda(lambda z: z * 2)(conv)


@pytest.mark.parametrize(
    "build",
    [
        read_twice,
        shown,
        training,
        norm_called_twice,
        along_another_axis,
        behind_an_activation,
        of_nothing,
        behind_an_operation,
        own_code,
    ],
)
def test_what_is_not_sure_is_left_alone(keras, build):
    x = keras.Input((9, 9, 3), name="x")
    model = keras.Model(x, build(keras, x, keras.layers.Conv2D(3, 3, padding="same")(x)))
    assert count(model) == 0


def test_a_layer_that_runs_twice_keeps_its_weights(keras):
    x = keras.Input((9, 9, 3), name="x")
    conv = keras.layers.Conv2D(3, 3, padding="same")
    model = keras.Model(x, keras.layers.Add()([norm(keras)(conv(x)), conv(x)]))
    assert count(model) == 0


def test_half_precision_keeps_its_weights(keras):
    conv = keras.layers.Conv2D(3, 3, dtype="mixed_float16")
    assert count(chain(keras, (9, 9, 3), conv, norm(keras, dtype="mixed_float16"))) == 0


@pytest.mark.parametrize("method", ["grad-cam:layer=conv", "guided-backprop", "fullgrad", "lrp"])
def test_methods_that_look_inside_see_the_layers_as_they_are(keras, method):
    model = chain(
        keras,
        (9, 9, 3),
        keras.layers.Conv2D(4, 3, name="conv"),
        norm(keras),
        keras.layers.ReLU(),
    )
    assert count(model) == 1
    x = drawn((9, 9, 3), rows=2)
    results = []
    for options in ({}, {"folded": True}):
        settled_engine = calibrate_model(model, x, **options)
        values = (
            methods.build(method)
            .attribute(settled_engine, network_case(settled_engine, {"x": x}))
            .values
        )
        results.append(next(iter(values.values())))
    np.testing.assert_allclose(results[1], results[0], rtol=0, atol=1e-5 * np.abs(results[0]).max())


def test_a_layer_asked_about_gives_its_own_gradients(keras):
    model = chain(keras, (9, 9, 3), keras.layers.Conv2D(4, 3, name="conv"), norm(keras))
    x = drawn((9, 9, 3), rows=2)
    plain, folded = (calibrate_model(model, x, **options) for options in ({}, {"folded": True}))
    target = network_case(plain, {"x": x}).target
    (site,) = plain.list_sites("layer:conv")
    points = plain.to_points({"x": x}, [site])
    moved = {**points, site: points[site] + 1}
    results = [
        (
            settled_engine.compute_gradients(points, target, [site]).values[site],
            settled_engine.compute_scores(moved, target),
        )
        for settled_engine in (folded, plain)
    ]
    for values, expected in zip(*results, strict=True):
        near = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(values, expected, rtol=0, atol=near)
