"""The model and the pictures on which other libraries are held against `optimize`."""

import sys
from pathlib import Path

import keras
import numpy as np

SAMPLES = Path(__file__).parents[2] / "sample_models"
LEVELS = (1, 2, 4, 8)  # radii, of 255


def load_logits():
    """Return the shapes model without its softmax; it takes pixels from 0 to 255."""
    model = keras.models.load_model(SAMPLES / "shapes.keras", compile=False)
    last = model.layers[-1]
    dense = keras.layers.Dense.from_config({**last.get_config(), "activation": "linear"})
    logits = keras.Model(model.inputs, dense(last.input))
    dense.set_weights(last.get_weights())
    return logits


def draw_held_out(count):
    """Return the first held-out pictures as float32 pixels, and their labels."""
    sys.path.insert(0, str(SAMPLES))
    from draw_shapes import draw_pictures

    drawn = draw_pictures(2000, 7)
    return drawn.pixels[:count].astype(np.float32), drawn.labels[:count].astype(np.int64)
