"""Every sample model: the same arrays as a plain tape, finite differences, any batch size."""

import importlib

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.formats.combine_inputs import from_arrays
from inputgrad_cli.numeric.array_helpers import take_rows
from tests.keras_models import (
    central_differences,
    in_float64,
    opened,
    plain_gradient,
    steady,
    worst,
)

TARGETS = {
    "sequential": "auto",
    "two_inputs": "auto",
    "custom_layer": "loss:mean_squared_error",
    "two_heads": "kind/class:1",
    "loan": "class:1",
    "shapes": "class:2",
    "sensors": "loss:reconstruction",
}
SMOOTH = ("custom_layer", "sensors")


def inputs_of(name, samples, count=64):
    """Return `count` inputs like those of the samples; pictures are freshly drawn."""
    rng = np.random.default_rng(1)
    if name == "shapes":
        draw_shapes = importlib.import_module("draw_shapes")
        return {"picture": draw_shapes.draw_pictures(count, seed=99).pixels.astype(np.float32)}
    if name == "loan":
        draw_loans = importlib.import_module("draw_loans")
        return {"application": draw_loans.draw_applications(count, seed=99)}
    if name == "two_inputs":
        return {n: rng.normal(size=(count, 5)).astype(np.float32) for n in ("input_a", "input_b")}
    stored = np.load(samples / "inputs" / f"{name.replace('sensors', 'sensors_fault')}.npy")
    near = stored[rng.integers(len(stored), size=count)]
    port = {"custom_layer": "features", "two_heads": "features"}.get(name, "x")
    return {port: (near + 0.1 * rng.normal(size=near.shape)).astype(np.float32)}


@pytest.fixture(params=TARGETS)
def name(request):
    return request.param


def ours(name, samples, inputs, **options):
    code = [str(samples / "custom_layer.py")]
    model = opened(samples / f"{name}.keras", code=code, **options)
    ports = [port.name for port in model.signature.inputs]
    named = dict(zip(ports, inputs.values(), strict=True))
    values = api.explain(model, named, target=TARGETS[name], truth=0.5).values
    return dict(zip(inputs, values.values(), strict=True)), model


def reference(name, model):
    """Return inputs -> gradients, as a plain script would take them."""
    keras_model = model.engine.adapter.model
    scalars = {
        "two_heads": lambda y, x: y[0]._keras_logits[:, 1],
        "loan": lambda y, x: y._keras_logits[:, 1],
        "shapes": lambda y, x: y._keras_logits[:, 2],
        "custom_layer": lambda y, x: (y[:, 0] - 0.5) ** 2,
        "sensors": lambda y, x: (y - x[0]) ** 2 / (64 * 4),
    }
    return lambda inputs: plain_gradient(
        keras_model, inputs, scalars.get(name, lambda y, x: y[:, 0])
    )


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "traced"])
def test_arrays_equal_a_plain_tape(name, traced, samples):
    inputs = inputs_of(name, samples)
    result, model = ours(name, samples, inputs, traced=traced)
    plain = reference(name, model)
    keep = steady(plain, inputs)
    error = worst(take_rows(result, keep), take_rows(plain(inputs), keep))
    print(f"{name}: worst {error:.1e}, left out {1 - keep.mean():.1%}")
    assert 1 - keep.mean() <= 0.05
    assert error <= 1e-5


def test_batch_sizes_agree(name, samples):
    inputs = inputs_of(name, samples, 32)
    (alone, model), (four, _), (all32, _) = (
        ours(name, samples, inputs, batch_size=size) for size in (1, 4, 32)
    )
    keep = steady(reference(name, model), inputs)
    assert keep.mean() >= 0.95
    assert worst(take_rows(four, keep), take_rows(alone, keep)) <= 1e-5
    assert worst(take_rows(all32, keep), take_rows(alone, keep)) <= 1e-5


@pytest.mark.parametrize("smooth", SMOOTH)
def test_smooth_models_agree_with_float64_finite_differences(smooth, samples, tmp_path):
    copy = in_float64(samples / f"{smooth}.keras", tmp_path / "wide.keras")
    model = opened(copy, code=[str(samples / "custom_layer.py")])
    port = model.signature.inputs[0].name
    wide = {port: next(iter(inputs_of(smooth, samples, 4).values())).astype(np.float64)}
    model.calibrate(from_arrays(wide, model.signature.inputs, "test"))
    target, gradients = pinned(model, wide, TARGETS[smooth])
    expected = central_differences(lambda at: model.engine.compute_scores(at, target), wide)
    assert gradients[port].dtype == np.float64
    assert worst(gradients, expected) <= 1e-7


def pinned(model, inputs, text):
    choice = resolve_target(parse_target(text), model.signature, "auto", ())[0]
    truth = np.full(len(next(iter(inputs.values()))), 0.5, np.float32)
    first = model.engine.run_first_pass(inputs, [choice], list(inputs), [truth])
    return first.targets[0], first.gradients[0].values
