"""Makes the sample classifier of pictures, with example pictures and their shape masks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from draw_shapes import CLASSES, SIDE, Pictures, draw_pictures
from keras import layers
from PIL import Image

EPOCHS = 24
PICTURES_PER_EPOCH = 5000
BATCH = 64
# Epochs draw with the seeds from here on, the held-out pictures with a seed below.
FIRST_SEED = 1000
HELD_OUT_SEED = 7
HELD_OUT = 2000
EXAMPLES = 12
LARGE_EXAMPLE, LARGE_SIZE = 6, (256, 192)  # a picture that is larger than what the model sees
LEAST_RIGHT = 0.98


def build_shapes(folder: Path) -> str:
    """Write the classifier, its labels and the first held-out pictures; return its accuracy.

    Exits if the classifier is right too seldom on the held-out pictures.
    """
    keras.utils.set_random_seed(5)
    model = classifier()
    train(model)
    held_out = draw_pictures(HELD_OUT, HELD_OUT_SEED)
    predictions = model.predict(held_out.pixels.astype(np.float32), verbose=0).argmax(axis=1)
    right = float(np.mean(predictions == held_out.labels))
    if right < LEAST_RIGHT:
        raise SystemExit(f"shapes: only {right:.2%} right on held-out pictures")
    model.save(folder / "shapes.keras")
    (folder / "shapes.labels.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    write_examples(folder, held_out)
    return f"{right:.2%} right on {HELD_OUT} held-out pictures"


def classifier() -> keras.Model:
    """Return an untrained classifier of raw pixels, 0 to 255."""
    picture = keras.Input((SIDE, SIDE, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescale")(picture)
    x = block(x, 1, filters=16, kernel=5, stride=2)
    x = block(x, 2, filters=32)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = block(x, 3, filters=48)
    x = block(x, 4, filters=48)
    x = layers.MaxPooling2D(name="pool2")(x)
    x = block(x, 5, filters=64)
    x = block(x, 6, filters=96)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    shape = layers.Dense(len(CLASSES), activation="softmax", name="shape")(x)
    return keras.Model(picture, shape, name="shapes")


def block(x: Any, number: int, filters: int, kernel: int = 3, stride: int = 1) -> Any:
    """Return the output of a normalised ReLU convolution of x."""
    name = f"conv{number}"
    conv = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, name=name)
    x = layers.BatchNormalization(name=f"norm{number}")(conv(x))
    return layers.ReLU(name=f"relu{number}")(x)


def train(model: keras.Model) -> None:
    """Train the model on new pictures each epoch; it stays uncompiled."""
    # The twin shares the layers: what it learns, the model knows.
    twin = keras.Model(model.input, model.output)
    batches = -(-PICTURES_PER_EPOCH // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * batches)
    twin.compile(keras.optimizers.AdamW(rate, weight_decay=1e-2), "sparse_categorical_crossentropy")
    with ThreadPoolExecutor(max_workers=1) as artist:
        # The pictures of the next epoch are drawn while the model trains on this one.
        upcoming = artist.submit(draw_pictures, PICTURES_PER_EPOCH, FIRST_SEED)
        for epoch in range(EPOCHS):
            pictures = upcoming.result()
            if epoch + 1 < EPOCHS:
                seed = FIRST_SEED + epoch + 1
                upcoming = artist.submit(draw_pictures, PICTURES_PER_EPOCH, seed)
            pixels = pictures.pixels.astype(np.float32)
            twin.fit(pixels, pictures.labels, batch_size=BATCH, verbose=0)


def write_examples(folder: Path, held_out: Pictures) -> None:
    """Write the first held-out pictures, whatever they show, and their masks; one also large."""
    pictures, masks = folder / "inputs" / "shapes", folder / "masks"
    for old in (*pictures.glob("*.png"), *masks.glob("*.png")):
        old.unlink()
    for index in range(EXAMPLES):
        name = f"{index:02d}-{CLASSES[held_out.labels[index]]}.png"
        Image.fromarray(held_out.pixels[index]).save(pictures / name)
        Image.fromarray(held_out.masks[index].astype(np.uint8) * 255).save(masks / name)
    large = Image.fromarray(held_out.pixels[LARGE_EXAMPLE])
    label = CLASSES[held_out.labels[LARGE_EXAMPLE]]
    large.resize(LARGE_SIZE, Image.Resampling.BICUBIC).save(
        folder / "inputs" / f"large-{label}.jpg", quality=85
    )
