"""Makes the sample segmenter, which says of each pixel whether it belongs to the shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from draw_shapes import SIDE, draw_pictures
from keras import layers

CLASSES = ("background", "shape")  # the last axis of the output
PICTURES, EPOCHS, BATCH = 2000, 10, 32
HELD_OUT, LEAST_OVERLAP = 200, 0.8


def build_outline(folder: Path) -> str:
    """Write the segmenter; return its overlap on held-out pictures.

    Its inputs and masks are those of the classifier of shapes.
    """
    keras.utils.set_random_seed(16)
    model = segmenter()
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    known, held_out = draw_pictures(PICTURES, seed=160), draw_pictures(HELD_OUT, seed=161)
    pixels = known.pixels.astype(np.float32)
    model.fit(pixels, known.masks.astype(int), batch_size=BATCH, epochs=EPOCHS, verbose=0)
    classes = model.predict(held_out.pixels.astype(np.float32), verbose=0).argmax(axis=-1)
    covered, masks = classes == CLASSES.index("shape"), held_out.masks
    overlap = (covered & masks).sum() / (covered | masks).sum()
    if overlap < LEAST_OVERLAP:
        raise SystemExit(f"outline: an overlap of only {overlap:.1%} on held-out pictures")
    model.save(folder / "outline.keras")
    (folder / "outline.labels.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    return f"intersection over union {overlap:.1%} on {HELD_OUT} held-out pictures"


def segmenter() -> keras.Model:
    """Return an untrained segmenter of raw pixels, a U-Net of three levels."""
    picture = keras.Input((SIDE, SIDE, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(picture)
    fine = convolve(x, 8, "fine")
    middle = convolve(fine, 16, "middle", stride=2)
    coarse = convolve(convolve(middle, 24, "down", stride=2), 24, "coarse")
    x = layers.Concatenate(name="join1")([layers.UpSampling2D(name="up1")(coarse), middle])
    x = convolve(x, 16, "middle_up")
    x = layers.Concatenate(name="join2")([layers.UpSampling2D(name="up2")(x), fine])
    x = convolve(x, 8, "fine_up")
    pixels = layers.Conv2D(len(CLASSES), 1, activation="softmax", name="pixels")(x)
    return keras.Model(picture, pixels, name="outline")


def convolve(x: Any, filters: int, name: str, stride: int = 1) -> Any:
    """Return the output of a ReLU convolution of x."""
    layer = layers.Conv2D(filters, 3, strides=stride, padding="same", activation="relu", name=name)
    return layer(x)
