"""Every differentiable model against finite differences in float64; a table stands at the end.

Channels-first convolutions are left out: TensorFlow has none in float64 on a CPU.
"""

import keras
import numpy as np
import pytest

from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.formats.combine_inputs import from_arrays
from tests.conftest import SLOPE
from tests.keras_models import in_float64, opened
from tests.model_zoo import test_behaviour as behaviour
from tests.model_zoo import test_integers_and_text as whole
from tests.model_zoo import test_structures as structures

pytestmark = pytest.mark.slow
DIRECTIONS = 12
EPS = 1e-5


def ids(*shape):
    return lambda rng: {"ids": rng.integers(1, 20, shape).astype(np.int32)}


def normal(**shapes):
    return lambda rng: {n: rng.normal(size=s).astype(np.float32) for n, s in shapes.items()}


def table_row(rng):
    return {
        "colour": np.array([["red"], ["blue"]]),
        "size": rng.normal(size=(2, 1)).astype(np.float32),
        "grade": np.array([[1], [3]], np.int32),
    }


def pixels(rng):
    return {"pixels": rng.integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)}


NASTY = {
    "tokens, LSTM with mask": (whole.lstm, ids(2, 6), "auto"),
    "tokens and positions": (whole.with_positions, ids(2, 6), "auto"),
    "numbers, words and ids": (whole.mixed_table, table_row, "auto"),
    "uint8 pixels": (lambda: whole.bytes_model("uint8"), pixels, "unit:1"),
    "outputs by key": (structures.heads_by_key, normal(x=(2, 4)), "b/class:1"),
    "nested dict of inputs": (
        structures.nested_dict,
        normal(**{"x/a": (2, 2), "x/b": (2, 3)}),
        "auto",
    ),
    "nested backbone": (structures.nested_backbone, normal(x=(2, 16, 16, 3)), "class:1"),
    "any size": (structures.any_size, normal(picture=(2, 9, 11, 3)), "unit:1"),
    "siamese": (structures.siamese, normal(a=(2, 3), b=(2, 3)), "auto"),
    "GRU": (structures.tuple_output, normal(series=(2, 5, 3)), "auto"),
    "attention": (structures.attention, normal(series=(2, 5, 4)), "auto"),
    "batch normalization": (behaviour.normalized, normal(x=(2, 4)), "auto"),
    "stateful LSTM": (behaviour.stateful, normal(x=(2, 4, 2)), "auto"),
    "fixed batch": (lambda: behaviour.fixed(3), normal(x=(2, 6, 6, 1)), "auto"),
    "segmentation": (lambda: behaviour.segmenter(3), normal(x=(2, 6, 6, 1)), "unit:3,3,2"),
}
SAMPLES = {
    "sequential": ("auto", {"features": (2, 10)}),
    "two_inputs": ("auto", {"input_a": (2, 5), "input_b": (2, 5)}),
    "custom_layer": ("loss:mse", {"features": (2, 4)}),
    "two_heads": ("kind/class:2", {"features": (2, 6)}),
    "shapes": ("class:1", {"picture": (2, 64, 64, 3)}),
    "sensors": ("loss:reconstruction", {"window": (2, 64, 4)}),
}


def prepared(path, inputs, target, code):
    """Return engine, points, sites and the first pass of a model file."""
    model = opened(path, code=code)
    names = [port.name for port in model.signature.inputs]
    named = dict(zip(names, inputs.values(), strict=True)) if set(names) != set(inputs) else inputs
    samples = from_arrays(named, model.signature.inputs, "test")
    model.calibrate(Samples(samples.arrays, many=True))
    sites = tuple(model.engine.list_sites(None))
    points = model.engine.to_points(samples.arrays, sites)
    heads = [head.name for head in model.signature.outputs]
    choice = resolve_target(parse_target(target, heads), model.signature, "auto", ())[0]
    truth = np.full(len(samples), 0.5, np.float32)
    return (
        model.engine,
        points,
        sites,
        model.engine.run_first_pass(points, [choice], sites, [truth]),
    )


def errors_of(path, copy, inputs, target, rng, code=()):
    """Return the worst differences of slopes along random directions, relative to the gradient.

    First of the model's own float32 gradient, then of the float64 copy's.
    """
    _, _, sites, first = prepared(path, inputs, target, code)
    wide, points, _, pinned = prepared(in_float64(path, copy), inputs, target, code)
    result = (first.gradients[0].values, pinned.gradients[0].values)
    worst = [0.0, 0.0]
    for _ in range(DIRECTIONS):
        way = {site: rng.normal(size=result[0][site].shape) for site in sites}
        ends = [
            wide.compute_scores(
                {n: a + sign * EPS * way[n] if n in way else a for n, a in points.items()},
                pinned.targets[0],
            )
            for sign in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / (2 * EPS)
        for index, gradient in enumerate(result):
            ours = sum((gradient[s] * way[s]).reshape(len(slope), -1).sum(axis=1) for s in sites)
            size = sum(np.square(gradient[s]).reshape(len(slope), -1).sum(axis=1) for s in sites)
            apart = float(np.max(np.abs(ours - slope) / np.sqrt(size)))
            worst[index] = max(worst[index], apart)
    return worst


@pytest.mark.parametrize("name", NASTY)
def test_a_model_of_the_zoo(name, tmp_path, rng, record_property):
    keras.utils.set_random_seed(3)
    build, make, target = NASTY[name]
    build().save(tmp_path / "m.keras")
    error, wide = errors_of(tmp_path / "m.keras", tmp_path / "w.keras", make(rng), target, rng)
    record_property(SLOPE, (name, error))
    assert error < 1e-5
    assert wide < 1e-7


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_model(name, samples, tmp_path, rng, record_property):
    target, shapes = SAMPLES[name]
    inputs = normal(**shapes)(rng)
    if name == "shapes":
        inputs = {"picture": rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)}
    code = [str(samples / "custom_layer.py")]
    copy = tmp_path / "wide.keras"
    error, wide = errors_of(samples / f"{name}.keras", copy, inputs, target, rng, code)
    record_property(SLOPE, (f"sample {name}", error))
    assert error < 1e-5
    assert wide < 1e-7
