"""What all backward rules owe: nested and shared models, batches, counts, and refusals by name."""

import keras
import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods

from .ruled import (
    FAMILY,
    LRP,
    ask,
    case_of,
    dense,
    engine_of,
    explain,
    layers,
    numbers,
    shaken,
    values,
)

X, BASE = numbers(5, 4, seed=3), numbers(5, 4, seed=9)
ALL_LRP = [f"lrp:rule={rule}" for rule in LRP]


def picture_model():
    backbone = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )
    entry = keras.Input((6, 6, 2))
    x = backbone(entry)
    x = layers.Add()([x, layers.Conv2D(4, 1, activation="relu")(x)])
    x = layers.Concatenate()([x, layers.MaxPooling2D(3, 1, padding="same")(x)])
    x = layers.SeparableConv2D(3, 2, activation="relu")(x)
    x = layers.Conv2DTranspose(3, 2, activation="relu")(x)
    return shaken(keras.Model(entry, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))))


@pytest.mark.parametrize("text", FAMILY)
def test_eager_and_traced_batch_and_single_are_one(text):
    model, x, base = picture_model(), numbers(5, 6, 6, 2), numbers(5, 6, 6, 2, seed=8)
    engine = engine_of(model, x)
    (expected,) = ask(text, engine, x, baseline=base).values.values()
    assert np.all(np.isfinite(expected))
    assert expected.dtype == np.float32
    size = np.abs(expected).max()
    for options in ({"traced": True}, {"batch_size": 2}, {"batch_size": 3, "traced": True}):
        result = values(text, model, x, baseline=base, **options)
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5 * size)
    for row in range(2):
        rows = slice(row, row + 1)
        (single,) = ask(text, engine, x[rows], baseline=base[rows]).values.values()
        np.testing.assert_allclose(single, expected[rows], rtol=1e-4, atol=1e-5 * size)


def open_model(dtype):
    layer_list = [
        layers.Rescaling(1 / 255, offset=-0.5, dtype=dtype),
        layers.Conv2D(4, 3, activation="relu", dtype=dtype),
        layers.BatchNormalization(dtype=dtype),
        layers.Conv2D(3, 2, activation="swish", dtype=dtype),
        layers.GlobalAveragePooling2D(dtype=dtype),
        layers.Dense(2, dtype=dtype),
    ]
    return shaken(keras.Sequential([keras.Input((None, None, 1), dtype=dtype), *layer_list]))


@pytest.mark.parametrize("text", [*FAMILY, "lrp:rule=deep-taylor,low=0,high=255"])
def test_pictures_of_any_size_and_doubles(text):
    x = np.random.default_rng(0).integers(0, 256, (2, 7, 8, 1)).astype(np.float32)
    expected = values(text, open_model("float32"), x, traced=True)
    result = values(text, open_model("float64"), x.astype(np.float64))
    size = np.abs(expected).max()
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-4 * size)


@pytest.mark.parametrize("text", FAMILY)
def test_a_nested_model_is_what_it_holds(text):
    inner = [layers.Dense(6, activation="relu"), layers.Dense(5, activation="relu")]
    last = layers.Dense(2)
    flat = shaken(keras.Sequential([keras.Input((4,)), *inner, last]))
    nested = keras.Sequential([keras.Input((4,)), keras.Sequential(inner), last])
    results = [explain(text, model, X, baseline=BASE) for model in (flat, nested)]
    assert results[0].facts == results[1].facts
    first, second = (next(iter(attribution.values.values())) for attribution in results)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("text", FAMILY)
def test_a_shared_model_counts_at_every_call(text):
    """Siamese: the score is a sum over both towers, so each gets what it would alone."""
    tower = shaken(keras.Sequential([keras.Input((4,)), layers.Dense(6, activation="relu")]))
    a, b = keras.Input((4,)), keras.Input((4,))
    last = layers.Dense(2, use_bias=False)
    both = keras.Model([a, b], last(layers.Add()([tower(a), tower(b)])))
    on_a = keras.Model(a, last(tower(a)))
    last.set_weights([np.abs(numbers(6, 2))])
    result = explain(text, both, (X, X), baseline=(BASE, BASE))
    alone = explain(text, on_a, X, baseline=BASE)
    expected = next(iter(alone.values.values()))
    for array in result.values.values():
        np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-5)
    assert result.facts["rules"] > alone.facts["rules"]


@pytest.mark.parametrize("text", FAMILY)
def test_embeddings_are_explained_where_words_become_numbers(text):
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(9, 3),
            layers.Conv1D(4, 2, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )
    ids = np.random.default_rng(0).integers(0, 9, (3, 6)).astype(np.int32)
    shaken(model).layers[1].bias.assign(np.full(4, 3.0))  # the ReLUs are open
    result = values(text, model, ids)
    assert result.shape == (3, 6, 3)
    assert np.any(result != 0)


@pytest.mark.parametrize("text", ["guided-backprop", "deconvnet"])
def test_a_model_without_relu_is_refused(text):
    with pytest.raises(UsageError, match=f"{text} has nothing to apply its rule to") as caught:
        explain(text, dense(6, activation="tanh"), X)
    assert "gradient" in caught.value.hint


@pytest.mark.parametrize("text", ["deeplift", *ALL_LRP])
def test_a_model_without_layers_is_refused(text):
    model = keras.Sequential([keras.Input((4,)), layers.Reshape((2, 2)), layers.Flatten()])
    with pytest.raises(UsageError, match="has nothing to apply its rule to"):
        explain(text, model, X)


def gate(x):
    return layers.Multiply(name="gate")([x, layers.Dense(4, activation="sigmoid")(x)])


def attention(x):
    return layers.MultiHeadAttention(2, 3, name="heads")(x, x)


NAMED = {
    "lstm": ((5, 4), lambda: layers.LSTM(3, name="memory"), "memory"),
    "gru": ((5, 4), lambda: layers.GRU(3, name="memory"), "memory"),
    "normalized": ((5, 4), lambda: layers.LayerNormalization(name="normal"), "normal"),
    "gate": ((4,), lambda: gate, "gate"),
    "attention": ((5, 4), lambda: attention, "heads"),
    "softmax": ((4,), lambda: layers.Softmax(name="soft"), "soft"),
}


def named_model(kind):
    shape, make, _ = NAMED[kind]
    entry = keras.Input(shape)
    x = make()(layers.Dense(4, activation="relu")(entry))
    x = layers.Flatten()(x) if len(x.shape) > 2 else x
    return shape, shaken(keras.Model(entry, layers.Dense(2)(x)))


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("kind", NAMED)
def test_lrp_names_the_layer_that_has_no_rule(kind, traced):
    shape, model = named_model(kind)
    with pytest.raises(UsageError, match=f"has no rule for layer '{NAMED[kind][2]}'") as caught:
        explain("lrp:rule=epsilon", model, numbers(2, *shape), traced=traced)
    assert caught.value.kind == "rules"
    assert "another method" in caught.value.hint


@pytest.mark.parametrize("text", ["guided-backprop", "deconvnet", "deeplift"])
def test_loops_are_refused_by_name(text):
    shape, model = named_model("lstm")
    with pytest.raises(UsageError, match="layer 'memory': a loop"):
        explain(text, model, numbers(2, *shape))


def test_a_compiled_function_is_refused_where_a_relu_may_hide_in_it():
    import tensorflow as tf

    class Compiled(layers.Layer):
        def call(self, x):
            return tf.function(tf.nn.relu)(x)

    layer_list = [layers.Dense(4), Compiled(name="hidden"), layers.Dense(2)]
    model = shaken(keras.Sequential([keras.Input((4,)), *layer_list]))
    for text in FAMILY:
        with pytest.raises(UsageError, match="layer 'hidden': a compiled function"):
            explain(text, model, X)


def test_grouped_convolutions_have_no_rule_of_lrp():
    layer_list = [layers.Conv2D(4, 3, groups=2, activation="relu", name="groups"), layers.Flatten()]
    model = shaken(keras.Sequential([keras.Input((6, 6, 2)), *layer_list, layers.Dense(2)]))
    x = numbers(2, 6, 6, 2)
    assert explain("guided-backprop", model, x).facts == {"rules": 1}
    with pytest.raises(UsageError, match="layer 'groups': a compiled function"):
        explain("lrp", model, x)


def test_the_final_softmax_is_not_on_the_way_to_a_logit():
    model = dense(6, last="softmax")
    values("lrp:rule=epsilon", model, X, space="logit")
    with pytest.raises(UsageError, match="a softmax") as caught:
        explain("lrp:rule=epsilon", model, X, space="probability")
    assert caught.value.hint == "use --space logit"


def test_a_site_that_leads_nowhere_is_said_to_be_disconnected():
    a, b = keras.Input((4,)), keras.Input((4,))
    model = shaken(keras.Model([a, b], [layers.Dense(2, activation="relu")(a), layers.Dense(2)(b)]))
    for text in FAMILY:
        result = explain(text, model, (X, X))
        (apart,) = result.disconnected
        assert np.all(result.values[apart] == 0)


def test_a_fixed_batch_is_filled_up():
    entry = keras.Input(batch_shape=(2, 4))
    model = shaken(keras.Model(entry, layers.Dense(2)(layers.Dense(5, activation="relu")(entry))))
    free = keras.Sequential([keras.Input((4,)), *model.layers[1:]])
    for text in FAMILY:
        result, expected = (values(text, m, X, baseline=BASE) for m in (model, free))
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("text", FAMILY)
def test_each_batch_costs_one_pass(text):
    model = dense(6)
    engine = engine_of(model, X, batch_size=2)
    case = case_of(engine, X)
    calls = []
    inner = engine.runner.run

    def run(key, *rest):
        calls.append(key[0])
        return inner(key, *rest)

    engine.runner.run = run
    methods.build(text).attribute(engine, case)
    assert calls.count("ruled") == 3
    assert calls.count("scores") == (3 if text == "deeplift" else 0)


SAMPLES = {
    "shapes.keras": ("shapes/00-cross.png", "auto"),
    "sequential.keras": ("sequential.npy", "auto"),
    "sensors.keras": ("sensors_normal.npy", "loss:reconstruction"),
    "two_heads.keras": ("two_heads.npy", "kind/auto"),
    "two_inputs.keras": ("two_inputs.npz", "auto"),
}


# It has no ReLU, and its loss is a squared difference of two branches.
REFUSED = {("sensors.keras", name) for name in ("guided-backprop", "deconvnet", "lrp")}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("text", FAMILY)
def test_the_sample_models_work_or_are_refused_in_one_sentence(name, text, samples):
    model = api.load(samples / name)
    path, target = SAMPLES[name]
    attribution, error = None, None
    try:
        attribution = api.explain(model, samples / "inputs" / path, method=text, target=target)
    except UsageError as refusal:
        error = refusal
    if attribution is None:
        assert error.kind == "rules"
        assert (name, text.partition(":")[0]) in REFUSED
        return
    assert all(np.all(np.isfinite(v)) for v in attribution.values.values())
    checks = attribution.metadata["checks"]
    for check in checks if isinstance(checks, list) else [checks]:
        assert text != "deeplift" or check["completeness"]["gap"] < 1e-3
