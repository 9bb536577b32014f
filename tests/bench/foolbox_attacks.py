"""The attacks of foolbox on the same model and pictures, as a yardstick for those of optimize.

foolbox is no dependency: make an environment of its own with TensorFlow, Keras, Pillow and
`pip install foolbox`, then call `TF_ENABLE_ONEDNN_OPTS=0 python tests/bench/foolbox_attacks.py
300` there: eager operations of oneDNN can corrupt memory.
"""

import sys

import foolbox
import numpy as np
import tensorflow as tf
from peers import LEVELS, draw_held_out, load_logits

STEPS, BATCH = 40, 100


def print_accuracies(name, attack, model, pixels, labels):
    """Print the share of pictures that stay right in each radius."""
    fooled = []
    for start in range(0, len(pixels), BATCH):
        part = slice(start, start + BATCH)
        _, _, success = attack(
            model, pixels[part], labels[part], epsilons=[float(level) for level in LEVELS]
        )
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
    pixels, labels = map(tf.constant, draw_held_out(count))
    logits = load_logits()
    model = foolbox.TensorFlowModel(logits, bounds=(0, 255))
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
