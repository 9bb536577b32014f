"""Makes the sample classifiers of sounds: beeps in waveforms, and chirps in spectrograms."""

from __future__ import annotations

import wave
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from training import Course, Examples, save_classifier, train_classifier, yield_samples

RATE = 8000  # samples of a waveform in its second
PITCHES = {"no beep": 0.0, "low beep": 500.0, "high beep": 1100.0}  # hertz
BEEP_SECONDS, LOUDNESS, HISS = 0.15, 0.5, 0.02
KNOCK_SECONDS = 0.01  # in which a knock dies down
FRAMES, BINS = 64, 32
CHIRPS = ("falling", "rising")
CHIRP_FRAMES, CHIRP_BINS = 20, 14  # that a chirp covers
WIDTH = 1.0  # standard deviation of a tone in bins
CAUSE = 0.1  # of the height of a chirp: where it is at least that high, it is the cause


def build_beep(folder: Path) -> str:
    """Write the classifier of waveforms, its labels, a sound of each class, and the beeps."""
    keras.utils.set_random_seed(13)
    classes = tuple(PITCHES)
    sound = keras.Input((RATE,), name="sound")
    x = layers.Reshape((RATE, 1), name="channel")(sound)
    x = layers.Conv1D(16, 64, strides=16, activation="relu", name="conv1")(x)
    x = layers.Conv1D(16, 9, strides=2, activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling1D(name="average")(x)
    tone = layers.Dense(len(classes), activation="softmax", name="tone")(x)
    model = keras.Model(sound, tone, name="beep")
    figure = train_classifier(model, Course(draw_sounds, seed=130, epochs=15))
    save_classifier(folder, model, classes)
    for path, values in yield_samples(folder, "beep", classes, draw_sounds(8, seed=132)):
        write_wave(path.with_suffix(".wav"), values)
    return figure


def draw_sounds(count: int, seed: int) -> Examples:
    """Return waveforms (n, 8000), a second each, with a knock and perhaps a beep, the cause."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(PITCHES), size=count)
    pitches = np.array(list(PITCHES.values()))
    times = np.arange(RATE) / RATE
    sounds = HISS * rng.standard_normal((count, RATE))
    causes = np.zeros((count, RATE), np.bool_)
    for index, label in enumerate(labels):
        halves = rng.permutation([0.1, 0.6])
        start, knock = halves + rng.uniform(0, 0.2, size=2)
        causes[index] = (times >= start) & (times < start + BEEP_SECONDS) & (pitches[label] > 0)
        height = np.sin(np.pi * np.clip((times - start) / BEEP_SECONDS, 0, 1)) * causes[index]
        phase = rng.uniform(0, 2 * np.pi)
        beep = np.sin(2 * np.pi * pitches[label] * times + phase)
        decay = np.exp(-np.maximum(times - knock, 0) / KNOCK_SECONDS) * (times >= knock)
        sounds[index] += LOUDNESS * (height * beep + decay * rng.uniform(-1, 1, size=RATE))
    return Examples(np.clip(sounds, -1, 1).astype(np.float32), labels, causes)


def write_wave(path: Path, values: NDArray[np.float32]) -> None:
    """Write a waveform of -1..1 as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(values * 32767).astype("<i2").tobytes())


def build_chirp(folder: Path) -> str:
    """Write the classifier of spectrograms, its labels, one of each class, and the chirps."""
    keras.utils.set_random_seed(14)
    spectrogram = keras.Input((FRAMES, BINS), name="spectrogram")
    x = layers.Reshape((FRAMES, BINS, 1), name="channel")(spectrogram)
    x = layers.Conv2D(8, 9, strides=2, activation="relu", name="conv1")(x)
    x = layers.Conv2D(8, 3, activation="relu", name="conv2")(x)
    x = layers.GlobalMaxPooling2D(name="largest")(x)
    course = layers.Dense(len(CHIRPS), activation="softmax", name="course")(x)
    model = keras.Model(spectrogram, course, name="chirp")
    figure = train_classifier(model, Course(draw_spectrograms, seed=140, epochs=15))
    save_classifier(folder, model, CHIRPS)
    for path, values in yield_samples(folder, "chirp", CHIRPS, draw_spectrograms(8, seed=142)):
        np.save(path.with_suffix(".npy"), values)
    return figure


def draw_spectrograms(count: int, seed: int) -> Examples:
    """Return magnitudes (n, 64, 32) of 0..1; the cause is the chirp, beside it is a steady hum."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CHIRPS), size=count)
    bins, frames = np.arange(BINS), np.arange(FRAMES)
    values = np.abs(0.05 * rng.standard_normal((count, FRAMES, BINS)))
    causes = np.zeros(values.shape, np.bool_)
    for index, label in enumerate(labels):
        low = rng.uniform(2, BINS - CHIRP_BINS - 2)
        start = rng.integers(4, FRAMES - CHIRP_FRAMES - 4)
        share = np.clip((frames - start) / CHIRP_FRAMES, 0, 1)
        centre = low + CHIRP_BINS * (share if CHIRPS[label] == "rising" else 1 - share)
        is_on = (frames >= start) & (frames < start + CHIRP_FRAMES)
        chirp = np.exp(-((bins - centre[:, None]) ** 2) / (2 * WIDTH**2)) * is_on[:, None]
        apart = (1, low - 4) if low > BINS / 4 else (low + CHIRP_BINS + 4, BINS - 2)
        hum = np.exp(-((bins - rng.uniform(*apart)) ** 2) / (2 * WIDTH**2))
        values[index] = np.maximum(values[index], np.maximum(0.9 * chirp, 0.6 * hum))
        causes[index] = chirp >= CAUSE
    return Examples(np.clip(values, 0, 1).astype(np.float32), labels, causes)
