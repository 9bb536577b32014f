"""The sample classifier of applications for a loan: whole numbers, one-hot columns, and an id."""

import csv

import numpy as np
import pytest
from draw_loans import CLASSES, COLUMNS, HOMES, WHOLE, decide, draw_applications

from tests.cli import items

HELD_OUT, HELD_OUT_SEED = 200, 81  # as the builder draws them
AGE, YEARS, CHILDREN = (COLUMNS.index(name) for name in ("age", "years", "children"))


def read_columns(path):
    """Return the numbers of a table, (N, 8), and the cells of its other columns, by name."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = [[np.float32(row[name]) for name in COLUMNS] for row in rows]
    others = {name: [row[name] for row in rows] for name in rows[0] if name not in COLUMNS}
    return np.array(numbers), others


@pytest.fixture(scope="module")
def predict(samples):
    """Return the function from rows to classes of the model as Keras itself opens it."""
    import keras

    model = keras.models.load_model(samples / "loan.keras", compile=False)
    return lambda rows: model.predict(rows, verbose=0).argmax(axis=1)


def test_the_stored_rows_are_those_that_the_builder_draws(samples):
    rows, others = read_columns(samples / "inputs/loan.csv")
    np.testing.assert_array_equal(rows, draw_applications(HELD_OUT, HELD_OUT_SEED))
    assert len(set(others["applicant"])) == HELD_OUT
    known, _ = read_columns(samples / "inputs/loan_known.csv")
    assert not set(map(bytes, known)) & set(map(bytes, rows))
    paths = [samples / "loan.keras", samples / "loan.labels.txt"]
    paths += (samples / "inputs").glob("loan*")
    assert sum(path.stat().st_size for path in paths) <= 300_000
    assert tuple((samples / "loan.labels.txt").read_text().split()) == CLASSES


def test_the_classifier_is_right_on_rows_that_it_has_not_seen(predict):
    for seed in (HELD_OUT_SEED, 82, 83):
        rows = draw_applications(1000, seed)
        assert np.mean(predict(rows) == decide(rows)) >= 0.95


def test_saliency_explains_each_row_without_its_id(call, samples, predict):
    words = ("saliency", samples / "loan.keras", samples / "inputs/loan.csv", "--picture", "none")
    result = call(*words, "--json")
    assert result.code == 0, result.err
    rows = draw_applications(HELD_OUT, HELD_OUT_SEED)
    labels = [item["target"]["label"] for item in items(result)]
    assert labels == [CLASSES[index] for index in predict(rows)]
    assert "columns that feed no input: applicant" in result.out


@pytest.mark.parametrize("norm", ["1", "2"])
def test_nearly_all_rows_have_a_counterfactual_that_keeps_to_the_table(
    call, samples, tmp_path, predict, norm
):
    # A row on the boundary may fall to either side on another processor, so it goes a little on.
    goal = f"counterfactual:norm={norm},kappa=0.01"
    inputs = samples / "inputs"
    result = call(
        *("optimize", samples / "loan.keras", inputs / "loan.csv", "--goal", goal, "--json"),
        *("--data", inputs / "loan_known.csv", "--ranges", inputs / "loan_ranges.csv"),
        *("--freeze", "children", "--picture", "none"),
    )
    assert result.code == 0, result.err
    rows, others = read_columns(tmp_path / "inputgrad-out/loan.csv.counterfactual.csv")
    assert others["state"] == ["before", "after"] * HELD_OUT
    assert others["applicant"] == [f"H{row:04}" for row in range(HELD_OUT) for _ in range(2)]
    before, after = rows[0::2], rows[1::2]
    np.testing.assert_array_equal(before, draw_applications(HELD_OUT, HELD_OUT_SEED))
    is_valid = predict(after) != predict(before)
    assert is_valid.mean() >= 0.95
    successes = [item["search"] == "success" for item in items(result)]
    assert successes == is_valid.tolist()
    assert np.median([item["gradient_calls"] for item in items(result)]) <= 60
    check_rows(before, after, read_columns(inputs / "loan_known.csv")[0])


def check_rows(before, after, known):
    """Check that the rows keep what is frozen, whole, one-hot, may only rise, or has a range."""
    np.testing.assert_array_equal(after[:, CHILDREN], before[:, CHILDREN])
    for column in (AGE, YEARS):
        assert (after[:, column] >= before[:, column]).all()
    whole = [COLUMNS.index(name) for name in WHOLE]
    np.testing.assert_array_equal(after[:, whole], np.rint(after[:, whole]))
    homes = list(HOMES)
    np.testing.assert_array_equal(np.sort(after[:, homes]), np.tile([0, 0, 1], (len(after), 1)))
    is_moved = after != before
    assert ((after >= known.min(axis=0)) | ~is_moved).all()
    assert ((after <= known.max(axis=0)) | ~is_moved).all()
