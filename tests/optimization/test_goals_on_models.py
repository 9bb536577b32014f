"""Counterfactuals and sparse repair of the sample models, through the Python interface."""

import json

import numpy as np
import pytest

from inputgrad_cli import load, optimize
from tests.conftest import SAMPLES

NAMES = [f"f{column}" for column in range(10)]


@pytest.fixture(scope="module")
def rows():
    """Return the rows that the sample was trained on, as its builder draws them, and 40 others."""
    table = np.random.default_rng(1).standard_normal((5120, 10), dtype=np.float32)
    return table[:4096], table[4096:4136]


def write_csv(path, rows):
    np.savetxt(path, rows, fmt="%.9g", delimiter=",", header=",".join(NAMES), comments="")
    return path


def test_rows_reach_a_value_without_their_frozen_columns(rows, tmp_path):
    known, held_out = rows
    model = load(SAMPLES / "sequential.keras")
    result = optimize(
        model,
        write_csv(tmp_path / "rows.csv", held_out),
        goal="counterfactual",
        target="unit:0",
        until=4.0,
        freeze=["f0", "f5"],
        data=write_csv(tmp_path / "known.csv", known),
    )
    after = next(iter(result.values.values()))
    states = [sample.search for sample in result.samples]
    assert states.count("failed") <= 2
    assert np.array_equal(after[:, [0, 5]], held_out[:, [0, 5]])
    assert np.median([sample.cost.gradient_calls for sample in result.samples]) <= 60
    assert np.median([sample.distances.l0 for sample in result.samples]) <= 2
    again = optimize(
        model,
        write_csv(tmp_path / "after.csv", after),
        goal="counterfactual",
        target="unit:0",
        until=4.0,
        direction="up",
    )
    reached = [sample.search == "already" for sample in again.samples]
    rises = [sample.target.wanted > 0 for sample in result.samples]
    assert rises.count(True) > 20
    for state, is_there, rise in zip(states, reached, rises, strict=True):
        assert is_there or not rise or state == "failed"


def test_a_row_without_a_solution_names_what_is_frozen(rows):
    result = optimize(
        load(SAMPLES / "sequential.keras"),
        rows[1][:1],
        goal="counterfactual",
        target="unit:0",
        until=1e4,
        freeze=[str(column + 1) for column in range(9)],
        ranges={"10": (-1, 1)},
    )
    (sample,) = result.samples
    assert sample.search == "failed"
    (note,) = sample.notes.values()
    assert "the closest score is" in note
    assert "2 (frozen)" in note


def test_the_repair_of_a_sensor_window_lies_in_its_fault():
    model = load(SAMPLES / "sensors.keras")
    inputs, target = SAMPLES / "inputs", "loss:reconstruction"
    normal = optimize(
        model, inputs / "sensors_normal.npy", goal="reconstruct", target=target, until=1.0
    )
    losses = [-sample.before.score for sample in normal.samples]
    limit = float(np.percentile(losses, 95))
    faulty = optimize(
        model, inputs / "sensors_fault.npy", goal="reconstruct", target=target, until=limit
    )
    faults = json.loads((inputs / "sensors_fault.json").read_text())
    for sample, fault in zip(faulty.samples, faults, strict=True):
        assert sample.search == "success"
        assert -sample.after.score <= limit
        changes = np.abs(sample.changes["window"])
        inside = changes[fault["start"] : fault["stop"], fault["channel"]].sum()
        assert inside >= 0.9 * changes.sum()
