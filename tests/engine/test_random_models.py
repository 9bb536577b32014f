"""Models drawn by a seed, against a plain compiled tape: class, score, gradient, completeness."""

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch_attribution import explain_batch
from inputgrad_cli.explanation.request import ExplainRequest
from tests.engine.random_models import ROWS, draw_model, plain_tape
from tests.small_networks import engine_like

SEEDS = 40
MODES = ("traced", "folded")  # beside the model as it is loaded


def explain(engine, drawn, method="gradient", rows=slice(None)):
    """Return the answer of an engine for one method, for some of the rows."""
    samples = Samples({n: a[rows] for n, a in drawn.inputs.items()}, many=True)
    question = ExplainRequest(api.parse_methods([method]), (parse_target(drawn.target),))
    (answer,) = explain_batch(engine, samples, question)
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


def check(seed, folder):
    """Assert that one drawn model is explained rightly, in every mode, by batch and one by one."""
    drawn = draw_model(seed)
    context = (seed, drawn.ending, drawn.parts)
    drawn.model.save(folder / "m.keras")
    results = plain_tape(drawn)
    top, lead, score, plain = results(drawn.inputs)
    clear = lead > 1e-6  # where classes tie within rounding, none of them is the top one
    if drawn.ending == "tanh":  # its slope 1 - y ** 2 keeps few digits where y is nearly one
        clear &= 1 - score**2 > 0.05
    keep = steady_rows(results, drawn.inputs, plain) & clear
    loaded = api.load(folder / "m.keras", batch_size=ROWS)
    loaded.calibrate(Samples(drawn.inputs, many=True), (parse_target(drawn.target),))
    engines = {"loaded": loaded.engine}
    for mode in MODES:
        if mode != loaded.engine.mode:
            engines[mode] = engine_like(loaded.engine, batch_size=ROWS, **{mode: True})
    for mode, engine in engines.items():
        answer = explain(engine, drawn)
        for row, record in enumerate(answer.records):
            assert record.space == drawn.space, (context, record.space)
            if not clear[row]:
                continue
            if drawn.index is None:
                assert record.index == [int(top[row])], (context, mode)
            size = max(abs(float(score[row])), 1e-3)
            assert abs(record.score - score[row]) <= 1e-4 * size, (context, mode)
        near(answer.values, plain, keep, (*context, mode))
    single = explain(loaded.engine, drawn, rows=slice(0, 1))
    near(single.values, {n: a[:1] for n, a in plain.items()}, keep[:1], (*context, "single"))
    check_completeness(engines.get("traced", loaded.engine), drawn, context)


def check_completeness(engine, drawn, context):
    """Assert that integrated gradients sum to what they say, and say when they fall short."""
    answer = explain(engine, drawn, "integrated-gradients:max_steps=144")
    for row, record in enumerate(answer.records):
        if isinstance(record, ItemError):  # missed by far, or no number: never a map
            assert record.kind in ("completeness", "nonfinite"), (context, record)
            continue
        complete = record.checks["completeness"]
        summed = sum(float(values[row].sum()) for values in answer.values.values())
        assert summed == pytest.approx(complete["sum"], rel=1e-3, abs=1e-5), context
        if complete["ok"]:
            rest = abs(complete["sum"] - complete["difference"])
            scale = max(abs(complete["difference"]), 0.01 * abs(record.score), 1e-6)
            assert rest <= 0.011 * scale + 1e-6, context


def steady_rows(results, inputs, plain):
    """Return which rows lie on no kink: their gradient stands a nudge of the input."""
    *_, nudged = results({n: a * np.float32(1 + 2e-7) for n, a in inputs.items()})
    keep = np.ones(ROWS, bool)
    for row in range(ROWS):
        size = max(np.abs(a[row]).max() for a in plain.values())
        moved = max(np.abs(nudged[n][row] - plain[n][row]).max() for n in plain)
        keep[row] = moved <= 3e-6 * size
    return keep


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_drawn_model_is_explained_as_a_plain_tape_would(seed, tmp_path):
    check(seed, tmp_path)
