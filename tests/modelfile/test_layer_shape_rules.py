"""Shapes told from settings are those that Keras computes, for every rule and every layer."""

from itertools import product

import pytest

from inputgrad_cli.modelfile.allowed_config_names import LAYERS
from inputgrad_cli.modelfile.layer_shape_rules import (
    MERGES,
    RULES,
    SHAPE_KEEPING_LAYERS,
    infer_shape,
)

SPATIAL = [(1, (9,)), (1, (None,)), (2, (9, 8)), (2, (None, 7)), (3, (5, 6, 7))]


def agree(layer, *shapes):
    """Return whether the rule told a shape; it must be the one that Keras computes."""
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    given = layer(inputs[0] if len(inputs) == 1 else inputs)
    inferred = infer_shape(keras.saving.serialize_keras_object(layer), list(shapes))
    assert inferred in (None, tuple(given.shape[1:])), (layer.get_config(), shapes)
    return inferred is not None


def windows(axes):
    """Yield convolutions and poolings of `axes` spatial axes, of all their settings."""
    from keras import layers

    for kernel, stride, padding, dilation in product((1, 2, 3), (1, 3), ("same", "valid"), (1, 2)):
        if stride > 1 and dilation > 1:
            continue
        options = {"strides": stride, "padding": padding}
        wide = {**options, "dilation_rate": dilation}
        yield getattr(layers, f"Conv{axes}D")(4, kernel, **wide)
        for extra in {None, 0, stride - 1}:
            make = getattr(layers, f"Conv{axes}DTranspose")
            yield make(4, kernel, **wide, output_padding=extra)
        if axes < 3:
            yield getattr(layers, f"DepthwiseConv{axes}D")(kernel, **options, depth_multiplier=2)
            yield getattr(layers, f"SeparableConv{axes}D")(4, kernel, **options)
        for kind in ("Max", "Average"):
            yield getattr(layers, f"{kind}Pooling{axes}D")(kernel, **options)
            yield getattr(layers, f"Global{kind}Pooling{axes}D")(keepdims=stride > 1)


@pytest.mark.parametrize(("axes", "sizes"), SPATIAL)
def test_windows_along_axes(axes, sizes):
    from keras import layers

    others = [
        getattr(layers, f"{name}{axes}D")(rank)
        for name, rank in product(("UpSampling", "ZeroPadding", "Cropping"), (1, 2))
    ]
    every = [*windows(axes), *others]
    assert all(agree(layer, (*sizes, 3)) for layer in every)
    assert len(every) > 60


def test_settings_of_each_axis_and_channels_that_come_first():
    from keras import layers

    first = {"data_format": "channels_first"}
    every = [
        (layers.ZeroPadding1D((1, 2)), (5, 3)),
        (layers.ZeroPadding2D(((1, 2), (0, 3))), (5, 6, 3)),
        (layers.ZeroPadding2D((1, 2)), (5, 6, 3)),
        (layers.Cropping2D(((1, 0), (0, 1))), (5, 6, 3)),
        (layers.UpSampling2D((2, 3)), (5, 6, 3)),
        (layers.Conv1D(4, 3, padding="causal", strides=2), (9, 3)),
        (layers.Conv2D(4, (2, 3), strides=(1, 2)), (9, 9, 3)),
        (layers.Conv2D(4, 3, **first), (3, 9, 9)),
        (layers.MaxPooling2D(2, **first), (3, 9, 9)),
        (layers.GlobalAveragePooling2D(**first), (3, 9, 9)),
        (layers.GlobalAveragePooling2D(**first, keepdims=True), (3, 9, 9)),
        (layers.Resizing(4, 5), (9, 9, 3)),
        (layers.CenterCrop(4, 5), (9, 9, 3)),
    ]
    assert all(agree(*pair) for pair in every)


def test_the_other_layers():
    from keras import layers

    every = [
        *((layers.Dense(4), shape) for shape in [(3,), (2, 3), (None, 2, 3)]),
        *((layers.Flatten(), shape) for shape in [(3,), (2, 3), (None, 3), (2, 3, 4)]),
        *((layers.Embedding(9, 4), shape) for shape in [(7,), (None,), (2, 3)]),
        *((layers.Reshape(target), (6, 4)) for target in [(-1,), (24,), (2, -1, 3), (-1, 4)]),
        (layers.Reshape((-1,)), (2, None)),
        (layers.Permute((2, 1)), (3, 4)),
        (layers.RepeatVector(3), (4,)),
        (layers.TimeDistributed(layers.Conv2D(4, 3)), (2, 9, 9, 3)),
        (layers.TimeDistributed(layers.Dense(4, activation="softmax")), (2, 9)),
        (layers.TimeDistributed(layers.GlobalAveragePooling2D()), (None, 9, 9, 3)),
    ]
    for kind, sequences in product((layers.LSTM, layers.GRU, layers.SimpleRNN), (True, False)):
        every.append((kind(5, return_sequences=sequences), (4, 3)))
        for mode in ("concat", "sum", "ave", "mul"):
            every.append((layers.Bidirectional(kind(5, return_sequences=sequences), mode), (4, 3)))
    assert all(agree(*pair) for pair in every)


def test_merges_and_what_broadcasts():
    from keras import layers

    for name in MERGES:
        assert agree(getattr(layers, name)(), (4, 3), (4, 3))
        agree(getattr(layers, name)(), (4, 3), (1, 3))
    for axis in (-1, 1, 2):
        assert agree(layers.Concatenate(axis), (4, 3), (4, 3), (4, 3))
    assert agree(layers.Concatenate(1), (None, 3), (4, 3))


def test_layers_that_keep_the_shape():
    import keras

    needs = {"RandomTranslation": (0.1, 0.1), "Activation": ("relu",), "GroupNormalization": (2,)}
    settings = ("Dropout", "Noise", "RandomRotation", "RandomZoom", "RandomContrast", "Rescaling")
    for name in SHAPE_KEEPING_LAYERS:
        few = (0.5,) if any(word in name for word in (*settings, "RandomBrightness")) else ()
        make = getattr(keras.layers, name)
        ranks = {"1D": (1,), "2D": (2,), "3D": (3,)}.get(name[-2:], (2,))
        for axes in ranks:
            assert agree(make(*needs.get(name, few)), (*(4, 5, 6)[:axes], 4)), name


def test_only_layers_of_keras_have_rules():
    assert {*SHAPE_KEEPING_LAYERS, *RULES} <= LAYERS
    operation = {"class_name": "Add", "module": "keras.src.ops.numpy", "config": {}}
    assert infer_shape(operation, [(3,), (3,)]) is None
    assert infer_shape({"class_name": "Dense", "module": "mine", "config": {}}, [(3,)]) is None


@pytest.mark.parametrize("value", ["3", 3.5, -1, True, [3], {"a": 3}, 10**30, float("inf")])
@pytest.mark.parametrize("kind", RULES)
def test_odd_settings_give_lengths_or_nothing(kind, value):
    """The names are those of settings that say how long an axis is."""
    names = ("n", "units", "filters", "target_shape", "output_dim", "height", "width", "dims")
    shapes = [(4, 5), (4, 5)] if kind in (*MERGES, "Concatenate", "Dot") else [(4, 5)]
    settings = {"name": "it", **dict.fromkeys(names, value)}
    shape = infer_shape({"class_name": kind, "config": settings}, shapes)
    assert shape is None or all(side is None or (type(side) is int and side >= 0) for side in shape)
