"""Makes the sample classifier of one-hot DNA: with or without the motif TATAAA."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from training import Course, Examples, save_classifier, train_classifier, yield_samples

LENGTH, ALPHABET = 60, "ACGT"
CLASSES = ("other", "promoter")
MOTIF = np.array([ALPHABET.index(letter) for letter in "TATAAA"])


def build_promoter(folder: Path) -> str:
    """Write the classifier, its labels, a sequence of each class and where the motif is."""
    keras.utils.set_random_seed(12)
    dna = keras.Input((LENGTH, len(ALPHABET)), name="dna")
    x = layers.Conv1D(16, len(MOTIF) + 2, activation="relu", name="conv")(dna)
    x = layers.GlobalMaxPooling1D(name="largest")(x)
    kind = layers.Dense(len(CLASSES), activation="softmax", name="kind")(x)
    model = keras.Model(dna, kind, name="promoter")
    figure = train_classifier(model, Course(draw_sequences, seed=120, count=3000, rate=1e-2))
    save_classifier(folder, model, CLASSES)
    for path, code in yield_samples(folder, "promoter", CLASSES, draw_sequences(8, seed=122)):
        np.save(path.with_suffix(".npy"), code)
    return figure


def draw_sequences(count: int, seed: int) -> Examples:
    """Return one-hot sequences (n, 60, 4), float32; the cause of a promoter is its motif.

    The others hold the same six letters in another order, so that their counts tell nothing.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(len(CLASSES), size=count)
    bases = rng.integers(len(ALPHABET), size=(count, LENGTH))
    causes = np.zeros((count, LENGTH), np.bool_)
    for index, label in enumerate(labels):
        while has_motif(bases[index]):  # by chance, in one of 75
            bases[index] = rng.integers(len(ALPHABET), size=LENGTH)
        start = int(rng.integers(LENGTH - len(MOTIF)))
        part = slice(start, start + len(MOTIF))
        if CLASSES[label] == "promoter":
            bases[index, part] = MOTIF
            causes[index, part] = True
        else:
            bases[index, part] = rng.permutation(MOTIF)
            while has_motif(bases[index]):
                bases[index, part] = rng.permutation(MOTIF)
    return Examples(np.eye(len(ALPHABET), dtype=np.float32)[bases], labels, causes)


def has_motif(bases: NDArray[np.int64]) -> bool:
    """Return whether a sequence (L,) holds the motif somewhere."""
    windows = np.lib.stride_tricks.sliding_window_view(bases, len(MOTIF))
    return bool((windows == MOTIF).all(axis=1).any())
