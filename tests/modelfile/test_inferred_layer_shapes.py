"""The shapes that the archive tells are those that the opened model has, and few are left open."""

import json

import pytest

from inputgrad_cli.describe.model import describe_model


def line():
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((28, 28, 1)),
            layers.RandomFlip(),
            layers.ZeroPadding2D(((1, 2), (0, 1))),
            layers.Conv2D(8, 3, strides=2, padding="same"),
            layers.MaxPooling2D(3, 2),
            layers.SeparableConv2D(4, 3, dilation_rate=2),
            layers.UpSampling2D((2, 3)),
            layers.Cropping2D(1),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.Permute((3, 1, 2)),
            layers.Reshape((-1, 2)),
            layers.Flatten(),
            layers.RepeatVector(3),
            layers.GRU(4, return_sequences=True),
            layers.GlobalAveragePooling1D(),
            layers.Softmax(),
        ]
    )


def graph():
    from keras import Input, Model, layers

    x = Input((32, 32, 3))
    a = layers.Conv2D(8, 3, padding="same")(x)
    b = layers.Conv2DTranspose(8, 2, strides=2)(layers.AveragePooling2D(2)(a))
    c = layers.Concatenate()([a, b])
    ends = [
        layers.Conv2D(1, 1, name="mask")(c),
        layers.Add()([a, b]),
        layers.Concatenate(1)([a, a]),
    ]
    return Model(x, ends)


def words():
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input((None,), dtype="int32"),
            layers.Embedding(9, 4),
            layers.Conv1D(5, 3, strides=2),
            layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3)),
            layers.Bidirectional(layers.LSTM(2), merge_mode="sum"),
        ]
    )


def inside():
    from keras import Input, Model, layers

    x = Input((16, 16, 3))
    inner = Model(x, layers.ReLU()(layers.Conv2D(4, 3)(x)), name="inner")
    y = Input((4, 16, 16, 3))
    return Model(y, layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(inner)(y)))


def volume():
    from keras import Input, Sequential, layers

    return Sequential([Input((8, 8, 8, 2)), layers.Conv3D(3, 3), layers.GlobalMaxPooling3D()])


def first():
    from keras import Input, Sequential, layers

    line = [Input((3, 8, 8)), layers.Conv2D(4, 3, data_format="channels_first"), layers.Flatten()]
    return Sequential(line)


def real_shapes(model, prefix=""):
    for inner in model.layers:
        yield prefix + inner.name, tuple(inner.output.shape[1:])
        if hasattr(inner, "layers"):
            yield from real_shapes(inner, f"{prefix}{inner.name}/")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("make", [line, graph, words, inside, volume, first])
def test_the_archive_tells_what_the_opened_model_has(make, tmp_path):
    model = make()
    model.save(tmp_path / "m.keras")
    about = describe_model(tmp_path / "m.keras")
    real = dict(real_shapes(model))
    shapes = {row.name: row.shape for row in about.layers if row.name in real}
    assert set(shapes) >= {inner.name for inner in model.layers}
    for name, shape in shapes.items():
        assert shape is None or shape == real[name], name
    if make is not first:  # whose convolution the rules leave to Keras
        assert None not in shapes.values(), json.dumps(shapes)
        assert None not in [end.shape for end in about.outputs]
