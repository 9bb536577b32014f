"""Makes the sample classifier of videos: a spot moves to the left or right, or stands still."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from PIL import Image
from training import Course, Examples, save_classifier, train_classifier, yield_samples

FRAMES, HEIGHT, WIDTH = 16, 24, 32
CLASSES = ("moves left", "stands still", "moves right")
SPEED = 1.1  # pixels a frame
SPREAD = 1.6  # standard deviation of a spot in pixels
GROUND, BRIGHT, NOISE = 30, 200, 3.0
CAUSE = 0.2  # of the brightness of the spot: where it is at least that bright, it is the cause
MILLISECONDS = 100  # that a frame is shown


def build_clip(folder: Path) -> str:
    """Write the classifier, its labels, a clip of each class and where its moving spot is."""
    keras.utils.set_random_seed(11)
    clip = keras.Input((FRAMES, HEIGHT, WIDTH, 3), name="clip")
    x = layers.Rescaling(1 / 255, name="rescale")(clip)
    x = layers.Conv3D(8, (4, 5, 9), strides=2, activation="relu", name="conv")(x)
    x = layers.GlobalMaxPooling3D(name="largest")(x)
    motion = layers.Dense(len(CLASSES), activation="softmax", name="motion")(x)
    model = keras.Model(clip, motion, name="clip")
    figure = train_classifier(model, Course(draw_clips, seed=110, epochs=30, rate=5e-3))
    save_classifier(folder, model, CLASSES)
    for path, frames in yield_samples(folder, "clip", CLASSES, draw_clips(8, seed=112)):
        first, *others = [Image.fromarray(frame[..., 0]) for frame in frames]
        first.save(
            path.with_suffix(".gif"),
            save_all=True,
            append_images=others,
            duration=MILLISECONDS,
            loop=0,
        )
    return figure


def draw_clips(count: int, seed: int) -> Examples:
    """Return grey clips (n, 16, 24, 32, 3), uint8; the cause is the spot that moves.

    A second spot, as bright and in the other half, stands still.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=count)
    clips = np.full((count, FRAMES, HEIGHT, WIDTH), GROUND, np.float32)
    causes = np.zeros(clips.shape, np.bool_)
    times = np.arange(FRAMES) - (FRAMES - 1) / 2
    for index, label in enumerate(labels):
        rows = rng.uniform((5, 15), (8, 18))
        rng.shuffle(rows)
        moving = draw_spot(rows[0], rng.uniform(14, 18) + (label - 1) * SPEED * times)
        standing = draw_spot(rows[1], np.full(FRAMES, rng.uniform(6, 26)))
        clips[index] += BRIGHT * (moving + standing)
        causes[index] = (moving >= CAUSE) & (CLASSES[label] != "stands still")
    clips += NOISE * rng.standard_normal(clips.shape, dtype=np.float32)
    pixels = np.clip(np.rint(clips), 0, 255).astype(np.uint8)
    return Examples(np.repeat(pixels[..., np.newaxis], 3, axis=-1), labels, causes)


def draw_spot(row: float, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return frames (16, 24, 32) of a spot of height 1 in a row, at a column in each frame."""
    down, right = np.mgrid[:HEIGHT, :WIDTH]
    distance = (down - row) ** 2 + (right - columns[:, None, None]) ** 2
    spot: NDArray[np.float64] = np.exp(-distance / (2 * SPREAD**2))
    return spot
