"""A stored map says what was asked: it is read back, and asked again."""

import numpy as np
import pytest

from inputgrad_cli.api import build_provenance, find_pixel_inputs, load
from inputgrad_cli.data.baselines import Zeros, baselines
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.explanation.attribution_assembly import build_map
from inputgrad_cli.explanation.batch_attribution import explain_batch
from inputgrad_cli.explanation.request import ExplainRequest, parse_methods, resolve_targets
from inputgrad_cli.explanation.request_from_stored_map import pin_stored_target, restore_request
from inputgrad_cli.formats.attribution_npz_writer import to_bytes
from inputgrad_cli.formats.bounded_file_reading import read_bytes
from inputgrad_cli.formats.read_attribution import read_result
from inputgrad_cli.formats.read_samples import ReadOptions, read_samples
from tests.conftest import SAMPLES

PICTURES = ("shapes.keras", "inputs/shapes/00-cross.png")
TABLE = ("sequential.keras", "inputs/sequential.npy")
HEADS = ("two_heads.keras", "inputs/two_heads.npy")


@pytest.fixture(scope="module")
def opened():
    """Return a function that opens a model once, and reads the inputs for it."""
    models = {}

    def open_model(name, path):
        model = models.setdefault(name, load(SAMPLES / name))
        pixels = model.resolve_preprocessing("auto")
        options = ReadOptions(model.signature.inputs, pixels.other, input_preprocess=pixels.inputs)
        file = SAMPLES / path
        samples = read_samples({None: read_bytes(file)}, {None: file}, options)
        return model, samples, find_pixel_inputs(options.specs, pixels)

    return open_model


@pytest.mark.parametrize(
    ("files", "method", "target", "baseline"),
    [
        (PICTURES, "gradient", "auto", None),
        (PICTURES, "integrated-gradients:steps=20", "class:star", None),
        (PICTURES, "integrated-gradients:steps=64", "margin:star,cross", "constant:value=0.25"),
        (PICTURES, "integrated-gradients:steps=64,as=ig", "top:2", "noise:std=0.1"),
        (TABLE, "integrated-gradients:steps=20", "auto", "uniform"),
        (TABLE, "gradient", "0", None),
        (TABLE, "smoothgrad:samples=3", "all", None),
        (HEADS, "occlusion", "kind/top:3", None),
        (HEADS, "gradient", "size/sum", None),
    ],
)
def test_a_stored_map_is_posed_again(opened, tmp_path, files, method, target, baseline):
    model, samples, pictures = opened(*files)
    request = ExplainRequest(
        parse_methods((method,)),
        (parse_target(target).split_ranks()[-1],),
        baseline=baselines.build(baseline) if baseline else None,
        seed=3,
        labels=model.labels,
        pictures=pictures,
    )
    model.calibrate(samples, request.targets, "float32", request.seed)
    results = explain_batch(model.engine, samples, request)
    recorded = build_map(results, samples, build_provenance(model, request))
    path = tmp_path / "map.npz"
    path.write_bytes(to_bytes(recorded.to_attribution()))

    stored = RecordedMap.from_attribution(read_result(path))
    again = restore_request(stored.record, labels=model.labels)
    assert [r.method for r in again.methods] == [r.method for r in request.methods]
    assert [r.label for r in again.methods] == [r.label for r in request.methods]
    # The default is recorded by its name: that of tables is what `zeros` says.
    default = Zeros() if stored.record.baseline == "zeros" else None
    assert again.baseline == (request.baseline or default)
    assert again.seed == request.seed
    assert again.pictures == samples.preprocess
    (resolved,) = resolve_targets(request, model.signature)
    points = model.engine.to_points(samples.arrays, ())
    pinned = model.engine.run_first_pass(points, resolved, (), gradients=False).targets
    for row, sample in enumerate(stored.record.samples):
        row_request = restore_request(stored.record, row, labels=model.labels)
        posed = pin_stored_target(sample, row_request, model.signature)
        for new, old in zip(posed, pinned, strict=True):
            assert new.resolved.terms == old.resolved.terms
            assert (new.resolved.head, new.resolved.kind) == (old.resolved.head, old.resolved.kind)
            assert new.resolved.space == old.resolved.space
            for name in ("index", "signs", "offset"):
                np.testing.assert_array_equal(getattr(new, name)[0], getattr(old, name)[row])

    for result, values in zip(explain_batch(model.engine, samples, again), [stored], strict=True):
        for site, array in result.values.items():
            np.testing.assert_array_equal(array, values.values[site])
