"""Makes the sample autoencoder of sensor windows, with normal and faulty windows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TIMES = 64
CHANNELS = 4
# Each channel is a mix of the same two waves, and so can be told from the others.
MIX = np.array([[1.0, 0.6, -0.8, 0.3], [0.2, -0.9, 0.5, 1.0]])
# How many waves a window of 64 times holds, least and most, for the two waves.
CYCLES = ((1.0, 2.0), (2.5, 4.0))
NOISE = 0.05
TRAINING = 8192
EXAMPLES = 16


def build_sensors(folder: Path) -> str:
    """Write the autoencoder, windows and the truth on the faults; return its errors."""
    keras.utils.set_random_seed(6)
    model = autoencoder()
    # Trained through a twin of the same layers: the saved model stays uncompiled.
    twin = keras.Model(model.input, model.output)
    known = normal_windows(TRAINING, seed=60)
    epochs, batch = 40, 64
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * TRAINING // batch)
    twin.compile(keras.optimizers.Adam(rate), "mse")
    twin.fit(known, known, epochs=epochs, batch_size=batch, verbose=0)
    model.save(folder / "sensors.keras")

    normal = normal_windows(EXAMPLES, seed=61)
    faulty, faults = plant_faults(normal_windows(EXAMPLES, seed=62), seed=63)
    np.save(folder / "inputs" / "sensors_normal.npy", normal)
    np.save(folder / "inputs" / "sensors_fault.npy", faulty)
    lines = ",\n".join(f"  {json.dumps(fault)}" for fault in faults)
    (folder / "inputs" / "sensors_fault.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    return (
        f"mean squared error {errors(model, normal).mean():.4f} on normal windows, "
        f"{errors(model, faulty).mean():.4f} on faulty ones"
    )


def autoencoder() -> keras.Model:
    """Return an untrained autoencoder of (64, 4) windows through 12 numbers."""
    window = keras.Input((TIMES, CHANNELS), name="window")
    x = layers.Flatten(name="flat")(window)
    x = layers.Dense(96, activation="tanh", name="encode")(x)
    x = layers.Dense(12, name="code")(x)
    x = layers.Dense(96, activation="tanh", name="decode")(x)
    x = layers.Dense(TIMES * CHANNELS, name="values")(x)
    return keras.Model(window, layers.Reshape((TIMES, CHANNELS), name="rebuilt")(x), name="sensors")


def normal_windows(count: int, seed: int) -> Floats:
    """Return (count, 64, 4) windows: mixes of two waves of random phase, with small noise."""
    rng = np.random.default_rng(seed)
    least, most = np.array(CYCLES).T
    cycles = rng.uniform(least, most, size=(count, 2))[:, None, :]
    phase = rng.uniform(0, 2 * math.pi, size=(count, 2))[:, None, :]
    height = rng.uniform(0.7, 1.3, size=(count, 2))[:, None, :]
    time = np.arange(TIMES)[None, :, None] / TIMES
    waves = height * np.sin(2 * math.pi * cycles * time + phase)
    noise = NOISE * rng.standard_normal((count, TIMES, CHANNELS))
    windows: Floats = (waves @ MIX + noise).astype(np.float32)
    return windows


def plant_faults(windows: Floats, seed: int) -> tuple[Floats, list[dict[str, int]]]:
    """Return the windows with one channel shifted for a while each, and where that is."""
    rng = np.random.default_rng(seed)
    faulty = windows.copy()
    faults = []
    for window in faulty:
        channel = int(rng.integers(CHANNELS))
        length = int(rng.integers(6, 15))
        start = int(rng.integers(TIMES - length + 1))
        shift = rng.choice([-1.0, 1.0]) * rng.uniform(1.2, 2.0)
        window[start : start + length, channel] += shift
        faults.append({"channel": channel, "start": start, "stop": start + length})
    return faulty, faults


def errors(model: keras.Model, windows: Floats) -> Floats:
    """Return the mean squared difference of output and input of each window."""
    rebuilt: Floats = model.predict(windows, verbose=0)
    squares: Floats = np.mean((rebuilt - windows) ** 2, axis=(1, 2))
    return squares
