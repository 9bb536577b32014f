"""The attacks of the Adversarial Robustness Toolbox, as a yardstick for those of optimize.

It is no dependency: make an environment of its own with TensorFlow, Keras, Pillow and
`pip install adversarial-robustness-toolbox`, then call `python tests/bench/art_attacks.py 300`
there. Its attacks run as they are published; only the model is ours, in a class that computes
losses and gradients with Keras 3, which the toolbox itself does not know, and counts them.
"""

import sys

import numpy as np
import tensorflow as tf
from art.attacks.evasion import AutoProjectedGradientDescent, DeepFool
from art.attacks.evasion.projected_gradient_descent.projected_gradient_descent_numpy import (
    ProjectedGradientDescentNumpy,
)
from art.estimators.classification import TensorFlowV2Classifier
from peers import LEVELS, draw_held_out, load_logits

STEPS, BATCH, RANGE, SEEDS = 40, 100, 255.0, 1
CLASSES, SHAPE = 5, (64, 64, 3)
OVERSHOOTS = (1e-6, 0.02)  # of DeepFool: its default, and that of the paper


class Shapes(TensorFlowV2Classifier):
    """The logits of pictures from 0 to 1, the range that its DeepFool supposes."""

    def __init__(self, logits):
        super().__init__(
            model=logits, nb_classes=CLASSES, input_shape=SHAPE, clip_values=(0.0, 1.0)
        )
        self.gradient_count = 0
        self._compute = tf.function(lambda x: logits(x * RANGE, training=False), autograph=False)
        self._compute_gradients = tf.function(self._build_gradients, reduce_retracing=True)
        self._compute_jacobian = tf.function(self._build_jacobian, reduce_retracing=True)

    def predict(self, x, batch_size=BATCH, **options):
        """Return the logits, (N, classes)."""
        parts = np.array_split(np.float32(x), -(-len(x) // batch_size))
        return np.concatenate([self._compute(tf.constant(part)).numpy() for part in parts])

    def compute_loss(self, x, y, **options):
        """Return the cross-entropy of each picture, (N,)."""
        return self._compute_losses(tf.constant(x), tf.constant(y, tf.float32)).numpy()

    def loss_gradient(self, x, y, **options):
        """Return the gradients of the cross-entropy, (N, H, W, C)."""
        self.gradient_count += len(x)
        return self._compute_gradients(tf.constant(x), tf.constant(y, tf.float32)).numpy()

    def class_gradient(self, x, label=None, **options):
        """Return the gradients of all logits, (N, classes, H, W, C)."""
        assert label is None
        self.gradient_count += len(x) * CLASSES
        return self._compute_jacobian(tf.constant(np.float32(x))).numpy()

    def _compute_losses(self, x, y):
        return tf.nn.softmax_cross_entropy_with_logits(y, self._compute(x))

    def _build_gradients(self, x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(self._compute_losses(x, y))
        return tape.gradient(total, x)

    def _build_jacobian(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = self._compute(x)
        return tape.batch_jacobian(logits, x, experimental_use_pfor=False)


def print_accuracies(name, build_attack, model, pixels, labels):
    """Print the shares that stay right in each radius, alone and after all smaller ones.

    A picture counts as stored, rounded to whole pixels; those of the floats come after it.
    """
    for seed in range(SEEDS):
        np.random.seed(seed)
        model.gradient_count = 0
        shares = []
        is_right = np.ones((2, len(pixels)), bool)  # rounded and not, in all radii so far
        for level in LEVELS:
            attack = build_attack(model, level / RANGE)
            moved = attack.generate(pixels / np.float32(RANGE), np.eye(CLASSES)[labels])
            rounded = np.rint(moved * RANGE)
            assert np.abs(rounded - pixels).max() <= level
            stays = [model.predict(x).argmax(axis=1) == labels for x in (rounded / RANGE, moved)]
            is_right &= stays
            shares.append([*np.mean(stays, axis=1), *is_right.mean(axis=1)])
        gradients = model.gradient_count / len(pixels)
        words = ("rounded", "floats", "rounded, in all radii so far", "floats, in all so far")
        for word, line in zip(words, np.transpose(shares), strict=True):
            print(name, f"seed {seed}", word, line.round(3), f"{gradients:.1f}", flush=True)


def print_distances(overshoot, model, pixels, labels):
    """Print the median Euclidean distance of DeepFool in levels, before and after rounding."""
    model.gradient_count = 0
    attack = DeepFool(model, epsilon=overshoot, batch_size=1, verbose=False)
    moved = attack.generate(pixels / np.float32(RANGE)) * RANGE
    gradients = model.gradient_count / len(pixels)
    for word, points in (("floats", moved), ("rounded", np.rint(moved))):
        classes = model.predict(points / RANGE).argmax(axis=1)
        offsets = (points - pixels).reshape(len(points), -1)
        distances = np.where(classes == labels, np.inf, np.linalg.norm(offsets, axis=1))
        count = np.isfinite(distances).sum()
        print(
            f"deepfool {overshoot:g}",
            word,
            np.median(distances),
            count,
            f"{gradients:.1f}",
            flush=True,
        )


def build_pgd(model, radius):
    """Return PGD with the steps of ours: 2.5 radii in all, from one random start."""
    return ProjectedGradientDescentNumpy(
        model,
        eps=radius,
        eps_step=2.5 * radius / STEPS,
        max_iter=STEPS,
        num_random_init=1,
        batch_size=BATCH,
        verbose=False,
    )


def build_apgd(model, radius):
    """Return APGD as in the paper: a first step of two radii, from one random start."""
    return AutoProjectedGradientDescent(
        model,
        eps=radius,
        eps_step=2 * radius,
        max_iter=STEPS,
        nb_random_init=1,
        batch_size=BATCH,
        verbose=False,
    )


def main(count, names):
    """Print the figures of the attacks whose names are given, or of all."""
    pixels, labels = draw_held_out(count)
    model = Shapes(load_logits())
    assert (model.predict(pixels / RANGE).argmax(axis=1) == labels).all()
    for name, build_attack in (("apgd", build_apgd), ("pgd", build_pgd)):
        if not names or name in names:
            print_accuracies(name, build_attack, model, pixels, labels)
    for overshoot in OVERSHOOTS if not names or "deepfool" in names else ():
        print_distances(overshoot, model, pixels, labels)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
