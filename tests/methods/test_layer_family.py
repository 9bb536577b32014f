"""The layer family on networks whose maps and gradients are known on paper."""

import dataclasses

import keras
import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.average_baselines import average_over_baselines
from inputgrad_cli.interfaces.method import methods
from tests.small_networks import Counting, engine_of, network_case, pooled

# Two maps: A_0 = relu(x), A_1 = relu(-2 x); score = 3 mean(A_0) - mean(A_1).
MAPS, HEADS = [1.0, -2.0], [[3.0], [-1.0]]
SHAPES = {1: (6, 1), 2: (3, 4, 1), 3: (2, 3, 2, 1)}
TAP = "layer:maps"


def pictures(axes=2, rows=3):
    return np.random.default_rng(5).normal(size=(rows, *SHAPES[axes])).astype(np.float32)


def maps_of(x):
    """Return A, (B, ..., 2)."""
    return np.concatenate([np.maximum(x, 0), np.maximum(-2 * x, 0)], axis=-1)


def slope(x):
    """Return d score / d A, the same for all places: (2,)."""
    return np.array([3.0, -1.0]) / np.prod(x.shape[1:-1])


def explain(name, x, axes=2, **options):
    model = pooled(MAPS, HEADS, SHAPES[axes], axes=axes)
    engine = engine_of(model, {"x": x}, **options)
    return methods.build(name).attribute(engine, network_case(engine, {"x": x}))


@pytest.fixture(params=[1, 2, 3], ids=["line", "plane", "volume"])
def axes(request):
    return request.param


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_grad_cam(axes):
    x = pictures(axes)
    weighted = maps_of(x) @ slope(x)
    result = explain("grad-cam", x, axes)
    close(result.values[TAP], np.maximum(weighted, 0))
    assert result.facts == {"layer": TAP, "cam": True}
    close(explain("grad-cam:relu=false", x, axes).values[TAP], weighted)


def test_hires_cam(axes):
    x = pictures(axes)
    result = explain("hires-cam", x, axes).values[TAP]
    close(result, maps_of(x) @ slope(x))
    means = maps_of(x).reshape(3, -1, 2).mean(axis=1)
    close(result.reshape(3, -1).sum(axis=1), means @ [3, -1])
    close(explain("hires-cam:relu=true", x, axes).values[TAP], np.maximum(result, 0))


def test_layer_cam(axes):
    x = pictures(axes)
    close(explain("layer-cam", x, axes).values[TAP], maps_of(x)[..., 0] * slope(x)[0])


def test_grad_cam_plus_plus(axes):
    x = pictures(axes)
    g, maps = slope(x), maps_of(x).astype(np.float64)
    places = tuple(range(1, x.ndim - 1))
    alpha = g**2 / (2 * g**2 + g**3 * maps.sum(axis=places))
    weights = alpha * np.maximum(g, 0) * np.prod(x.shape[1:-1])
    expected = np.einsum("b...k,bk->b...", maps, weights)
    close(explain("grad-cam++", x, axes).values[TAP], np.maximum(expected, 0))


def test_eigen_cam(axes):
    x = pictures(axes)
    flat = maps_of(x).reshape(3, -1, 2)
    _, _, right = np.linalg.svd(flat)
    expected = np.einsum("bpk,bk->bp", flat, right[:, 0])
    expected *= np.sign(expected.sum(axis=1, keepdims=True))
    close(explain("eigen-cam", x, axes).values[TAP].reshape(3, -1), expected)


def test_eigen_cam_of_more_channels_than_places():
    x = np.random.default_rng(1).normal(size=(2, 1, 2, 1)).astype(np.float32)
    model = pooled([1, 2, 3, -1, -2.0], [[1.0]] * 5, (1, 2, 1))
    engine = engine_of(model, {"x": x})
    result = (
        methods.build("eigen-cam").attribute(engine, network_case(engine, {"x": x})).values[TAP]
    )
    flat = np.maximum(x * [1, 2, 3, -1, -2.0], 0).reshape(2, -1, 5)
    expected = [np.abs(f @ np.linalg.svd(f)[2][0]) for f in flat]
    close(np.abs(result.reshape(2, -1)), expected)


def test_score_cam(axes):
    x = pictures(axes)
    maps = maps_of(x).astype(np.float64)
    places = tuple(range(1, x.ndim - 1))
    low, high = maps.min(axis=places, keepdims=True), maps.max(axis=places, keepdims=True)
    unit = (maps - low) / (high - low)

    def score(z):
        return maps_of(z).mean(axis=places) @ [3.0, -1.0]

    gains = np.stack([score(x * unit[..., k : k + 1]) for k in (0, 1)], axis=1)
    weights = np.exp(gains) / np.exp(gains).sum(axis=1, keepdims=True)
    expected = np.einsum("b...k,bk->b...", maps, weights)
    close(explain("score-cam", x, axes).values[TAP], np.maximum(expected, 0))


def test_conductance_of_a_layer_that_all_ways_lead_through(axes):
    x = pictures(axes)
    result = explain("conductance", x, axes)
    close(result.values[TAP], maps_of(x) * slope(x))
    assert result.completeness.ok.all()
    assert result.completeness.gap.max() < 1e-5
    assert result.facts == {"layer": TAP}


def test_conductance_of_a_quadratic_layer():
    """A = x^2 by hand, score = sum A^2: what flows through a unit is A^2 itself."""
    inputs = keras.Input((2, 2, 1), name="x")
    maps = keras.layers.Activation(keras.ops.square, name="maps")(inputs)
    flat = keras.layers.Flatten()(keras.ops.square(maps))
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones", name="y")(flat))
    x = np.array([[[[1.0], [-2.0]], [[0.5], [0.0]]]], np.float32)
    engine = engine_of(model, {"x": x})
    method = methods.build("conductance:layer=maps")
    result = method.attribute(engine, network_case(engine, {"x": x}))
    np.testing.assert_allclose(result.values[TAP], x**4, rtol=0.01)
    assert result.completeness.ok.all()
    rough = methods.build("conductance:layer=maps,steps=1").attribute(
        engine, network_case(engine, {"x": x})
    )
    close(rough.values[TAP], x**4)  # (0 + 2 A) / 2 * A: one trapezoid is exact here
    assert rough.completeness.steps.tolist() == [1]


def test_internal_influence(axes):
    x = pictures(axes)
    expected = np.broadcast_to(slope(x), maps_of(x).shape)
    close(explain("internal-influence", x, axes).values[TAP], expected)


def test_internal_influence_is_a_mean_along_the_line():
    """Score = sum A^2 with A = x: the gradient at A is 2 A, its mean along the line is x + b."""
    inputs = keras.Input((2, 2, 1), name="x")
    maps = keras.layers.Activation("linear", name="maps")(inputs)
    flat = keras.layers.Flatten()(keras.ops.square(maps))
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones", name="y")(flat))
    x = np.array([[[[1.0], [-2.0]], [[0.5], [0.0]]]], np.float32)
    engine = engine_of(model, {"x": x})
    method = methods.build("internal-influence:layer=maps,steps=4")
    result = method.attribute(engine, network_case(engine, {"x": x}, baseline=3.0))
    close(result.values[TAP], x + 3.0)


def test_fullgrad():
    """One convolution of size one with a bias: everything is known on paper."""
    x = pictures()
    bias = 0.5
    engine = engine_of(pooled(MAPS, HEADS, SHAPES[2], bias=bias), {"x": x})
    result = methods.build("fullgrad").attribute(engine, network_case(engine, {"x": x}))
    z = np.concatenate([x + bias, -2 * x + bias], axis=-1)
    g = slope(x) * (z > 0)

    def unit(v):
        low, high = (f(v, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
        return (v - low) / (high - low)

    own = unit(np.abs(x * (g @ [1.0, -2.0])[..., np.newaxis]))
    close(result.values["x"], own + unit(np.abs(bias * g)).sum(axis=-1, keepdims=True))
    assert result.facts == {"biases": 1}


def test_all_biases_and_the_input_sum_to_the_score():
    """The theorem behind fullgrad, with batch normalization, separate activations, dense biases."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6, 6, 2), name="x"),
            layers.Conv2D(4, 3, bias_initializer="normal"),
            layers.BatchNormalization(beta_initializer="normal", moving_mean_initializer="normal"),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, activation="relu", bias_initializer="normal"),
            layers.Flatten(),
            layers.Dense(5, activation="relu", bias_initializer="normal"),
            layers.Dense(1, bias_initializer="normal", name="y"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    engine = engine_of(model, {"x": x}, batch_size=2)
    asked = network_case(engine, {"x": x})
    gradients, shares = engine.compute_bias_gradients(asked.inputs, asked.target, asked.sites)
    total = (x * gradients.values["x"]).reshape(3, -1).sum(axis=1)
    total += sum(share.reshape(3, -1).sum(axis=1) for share in shares.values())
    assert len(shares) == 5
    close(total, asked.scores)


PASSES = {
    "grad-cam": {"compute_layer": 3},
    "grad-cam++": {"compute_layer": 3},
    "hires-cam": {"compute_layer": 3},
    "layer-cam": {"compute_layer": 3},
    "eigen-cam": {"compute_layer": 3},
    "score-cam": {"compute_layer": 3, "compute_scores": 3 + 3 * 2},
    "fullgrad": {"compute_bias_gradients": 3},
    "conductance": {"compute_layer": 3 * 17, "compute_scores": 3},
    "internal-influence": {"compute_layer": 3 * 50},
}


@pytest.mark.parametrize("name", PASSES)
def test_no_method_asks_more_than_its_definition_needs(name):
    x = pictures()
    engine = engine_of(pooled(MAPS, HEADS, SHAPES[2]), {"x": x}, batch_size=2)
    asked = network_case(engine, {"x": x})
    spy = Counting(engine)
    methods.build(name).attribute(spy, asked)
    assert spy.asked == PASSES[name]


def nested():
    inside = pooled(MAPS, HEADS, SHAPES[2])
    inputs = keras.Input(SHAPES[2], name="x")
    return keras.Model(inputs, inside(inputs))


class Own(keras.Model):
    """A subclassed model around the same layers."""

    def __init__(self):
        super().__init__()
        self.inside = pooled(MAPS, HEADS, SHAPES[2])

    def call(self, x):
        return self.inside.layers[2](self.inside.layers[1](self.inside.layers[0](x)))


@pytest.mark.parametrize("make", [nested, Own], ids=["nested", "subclassed"])
def test_maps_are_found_however_the_model_is_made(make):
    x = pictures()
    model = make()
    model(x)
    port = "x"
    engine = engine_of(model, {port: x})
    result = methods.build("grad-cam:layer=maps").attribute(engine, network_case(engine, {port: x}))
    close(result.values[TAP], np.maximum(maps_of(x) @ slope(x), 0))
    case = network_case(engine, {port: x})
    maps = engine.find_cam_layer(case.inputs, case.target)
    assert maps is not None
    assert maps.tap.endswith("maps")


def test_a_shared_layer_is_named_by_its_call():
    layers = keras.layers
    a, b = keras.Input(SHAPES[2], name="a"), keras.Input(SHAPES[2], name="b")
    maps = pooled(MAPS, HEADS, SHAPES[2]).get_layer("maps")
    both = layers.Subtract()([layers.GlobalAveragePooling2D()(maps(z)) for z in (a, b)])
    dense = layers.Dense(1, name="y")
    model = keras.Model([a, b], dense(both))
    dense.set_weights([np.asarray(HEADS, np.float32), np.zeros(1, np.float32)])
    x = {"a": pictures(), "b": pictures()[::-1].copy()}
    engine = engine_of(model, x)
    asked = network_case(engine, x)
    with pytest.raises(UsageError, match=r"maps#0, layer:maps#1"):
        methods.build("grad-cam:layer=maps").attribute(engine, asked)
    results = [
        methods.build(f"hires-cam:layer=maps#{n}").attribute(engine, asked).values for n in (0, 1)
    ]
    expected = [sign * maps_of(x[name]) @ slope(x[name]) for name, sign in (("a", 1), ("b", -1))]
    if not np.allclose(results[0]["layer:maps#0"], expected[0], atol=1e-6):
        expected.reverse()  # Keras runs branches of one depth in an order of its own
    for row in (0, 1):
        close(results[row][f"layer:maps#{row}"], expected[row])


def test_channels_first_maps_are_drawn_right_side_up():
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((1, 3, 4), name="x"),
            layers.Conv2D(
                2, 1, activation="relu", name="maps", data_format="channels_first", use_bias=False
            ),
            layers.GlobalAveragePooling2D(data_format="channels_first"),
            layers.Dense(1, use_bias=False, name="y"),
        ]
    )
    model.get_layer("maps").set_weights([np.reshape(MAPS, (1, 1, 1, 2)).astype(np.float32)])
    model.get_layer("y").set_weights([np.asarray(HEADS, np.float32)])
    x = pictures()
    first = np.moveaxis(x, -1, 1)
    engine = engine_of(model, {"x": first}, traced=True)
    asked = network_case(engine, {"x": first})
    result = methods.build("grad-cam").attribute(engine, asked).values[TAP]
    close(result, np.maximum(maps_of(x) @ slope(x), 0))


def test_a_model_without_maps_asks_for_a_layer():
    model = keras.Sequential(
        [keras.layers.Input((3,), name="x"), keras.layers.Dense(2, name="d"), keras.layers.Dense(1)]
    )
    x = {"x": np.ones((1, 3), np.float32)}
    engine = engine_of(model, x)
    asked = network_case(engine, x)
    with pytest.raises(UsageError, match=r"no convolution.*gives maps.*grad-cam:layer="):
        methods.build("grad-cam").attribute(engine, asked)
    with pytest.raises(UsageError, match="layer:d gives no maps"):
        methods.build("grad-cam:layer=d").attribute(engine, asked)
    with pytest.raises(UsageError, match="no such layer"):
        methods.build("conductance:layer=e").attribute(engine, asked)
    result = methods.build("conductance:layer=d").attribute(engine, asked)
    assert result.values["layer:d"].shape == (1, 2)
    assert result.completeness.ok.all()


def test_a_layer_that_the_target_does_not_depend_on_is_told():
    inputs = keras.Input((4, 4, 1), name="x")
    maps = keras.layers.Conv2D(2, 1, name="maps")(inputs)
    other = keras.layers.Dense(1, name="y")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, [other, keras.layers.Flatten(name="z")(maps)])
    x = {"x": np.ones((1, 4, 4, 1), np.float32)}
    engine = engine_of(model, x)
    asked = network_case(engine, x)
    result = methods.build("grad-cam:layer=maps").attribute(engine, asked)
    assert result.disconnected == {TAP}
    with pytest.raises(UsageError, match="no convolution on the way to target"):
        methods.build("grad-cam").attribute(engine, asked)


def test_several_baselines_are_averaged_at_the_layer_too():
    x = pictures()
    engine = engine_of(pooled(MAPS, HEADS, SHAPES[2]), {"x": x})
    asked = network_case(engine, {"x": x})
    rows = np.stack([np.zeros(SHAPES[2]), np.ones(SHAPES[2])]).astype(np.float32)
    asked = dataclasses.replace(asked, references={"x": rows})
    for name in ("conductance", "internal-influence", "score-cam"):
        method = methods.build(name)
        result = average_over_baselines(method, engine, asked)
        single = [
            method.attribute(engine, network_case(engine, {"x": x}, baseline=level)).values[TAP]
            for level in (0.0, 1.0)
        ]
        close(result.values[TAP], np.mean(single, axis=0))
        assert result.facts["layer"] == TAP


def test_the_layer_itself_is_no_line_between_baseline_and_input():
    x = pictures()
    engine = engine_of(pooled(MAPS, HEADS, SHAPES[2]), {"x": x})
    asked = dataclasses.replace(network_case(engine, {"x": x}), layer=TAP)
    for name in ("conductance", "internal-influence"):
        with pytest.raises(UsageError, match=f"{name}:layer=maps, without --wrt"):
            methods.build(name).attribute(engine, asked)
    close(
        methods.build("grad-cam").attribute(engine, asked).values[TAP],
        explain("grad-cam", x).values[TAP],
    )


def test_fullgrad_of_a_table_is_refused():
    model = keras.Sequential([keras.layers.Input((3,), name="x"), keras.layers.Dense(1)])
    x = {"x": np.ones((1, 3), np.float32)}
    engine = engine_of(model, x)
    with pytest.raises(UsageError, match="no input has any"):
        methods.build("fullgrad").attribute(engine, network_case(engine, x))


def test_the_maps_of_a_model_of_tokens_are_those_of_its_convolution(tmp_path):
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6,), dtype="int32", name="ids"),
            layers.Embedding(9, 4, name="embedding"),
            layers.Conv1D(5, 3, activation="relu", name="maps"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )
    model.save(tmp_path / "m.keras")
    ids = np.array([[1, 2, 3, 4, 5, 6], [3, 3, 1, 0, 2, 8]])
    opened = api.load(tmp_path / "m.keras")
    attribution = api.explain(opened, ids, method="grad-cam", target="class:1")
    assert {name: array.shape for name, array in attribution.values.items()} == {TAP: (2, 4)}
    own = api.explain(opened, ids, method="grad-cam:layer=embedding", target="class:1")
    assert {n: a.shape for n, a in own.values.items()} == {"layer:embedding": (2, 6)}
