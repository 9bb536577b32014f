"""Models drawn by a seed, against a plain compiled tape: class, score, gradient, completeness."""

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.batch import explain_batch
from inputgrad_cli.question import Question
from inputgrad_cli.sample import Samples
from inputgrad_cli.target_text import parse
from tests.engine.random_models import ROWS, draw_model, plain_results

SEEDS = 40
MODES = {"as it is": {}, "traced": {"traced": True}, "folded": {"folded": True, "padded": True}}


def explain(path, drawn, method="gradient", rows=slice(None), batch_size=ROWS, **how):
    """Return the answer of our engine for one method, for some of the rows."""
    model = api.load(path, batch_size=batch_size, **how)
    samples = Samples({n: a[rows] for n, a in drawn.inputs.items()}, many=True)
    target = (parse(drawn.target),)
    model.settle(samples, target)
    (answer,) = explain_batch(model.engine, samples, Question(api.wishes([method]), target))
    if answer.error is not None:
        raise answer.error
    return answer


def near(ours, plain, keep, context):
    """Assert equality within 1e-5 of each sample's largest value."""
    for name, expected in plain.items():
        for row in np.flatnonzero(keep):
            size = max(np.abs(value[row]).max() for value in plain.values())
            apart = np.abs(ours[name][row] - expected[row]).max()
            assert apart <= 1e-5 * size + 1e-12, (context, name, row, apart / max(size, 1e-30))


def check(seed, folder, modes=MODES):
    """Assert that one drawn model is explained rightly, in every mode, by batch and one by one."""
    drawn = draw_model(seed)
    context = (seed, drawn.ending, drawn.parts)
    path = folder / f"{seed}.keras"
    drawn.model.save(path)
    top, score, plain = plain_results(drawn)
    keep = steady_rows(drawn, plain)
    for mode, how in modes.items():
        answer = explain(path, drawn, **how)
        for row, record in enumerate(answer.records):
            assert record["space"] == drawn.space, (context, record["space"])
            if drawn.index is None:
                assert record["index"] == [int(top[row])], (context, mode)
            size = max(abs(float(score[row])), 1e-3)
            assert abs(record["score"] - score[row]) <= 1e-4 * size, (context, mode)
        near(answer.values, plain, keep, (*context, mode))
    single = explain(path, drawn, rows=slice(0, 1), batch_size=1)
    near(single.values, {n: a[:1] for n, a in plain.items()}, keep[:1], (*context, "single"))
    whole = explain(path, drawn, "integrated-gradients", traced=True)
    for row, record in enumerate(whole.records):
        complete = record["checks"]["completeness"]
        summed = sum(float(values[row].sum()) for values in whole.values.values())
        assert summed == pytest.approx(complete["sum"], rel=1e-3, abs=1e-5), context
        if complete["ok"]:
            rest = abs(complete["sum"] - complete["difference"])
            scale = max(abs(complete["difference"]), 0.01 * abs(record["score"]), 1e-6)
            assert rest <= 0.011 * scale + 1e-6, context


def steady_rows(drawn, plain):
    """Return which rows lie on no kink: their gradient stands a nudge of the input."""
    before = drawn.inputs
    drawn.inputs = {n: a * np.float32(1 + 2e-7) for n, a in before.items()}
    _, _, nudged = plain_results(drawn)
    drawn.inputs = before
    keep = np.ones(ROWS, bool)
    for row in range(ROWS):
        size = max(np.abs(a[row]).max() for a in plain.values())
        moved = max(np.abs(nudged[n][row] - plain[n][row]).max() for n in plain)
        keep[row] = moved <= 3e-6 * size
    return keep


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_drawn_model_is_explained_as_a_plain_tape_would(seed, tmp_path):
    check(seed, tmp_path)
