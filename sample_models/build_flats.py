"""Makes the sample classifier of table rows with words: which flats are let quickly."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

ROWS, EXAMPLES = 1500, 24
LEAST_RIGHT = 0.9
CLASSES = ("slow", "quick")
# What a word adds to the points of a flat; a flat of more than zero points is let quickly.
DISTRICTS = {"centre": 2.0, "river": 1.0, "station": -0.5, "airport": -2.5}
WORDS = {"sunny": 1.5, "quiet": 1.0, "spacious": 0.5, "dark": -1.0, "noisy": -1.5, "damp": -2.0}
NUMBERS = ("rent_above_usual", "floor", "balcony")  # of these, the floor has no influence
NOISE = 0.3  # in the points


class Flats(NamedTuple):
    """Columns by name and the class of each flat, all (n,)."""

    columns: dict[str, NDArray[Any]]
    labels: NDArray[np.int64]


def build_flats(folder: Path) -> str:
    """Write the classifier with its table and labels; return its accuracy on held-out rows."""
    keras.utils.set_random_seed(15)
    model = classifier()
    model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=["accuracy"])
    known, held_out = draw_flats(ROWS, seed=150), draw_flats(EXAMPLES, seed=151)
    model.fit(as_tensors(known), known.labels, epochs=20, verbose=0)
    _, right = model.evaluate(as_tensors(held_out), held_out.labels, verbose=0)
    if right < LEAST_RIGHT:
        raise SystemExit(f"flats: only {right:.1%} right on held-out rows")
    model.save(folder / "flats.keras")
    (folder / "flats.labels.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    write_table(folder / "inputs" / "flats" / "flats.csv", held_out)
    return f"{right:.1%} right on {EXAMPLES} held-out rows"


def classifier() -> keras.Model:
    """Return an untrained classifier of three numbers, a category and a text."""
    numbers = [keras.Input((1,), name=name) for name in NUMBERS]
    district = keras.Input((1,), dtype="string", name="district")
    advert = keras.Input((), dtype="string", name="advert")
    places = layers.StringLookup(
        vocabulary=list(DISTRICTS), output_mode="one_hot", name="district_code"
    )
    words = layers.TextVectorization(
        vocabulary=list(WORDS), output_mode="multi_hot", name="advert_code"
    )
    x = layers.Concatenate(name="flat")([*numbers, places(district), words(advert)])
    x = layers.Dense(8, activation="tanh", name="hidden")(x)
    quick = layers.Dense(1, activation="sigmoid", name="let")(x)
    return keras.Model([*numbers, district, advert], quick, name="flats")


def draw_flats(count: int, seed: int) -> Flats:
    """Return flats; their class follows from points for rent, balcony and words."""
    rng = np.random.default_rng(seed)
    rent = rng.normal(0, 1, count).round(1)
    floor = rng.integers(0, 7, count)
    balcony = rng.integers(0, 2, count)
    districts = rng.choice(list(DISTRICTS), count)
    adverts = [rng.choice(list(WORDS), size=2, replace=False) for _ in range(count)]
    points = 0.7 * balcony - 1.2 * rent + NOISE * rng.standard_normal(count)
    points += [DISTRICTS[district] for district in districts]
    points += [sum(WORDS[word] for word in words) for words in adverts]
    columns = {
        "rent_above_usual": rent.astype(np.float32),
        "floor": floor.astype(np.float32),
        "balcony": balcony.astype(np.float32),
        "district": districts,
        "advert": np.array([f"{first} and {second}" for first, second in adverts]),
    }
    return Flats(columns, (points > 0).astype(np.int64))


def as_tensors(flats: Flats) -> dict[str, tf.Tensor]:
    """Return the columns as the model takes them: (n,) for the advert, else (n, 1)."""
    columns = flats.columns
    return {
        name: tf.constant(column if name == "advert" else column[:, np.newaxis])
        for name, column in columns.items()
    }


def write_table(path: Path, flats: Flats) -> None:
    """Write flats as CSV, each with an id, and with its class, which feeds no input."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(("flat", *flats.columns, "let"))]
    for index, label in enumerate(flats.labels):
        cells = [column[index] for column in flats.columns.values()]
        words = [cell if isinstance(cell, str) else f"{cell:g}" for cell in cells]
        lines.append(",".join((f"F{index:02d}", *words, CLASSES[label])))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
