"""Makes the sample classifier of table rows with whole numbers and one-hot columns."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from draw_loans import CLASSES, COLUMNS, Floats, decide, draw_applications
from keras import layers

ROWS = 8192
HELD_OUT = 200
HELD_OUT_SEED = 81
REFUSED = 4  # rows of a file of their own, for searches
KNOWN = 1000  # rows of the training that are written, for the ranges and costs of changes
LEAST_RIGHT = 0.95
# What a change of an application may be: nobody grows younger, or loses years in a job.
RANGES = """\
feature,kind,direction,group
age,integer,up,
years,integer,up,
home_rent,,,home
home_own,,,home
home_family,,,home
"""


def build_loan(folder: Path) -> str:
    """Write the classifier, its labels, rows and their ranges; return its accuracy.

    Exits if the classifier is right too seldom on the held-out rows.
    """
    keras.utils.set_random_seed(8)
    rows = draw_applications(ROWS, seed=80)
    held_out = draw_applications(HELD_OUT, HELD_OUT_SEED)
    model = classifier(rows)
    # Trained through a twin of the same layers: the saved model stays uncompiled.
    twin = keras.Model(model.inputs, model.outputs[0])
    twin.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    twin.fit(rows, decide(rows).astype(int), batch_size=64, epochs=20, verbose=0)
    predictions = model.predict(held_out, verbose=0).argmax(axis=1)
    right = float(np.mean(predictions == decide(held_out)))
    if right < LEAST_RIGHT:
        raise SystemExit(f"loan: only {right:.1%} right on held-out rows")
    model.save(folder / "loan.keras")
    (folder / "loan.labels.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    write_rows(folder / "inputs" / "loan.csv", held_out, "H")
    write_rows(folder / "inputs" / "loan_refused.csv", held_out[~decide(held_out)][:REFUSED], "R")
    write_rows(folder / "inputs" / "loan_known.csv", rows[:KNOWN], "K")
    (folder / "inputs" / "loan_ranges.csv").write_text(RANGES, encoding="utf-8")
    return f"{right:.1%} right on {HELD_OUT} held-out rows"


def classifier(rows: Floats) -> keras.Model:
    """Return an untrained classifier, which normalizes its input as these rows need it."""
    scale = layers.Normalization(name="scale")
    scale.adapt(rows)
    application = keras.Input((len(COLUMNS),), name="application")
    x = layers.Dense(32, activation="relu", name="hidden1")(scale(application))
    x = layers.Dense(16, activation="relu", name="hidden2")(x)
    decision = layers.Dense(len(CLASSES), activation="softmax", name="decision")(x)
    return keras.Model(application, decision, name="loan")


def write_rows(path: Path, rows: Floats, letter: str) -> None:
    """Write rows as CSV, each with an id, which is no number and so feeds no input."""
    lines = [",".join(("applicant", *COLUMNS))]
    for index, row in enumerate(rows):
        # Two decimals give back the very same 32-bit numbers: the rows are drawn with as many.
        cells = [f"{value:.2f}".rstrip("0").rstrip(".") for value in row.tolist()]
        lines.append(",".join((f"{letter}{index:04d}", *cells)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
