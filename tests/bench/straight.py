"""The script that people write today, for one picture: the yardstick of `make bench`.

Loads the model, takes one gradient of the top class, saves the array and a picture.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

model_path, picture, out = sys.argv[1:]
model = keras.models.load_model(model_path, compile=False)
pixels = np.asarray(Image.open(picture).convert("RGB"), np.float32)
x = tf.constant(pixels[np.newaxis])
with tf.GradientTape() as tape:
    tape.watch(x)
    y = model(x, training=False)
    score = tf.reduce_max(y, axis=1)
gradient = tape.gradient(score, x).numpy()[0]
np.savez(out + ".npz", picture=gradient)
heat = np.abs(gradient).max(axis=-1)
grey = np.uint8(255 * heat / (heat.max() or 1))
Image.fromarray(grey).resize((256, 256), Image.Resampling.NEAREST).save(out + ".png")
