"""Models as tutorials write them: augmentation, scaling, backbone and nesting, each with each."""

from itertools import product

import keras
import numpy as np

L = keras.layers
SIDE = 24


@keras.saving.register_keras_serializable("zoo")
class Divide(L.Layer):
    """A layer of one's own that scales pixels."""

    def call(self, inputs):
        return inputs / 255.0


@keras.saving.register_keras_serializable("zoo")
class Crop(L.Layer):
    """A layer of one's own that leaves pixels as they are."""

    def call(self, inputs):
        return inputs[:, 2:-2, 2:-2]


def flips():
    return [L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomContrast(0.2)]


def flat(x):
    for layer in flips():
        x = layer(x)
    return x


def twice_nested(x):
    inner = keras.Sequential([*flips()])
    return keras.Sequential([inner, L.RandomZoom(0.1), L.GaussianNoise(0.5)])(x)


def functional(x):
    start = keras.Input(x.shape[1:])
    return keras.Model(start, flat(start))(x)


def moved(x):
    x = L.Resizing(SIDE, SIDE)(L.CenterCrop(20, 20)(L.ZeroPadding2D(2)(x)))
    return L.Reshape((SIDE, SIDE, 3))(L.Permute((2, 1, 3))(x))


def cut(x):
    return keras.ops.concatenate([x[:, :12], keras.ops.flip(x[:, 12:], axis=2)], axis=1)


AUGMENTATIONS = {
    "none": lambda x: x,
    "flat": flat,
    "sequential": lambda x: keras.Sequential(flips(), name="data_augmentation")(x),
    "twice nested": twice_nested,
    "functional": functional,
    "pipeline": lambda x: L.Pipeline(flips())(x),
    "moved": moved,
    "operations": cut,
    "own layer": lambda x: Crop()(x),
    "lambda": lambda x: L.Lambda(lambda x: x[:, ::-1])(x),
}


def normalized(x):
    return L.Normalization(mean=[120.0, 115.0, 100.0], variance=[3600.0] * 3)(x)


def by_hand(x):
    blue, green, red = x[..., 2] - 103.9, x[..., 1] - 116.8, x[..., 0] - 123.7
    return keras.ops.stack([blue, green, red], axis=-1)


SCALINGS = {
    "255": lambda x: L.Rescaling(1 / 255.0)(x),
    "127.5": lambda x: L.Rescaling(1 / 127.5, offset=-1)(x),
    "preprocess tf": lambda x: keras.applications.mobilenet_v2.preprocess_input(x),
    "preprocess caffe": lambda x: keras.applications.resnet50.preprocess_input(x),
    "preprocess torch": lambda x: keras.applications.densenet.preprocess_input(x),
    "normalization": normalized,
    "by hand": by_hand,
    "times": lambda x: x * (1 / 255.0),
    "nested": lambda x: keras.Sequential([L.Rescaling(1 / 255.0)])(x),
    "lambda": lambda x: L.Lambda(lambda x: x / 127.5 - 1.0)(x),
    "own layer": lambda x: Divide()(x),
    "none": lambda x: x,
}


def convolved(x):
    return L.Conv2D(6, 3, activation="relu", bias_initializer="random_normal")(x)


def residual(x):
    shortcut = L.Conv2D(6, 1, padding="same")(x)
    deep = L.Conv2D(6, 3, padding="same", bias_initializer="random_normal")(x)
    return L.ReLU()(L.Add()([shortcut, L.BatchNormalization()(deep)]))


def nested(x):
    start = keras.Input(x.shape[1:])
    return keras.Model(start, convolved(start), name="backbone")(x)


def gated(x):
    gate = L.Dense(3, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))
    return convolved(L.Multiply()([x, gate]))


BACKBONES = {"plain": convolved, "residual": residual, "nested": nested, "gated": gated}


def build(augmentation, scaling, backbone):
    """Return a classifier of three classes put together of the parts of these names."""
    start = keras.Input((SIDE, SIDE, 3), name="picture")
    x = SCALINGS[scaling](AUGMENTATIONS[augmentation](start))
    x = L.GlobalAveragePooling2D()(BACKBONES[backbone](x))
    return keras.Model(start, L.Dense(3, activation="softmax", name="class")(x))


def kinds():
    """Return every augmentation with every scaling, the backbones in turn."""
    pairs = list(product(AUGMENTATIONS, SCALINGS))
    backbones = list(BACKBONES)
    return [(*pair, backbones[n % len(backbones)]) for n, pair in enumerate(pairs)]


def picture(seed):
    """Return pixels 0..255 (H, W, C) with light and dark parts."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return low.repeat(SIDE // 4, axis=0).repeat(SIDE // 4, axis=1)
