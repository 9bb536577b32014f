"""The script that people write today: the yardstick of `make bench`.

`straight.py eager|compiled MODEL OUT INPUT...` loads the model, takes the gradient of the top class
of each picture, or of each row of a table, in batches, and saves arrays and pictures.
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

BATCH = 16

mode, model_path, out, *inputs = sys.argv[1:]
model = keras.models.load_model(model_path, compile=False)


def gradient(x):
    """Return the gradient of the largest output of each sample."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        score = tf.reduce_max(model(x, training=False), axis=1)
    return tape.gradient(score, x)


if mode == "compiled":
    shape = (None, *model.inputs[0].shape[1:])
    gradient = tf.function(gradient, input_signature=[tf.TensorSpec(shape)])


def save_pictures(paths):
    """Read, differentiate and save a batch of pictures."""
    pixels = [np.asarray(Image.open(path).convert("RGB"), np.float32) for path in paths]
    for path, array in zip(paths, gradient(tf.constant(np.stack(pixels))).numpy(), strict=True):
        stem = os.path.join(out, os.path.basename(path))
        np.savez(stem + ".npz", picture=array)
        heat = np.abs(array).max(axis=-1)
        grey = np.uint8(255 * heat / (heat.max() or 1))
        Image.fromarray(grey).resize((256, 256), Image.Resampling.NEAREST).save(stem + ".png")


os.makedirs(out, exist_ok=True)
if inputs[0].endswith(".csv"):
    rows = np.loadtxt(inputs[0], np.float32, delimiter=",", skiprows=1, ndmin=2)
    arrays = gradient(tf.constant(rows)).numpy()
    np.savez(os.path.join(out, "table.npz"), table=arrays)
    np.savetxt(os.path.join(out, "table.csv"), arrays, delimiter=",")
else:
    if os.path.isdir(inputs[0]):
        inputs = [os.path.join(inputs[0], name) for name in sorted(os.listdir(inputs[0]))]
    for start in range(0, len(inputs), BATCH):
        save_pictures(inputs[start : start + BATCH])
