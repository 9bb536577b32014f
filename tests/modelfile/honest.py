"""Models whose files hold more, or other, than their weights."""

import keras
import numpy as np
from keras import layers

X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)


def trained():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5, seed=3),
            layers.GaussianNoise(0.1),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", metrics=["mae", keras.metrics.AUC(from_logits=True)])
    model.fit(X, np.zeros((2, 1)), epochs=2, verbose=0)
    return model


def siamese():
    shared = keras.Sequential([layers.Dense(3), layers.Dense(3)], name="shared")
    x = keras.Input((4,))
    return keras.Model(x, layers.Dot(1)([shared(x), shared(layers.Rescaling(2.0)(x))]))


def quantized():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8), layers.Dense(2)])
    model.quantize("int8")
    return model


def mixed():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="mixed_float16")])


def half():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="bfloat16")])


def weightless():
    return keras.Sequential([keras.Input((4,)), layers.Rescaling(2.0)])


def normalized():
    norm = layers.Normalization()
    norm.adapt(X)
    return keras.Sequential([keras.Input((4,)), norm, layers.Dense(1)])


def recurrent():
    x = keras.Input((4,))
    y = layers.Bidirectional(layers.LSTM(3, dropout=0.1))(layers.Reshape((2, 2))(x))
    return keras.Model(x, layers.Dense(1)(y))


def lora():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8)])
    model.layers[0].enable_lora(2)
    return model
