"""The attacks of foolbox on the same model and pictures, as a yardstick for those of optimize.

foolbox is no dependency: make an environment of its own with TensorFlow, Keras, Pillow and
`pip install foolbox`, then call `python tests/bench/foolbox_attacks.py 300` there.
"""

import sys
from pathlib import Path

import foolbox
import keras
import numpy as np
import tensorflow as tf

SAMPLES = Path(__file__).parents[2] / "sample_models"
STEPS, LEVELS, BATCH = 40, (1.0, 2.0, 4.0, 8.0), 100


def load_logits():
    """Return the shapes model without its softmax, as foolbox wants it, and bounds in pixels."""
    model = keras.models.load_model(SAMPLES / "shapes.keras", compile=False)
    last = model.layers[-1]
    dense = keras.layers.Dense.from_config({**last.get_config(), "activation": "linear"})
    logits = keras.Model(model.inputs, dense(last.input))
    dense.set_weights(last.get_weights())
    return logits, foolbox.TensorFlowModel(logits, bounds=(0, 255))


def print_accuracies(name, attack, model, pixels, labels):
    """Print the share of pictures that stay right in each radius."""
    fooled = []
    for start in range(0, len(pixels), BATCH):
        part = slice(start, start + BATCH)
        _, _, success = attack(model, pixels[part], labels[part], epsilons=LEVELS)
        fooled.append(np.asarray(success))
    print(name, 1 - np.concatenate(fooled, axis=1).mean(axis=1))


def print_distances(name, attack, model, pixels, labels):
    """Print the median distance in levels and the number of successes, before and after rint."""
    logits, wrapped, order = model
    moved = []
    for start in range(0, len(pixels), BATCH):
        part = slice(start, start + BATCH)
        moved.append(np.asarray(attack(wrapped, pixels[part], labels[part], epsilons=None)[0]))
    raw = np.concatenate(moved)
    for words, points in (("raw", raw), ("rounded", np.rint(np.clip(raw, 0, 255)))):
        classes = np.argmax(logits.predict(points, verbose=0), axis=1)
        offsets = (points - pixels.numpy()).reshape(len(points), -1)
        distances = np.linalg.norm(offsets, ord=order, axis=1)
        distances[classes == labels.numpy()] = np.inf
        print(name, words, np.median(distances), np.isfinite(distances).sum())


def main(count):
    """Print the figures of FGSM, PGD and DeepFool."""
    sys.path.insert(0, str(SAMPLES))
    from draw_shapes import draw_pictures

    drawn = draw_pictures(2000, 7)
    pixels = tf.constant(drawn.pixels[:count].astype(np.float32))
    labels = tf.constant(drawn.labels[:count].astype(np.int64))
    logits, model = load_logits()
    attacks = foolbox.attacks
    pgd = attacks.LinfProjectedGradientDescentAttack(steps=STEPS, rel_stepsize=2.5 / STEPS)
    print_accuracies("fgsm", attacks.LinfFastGradientAttack(), model, pixels, labels)
    print_accuracies("pgd", pgd, model, pixels, labels)
    for name, attack, order in (
        ("deepfool inf", attacks.LinfDeepFoolAttack(), np.inf),
        ("deepfool 2", attacks.L2DeepFoolAttack(), 2),
    ):
        print_distances(name, attack, (logits, model, order), pixels, labels)


if __name__ == "__main__":
    main(int(sys.argv[1]))
