"""Trains the small sample classifiers of drawn examples, and writes them with their examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

LEAST_RIGHT = 0.95
HELD_OUT = 200
BATCH = 16


class Examples(NamedTuple):
    """Inputs (n, ...), their classes (n,), and where in each lies what makes its class, (n, ...).

    A cause has the axes of an input, without its channels.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    causes: NDArray[np.bool_]


class Course(NamedTuple):
    """How a classifier is trained: a function of a count and a seed that draws, and its figures."""

    draw: Callable[[int, int], Examples]
    seed: int
    count: int = 400
    epochs: int = 12
    rate: float = 5e-3


def train_classifier(model: keras.Model, course: Course) -> str:
    """Train a model on drawn examples; return its figure, or exit if it is right too seldom.

    The held-out examples have the next seed.
    """
    inputs, labels, _ = course.draw(course.count, course.seed)
    is_binary = model.output_shape[-1] == 1
    loss = "binary_crossentropy" if is_binary else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(course.rate), loss, metrics=["accuracy"])
    values = inputs.astype(np.float32)
    model.fit(values, labels, batch_size=BATCH, epochs=course.epochs, verbose=0)
    inputs, labels, _ = course.draw(HELD_OUT, course.seed + 1)
    _, right = model.evaluate(inputs.astype(np.float32), labels, verbose=0)
    if right < LEAST_RIGHT:
        raise SystemExit(f"{model.name}: only {right:.1%} right on held-out examples")
    return f"{right:.1%} right on {HELD_OUT} held-out examples"


def save_classifier(folder: Path, model: keras.Model, classes: Sequence[str]) -> None:
    """Write a model, and the names of its classes beside it."""
    model.save(folder / f"{model.name}.keras")
    text = "\n".join(classes) + "\n"
    (folder / f"{model.name}.labels.txt").write_text(text, encoding="utf-8")


def yield_samples(
    folder: Path, name: str, classes: Sequence[str], drawn: Examples
) -> Iterator[tuple[Path, NDArray[Any]]]:
    """Yield a path without ending and the first example of each class; write its cause, if any.

    The path is `inputs/NAME/CLASS`, the cause is written to `masks/NAME/CLASS.npy`.
    """
    inputs, masks = folder / "inputs" / name, folder / "masks" / name
    for index, label in enumerate(classes):
        stem = label.replace(" ", "-")
        first = np.flatnonzero(drawn.labels == index)[0]
        for parent in (inputs, masks):
            parent.mkdir(parents=True, exist_ok=True)
        if drawn.causes[first].any():
            np.save(masks / f"{stem}.npy", drawn.causes[first])
        yield inputs / stem, drawn.inputs[first]
