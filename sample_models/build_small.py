"""Makes the four small sample models on tables of features, and their inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from custom_layer import Sine
from keras import layers
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROWS = 4096
HELD_OUT = 1024


def build_sequential(folder: Path) -> str:
    """Write the sequential model with its inputs; return its held-out figure.

    The target is 2 f0 - 3 f1 + f2 f3 + sin(2 f4): f5 to f9 are irrelevant.
    """
    keras.utils.set_random_seed(1)
    features = normal(seed=1, columns=10)
    f = features.T
    target = 2 * f[0] - 3 * f[1] + f[2] * f[3] + np.sin(2 * f[4])
    model = keras.Sequential(
        [
            keras.Input((10,), name="features"),
            layers.Dense(64, activation="relu", name="hidden"),
            layers.Dense(1, name="score"),
        ],
        name="sequential",
    )
    left = fit(model, features, target)
    model.save(folder / "sequential.keras")
    rows = features[-8:]
    np.save(folder / "inputs" / "sequential.npy", rows)
    header = ",".join(f"f{column}" for column in range(10))
    # Nine digits give back the very same 32-bit numbers.
    np.savetxt(
        folder / "inputs" / "sequential.csv",
        rows,
        fmt="%.9g",
        delimiter=",",
        header=header,
        comments="",
    )
    return unexplained(left)


def build_two_inputs(folder: Path) -> str:
    """Write the model of two named inputs with its inputs; return its held-out figure.

    The target is 2 a0 - a1 + a2 b0 + 3 |b1|: the other five features are irrelevant.
    """
    keras.utils.set_random_seed(2)
    input_a, input_b = np.split(normal(seed=2, columns=10), 2, axis=1)
    a, b = input_a.T, input_b.T
    target = 2 * a[0] - a[1] + a[2] * b[0] + 3 * np.abs(b[1])
    entries = [keras.Input((5,), name=name) for name in ("input_a", "input_b")]
    joined = layers.Concatenate(name="joined")(entries)
    hidden = layers.Dense(64, activation="relu", name="hidden")(joined)
    score = layers.Dense(1, name="score")(hidden)
    model = keras.Model(entries, score, name="two_inputs")
    left = fit(model, [input_a, input_b], target)
    model.save(folder / "two_inputs.keras")
    rows_a, rows_b = input_a[-4:], input_b[-4:]
    np.savez(folder / "inputs" / "two_inputs.npz", input_a=rows_a, input_b=rows_b)
    np.save(folder / "inputs" / "two_inputs_a.npy", rows_a)
    np.save(folder / "inputs" / "two_inputs_b.npy", rows_b)
    return unexplained(left)


def build_custom_layer(folder: Path) -> str:
    """Write the model with the layer `Sine` and its inputs; return its held-out figure.

    The target is 1.5 sin x0 - sin x1 + 0.5 sin x2: x3 is irrelevant.
    """
    keras.utils.set_random_seed(3)
    features = normal(seed=3, columns=4)
    x = features.T
    target = 1.5 * np.sin(x[0]) - np.sin(x[1]) + 0.5 * np.sin(x[2])
    model = keras.Sequential(
        [keras.Input((4,), name="features"), Sine(name="sine"), layers.Dense(1, name="score")],
        name="custom_layer",
    )
    left = fit(model, features, target)
    # Saved with a fresh optimizer: the state of the one that trained it is of no use here.
    model.compile(optimizer="sgd", loss="mean_squared_error")
    model.save(folder / "custom_layer.keras")
    np.save(folder / "inputs" / "custom_layer.npy", features[-4:])
    return unexplained(left)


def build_two_heads(folder: Path) -> str:
    """Write the model of two outputs with its inputs; return its held-out figures.

    `kind` is which of f0, f1, f2 is the largest; `size` is f3 + 2 f4; f5 is irrelevant.
    """
    keras.utils.set_random_seed(4)
    features = normal(seed=4, columns=6)
    kind = np.argmax(features[:, :3], axis=1)
    size = features[:, 3] + 2 * features[:, 4]
    entry = keras.Input((6,), name="features")
    hidden = layers.Dense(32, activation="relu", name="hidden")(entry)
    heads = {
        "kind": layers.Dense(3, activation="softmax", name="kind")(hidden),
        "size": layers.Dense(1, name="size")(hidden),
    }
    # The trained twin shares the layers of the saved model, whose outputs stay a plain list.
    trained = keras.Model(entry, heads)
    trained.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    known = slice(None, -HELD_OUT)
    trained.fit(
        features[known],
        {"kind": kind[known], "size": size[known]},
        epochs=30,
        verbose=0,
    )
    model = keras.Model(entry, list(heads.values()), name="two_heads")
    model.save(folder / "two_heads.keras")
    np.save(folder / "inputs" / "two_heads.npy", features[-4:])
    kinds, sizes = model.predict(features[-HELD_OUT:], verbose=0)
    right = np.mean(kinds.argmax(axis=1) == kind[-HELD_OUT:])
    error = np.mean((sizes[:, 0] - size[-HELD_OUT:]) ** 2) / np.var(size[-HELD_OUT:])
    return f"kind {right:.1%} right, size {unexplained(float(error))}"


def normal(seed: int, columns: int) -> Floats:
    """Return standard normal features, one row a sample."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((ROWS + HELD_OUT, columns), dtype=np.float32)


def fit(model: keras.Model, features: Any, target: Floats) -> float:
    """Train a model of one output; return the share of variance it leaves on the held-out rows.

    The model is trained through a twin of the same layers, and so stays uncompiled.
    """
    tables = features if isinstance(features, list) else [features]
    twin = keras.Model(model.inputs, model.outputs[0])
    twin.compile(keras.optimizers.Adam(3e-3), "mse")
    twin.fit([table[:-HELD_OUT] for table in tables], target[:-HELD_OUT], epochs=30, verbose=0)
    predictions = twin.predict([table[-HELD_OUT:] for table in tables], verbose=0)[:, 0]
    held_out = target[-HELD_OUT:]
    return float(np.mean((predictions - held_out) ** 2) / np.var(held_out))


def unexplained(share: float) -> str:
    """Return the sentence part that tells the share of variance left."""
    return f"{share:.1%} of the variance unexplained on held-out rows"
