"""Counterfactuals of 200 held-out rows: how many are valid, what they change, what they cost.

`python -m tests.bench counterfactual` prints the table that stands in the README of the goals. A
row is valid if it has what was wanted as Keras itself predicts it from the CSV that was written.
"""

import csv
import json
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from .jobs import SAMPLES, TOOL

COUNT, KNOWN, WIDTH = 200, 4096, 10
FROZEN = (0, 5)  # columns of the sample `sequential`
NEAR = 0.02  # of a standard deviation, for rows that shall come near a value
# Of it too: rows end on the boundary, and batches of other sizes differ in the last digits.
SLACK = 1e-5


@dataclass(frozen=True)
class Changes:
    """What became of the rows: which are valid, features changed, gradients and rescues, (N,)."""

    valid: np.ndarray
    changed: np.ndarray
    gradients: np.ndarray
    rescues: np.ndarray


def table(folder):
    """Yield the lines of the table."""
    yield "| rows | norm | valid | features changed | gradients | most | rescues |"
    yield "|---" * 7 + "|"
    for title, measure in (
        ("`sequential`, one standard deviation or more", partial(move_values, width=np.inf)),
        ("`sequential`, within 2 % of a standard deviation", partial(move_values, width=NEAR)),
        ("`loan`, the other class", change_classes),
    ):
        for norm in "12":
            changes = measure(Path(folder), norm)
            cells = (
                f"{changes.valid.mean():.1%}",
                f"{np.median(changes.changed[changes.valid]):g}",
                f"{np.median(changes.gradients):g}",
                f"{changes.gradients.max()}",
                f"{np.count_nonzero(changes.rescues)}",
            )
            yield f"| {title} | {norm} | {' | '.join(cells)} |"


def change_classes(folder, norm):
    """Return the changes of the sample `loan` by the command, each row to the other class."""
    inputs, out = SAMPLES / "inputs", folder / f"loan-{norm}"
    words = ["--goal", f"counterfactual:norm={norm}", "--data", inputs / "loan_known.csv"]
    words += ["--ranges", inputs / "loan_ranges.csv", "--freeze", "children"]
    line = [*TOOL, "optimize", SAMPLES / "loan.keras", inputs / "loan.csv", *words]
    line += ["--picture", "none", "-o", out, "--json"]
    lines = subprocess.run(line, check=True, capture_output=True, text=True).stdout.splitlines()
    searches = [event for event in map(json.loads, lines) if event["type"] == "item"]
    names, rows = read_rows(out / "loan.csv.counterfactual.csv")
    before, after = rows[0::2], rows[1::2]
    assert len(before) == len(searches) == COUNT
    frozen = names.index("children")
    assert np.array_equal(before[:, frozen], after[:, frozen])
    first, last = (predict("loan", part).argmax(axis=1) for part in (before, after))
    return Changes(
        first != last,
        (before != after).sum(axis=1),
        np.array([search["gradient_calls"] for search in searches]),
        np.array([search["restart"] for search in searches]),
    )


def move_values(folder, norm, width):
    """Return the changes of the sample `sequential` by one standard deviation of its output.

    Every other row shall rise, the others fall; an infinite `width`, in standard deviations, means
    at least so far. Each row has a value of its own to reach, and so a call of its own.
    """
    rows = np.random.default_rng(1).standard_normal((KNOWN + COUNT, WIDTH), dtype=np.float32)
    known, before = rows[:KNOWN], rows[KNOWN:]
    deviation = predict("sequential", known)[:, 0].std()
    signs = np.where(np.arange(COUNT) % 2, -1, 1)
    wanted = predict("sequential", before)[:, 0] + signs * deviation
    results = search_values((known, before), norm, wanted, signs, width * deviation)
    path = folder / f"sequential-{norm}-{width}.csv"
    write_rows(path, [next(iter(result.values.values())) for result in results])
    _, after = read_rows(path)
    assert np.array_equal(before[:, FROZEN], after[:, FROZEN])
    offsets = signs * (predict("sequential", after)[:, 0] - wanted) / deviation
    least = -SLACK if np.isinf(width) else -width - SLACK
    return Changes(
        (offsets >= least) & (offsets <= width + SLACK),
        (before != after).sum(axis=1),
        np.array([result.cost.gradient_calls for result in results]),
        np.array([result.cost.restart for result in results]),
    )


def search_values(tables, norm, wanted, signs, reach):
    """Return the results of the rows of `tables`, the known ones and those to move."""
    from inputgrad_cli import load, optimize

    model = load(SAMPLES / "sequential.keras")
    known, rows = tables
    results = []
    for row, value, sign in zip(rows, wanted.tolist(), signs.tolist(), strict=True):
        until, direction = value, "up" if sign > 0 else "down"
        if np.isfinite(reach):
            until, direction = (value - reach, value + reach), "auto"
        result = optimize(
            model,
            row[np.newaxis],
            goal=f"counterfactual:norm={norm}",
            target="unit:0",
            until=until,
            direction=direction,
            freeze=[str(column + 1) for column in FROZEN],
            data=known,
        )
        results.append(result.samples[0])
    return results


def predict(name, rows):
    """Return the outputs of a sample model as Keras itself computes them, (N, outputs)."""
    import keras

    model = keras.models.load_model(SAMPLES / f"{name}.keras", compile=False)
    return model.predict(rows, verbose=0)


def write_rows(path, rows):
    """Write rows as a table of text, as the command does."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(f"f{column}" for column in range(WIDTH))
        writer.writerows(np.asarray(row, np.float64).reshape(-1).tolist() for row in rows)


def read_rows(path):
    """Return the names of the columns that hold numbers, and the numbers, float32 (N, columns)."""
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    header = list(lines[0])
    # The command writes other columns around those of the inputs, and `write_rows` none.
    is_result = "state" in header
    names = header[header.index("state") + 1 : header.index("changed")] if is_result else header
    return names, np.array([[np.float32(line[name]) for name in names] for line in lines])
