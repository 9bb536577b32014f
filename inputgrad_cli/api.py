"""Implements the public functions load, explain, read and render, which the commands call."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.choices import PRECISIONS, SPACES
from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.data.baselines import Baseline, FromFile, baselines
from inputgrad_cli.data.caption import build_caption
from inputgrad_cli.data.check_arguments import refuse_live_model, refuse_non_text, refuse_word
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.data.preprocessing import InputPreprocessing, Preprocess
from inputgrad_cli.data.samples import Samples, match_input
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.target_text import parse_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.batch import explain_batch
from inputgrad_cli.explanation.early_checks import check_request
from inputgrad_cli.explanation.item_record import (
    Provenance,
    build_map,
    find_failures,
    format_call,
)
from inputgrad_cli.explanation.request import (
    ExplainRequest,
    parse_methods,
    refuse_missing_references,
)
from inputgrad_cli.formats.baseline_files import read_baseline
from inputgrad_cli.formats.classes import read_class_names
from inputgrad_cli.formats.combine_inputs import from_arrays
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.formats.images.masks import read_masks
from inputgrad_cli.formats.read import check_finite, read_samples
from inputgrad_cli.formats.read_attribution import read_result
from inputgrad_cli.interfaces.picture import Drawing, MapSource
from inputgrad_cli.interfaces.reader import ReadOptions
from inputgrad_cli.model import (
    Model,
    PathLike,
    describe_kernels,
    list_devices,
    list_versions,
    load,
    resolve_preprocessing,
)
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.safety import refuse_unsafe
from inputgrad_cli.modelfile.sidecar import read_sidecar
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.rendering import choose_picture

__all__ = [
    "Attribution",
    "Model",
    "build_provenance",
    "describe_kernels",
    "explain",
    "find_pixel_inputs",
    "list_devices",
    "list_versions",
    "load",
    "parse_methods",
    "read",
    "read_class_names",
    "read_masks",
    "refuse_missing_references",
    "render",
    "resolve_preprocessing",
]


def explain(
    model: Model | PathLike,
    inputs: Any,
    *,
    method: str = "gradient",
    target: str = "auto",
    space: str = "auto",
    wrt: str | None = None,
    baseline: str | None = None,
    preprocess: str = "auto",
    seed: int = 0,
    tolerance: float = 0.01,
    truth: Any = None,
    precision: str = "float32",
    check_grad: bool = False,
    columns: Sequence[str] = (),
) -> Attribution:
    """Return the attribution of one item.

    `inputs` is a path, an array for a model with one input, or a mapping of input names to arrays;
    arrays are fed to the model unchanged, one sample or many. `truth` are the labels for `loss:`.
    `columns` are the columns of a table that feed a vector, in its order; default: the sidecar's.
    `check_grad` compares the gradient with finite differences and records the result.
    """
    refuse_non_text(
        {"method": method, "target": target, "space": space, "wrt": wrt, "baseline": baseline}
        | {"preprocess": preprocess, "precision": precision}
    )
    refuse_word("space", space, SPACES)
    refuse_word("precision", precision, PRECISIONS)
    chosen_baseline = baselines.build(baseline) if baseline else None
    request = ExplainRequest(
        parse_methods((method,)),
        (parse_target(target),),
        space,
        wrt,
        chosen_baseline,
        seed,
        tolerance,
        check_grad=check_grad,
    )
    refuse_missing_references(request.methods, chosen_baseline)
    request = replace(request, masks=read_masks(request.targets))
    opened_model = model if isinstance(model, Model) else _load_for(model, request)
    pixels = opened_model.resolve_preprocessing(preprocess)
    sidecar = read_sidecar(opened_model.file.path)
    column_names = tuple(columns) or (sidecar.columns if sidecar else ())
    options = ReadOptions(
        opened_model.signature.inputs,
        pixels.other,
        input_preprocess=pixels.inputs,
        columns=column_names,
    )
    samples = _to_samples(inputs, options)
    if samples.failed:
        raise next(iter(samples.failed.values()))
    if samples.is_ragged:
        raise UsageError(
            "samples of unequal shapes make several results", hint="give one sample at a time"
        )
    for doubt in [pixels.doubts[name] for name in samples.pixels if name in pixels.doubts]:
        warnings.warn(f"{doubt}; decide it with preprocess=", stacklevel=2)
    opened_model.calibrate(samples, request.targets, precision, seed)
    request = replace(
        request,
        labels=opened_model.labels,
        pictures=find_pixel_inputs(options.specs, pixels),
        compiled_loss=opened_model.compiled_loss,
        baseline_samples=read_baseline(chosen_baseline, options),
    )
    labels = None if truth is None else _to_labels(truth, len(samples))
    results = explain_batch(opened_model.engine, samples, request, labels)
    if len(results) != 1:
        raise UsageError(f"target {target!r} makes {len(results)} maps", hint="ask for one: top1")
    if results[0].error:
        raise results[0].error
    for error in find_failures(results, samples).values():
        raise error
    recorded = build_map([results[0]], samples, build_provenance(opened_model, request))
    return recorded.to_attribution()


def _load_for(path: PathLike, request: ExplainRequest) -> Model:
    """Load the model saved at `path`; refuse a question that its file cannot answer before that."""
    refuse_live_model(path)
    file = open_model(Path(path))
    refuse_unsafe(file, trust=False)
    request = replace(request, labels=read_class_names(file), compiled_loss=file.compiled_loss)
    # The loss may be registered by the caller's program.
    check_request(request, file.config, own_losses=True)
    return load(file)


def _to_labels(truth: Any, samples: int) -> Array:
    """Return labels (samples, ...), from one value for all samples or one per sample."""
    values = np.asarray(truth, np.float32)
    if values.ndim == 0:
        return np.full(samples, values, np.float32)
    if samples == 1 and len(values) != 1:
        values = values[np.newaxis]
    if len(values) != samples:
        raise UsageError(
            f"truth of shape {values.shape} for {samples} samples",
            hint="its first axis is the sample: give one value, or one per sample",
        )
    return values


def find_pixel_inputs(
    specs: Sequence[InputSpec], pixels: InputPreprocessing
) -> dict[str, Preprocess]:
    """Return the preprocessing of the inputs that are pictures, for files of any format."""
    return {spec.name: match_input(pixels.get(spec.name), spec) for spec in specs if spec.is_image}


def build_provenance(model: Model, request: ExplainRequest) -> Provenance:
    """Return the provenance facts that the records of all items share."""
    return Provenance(
        model_sha256=model.file.sha256,
        versions=list_versions(),
        seed=request.seed,
        baseline=None if request.baseline is None else _describe_baseline(request.baseline),
        wrt=request.wrt,
        precision=model.engine.precision,
    )


def _describe_baseline(baseline: Baseline) -> str:
    """Return a baseline as text, with only the name of a file, because results contain no paths."""
    if isinstance(baseline, FromFile):
        baseline = replace(baseline, path=Path(baseline.path).name)
    return format_call(baseline)


def _to_samples(inputs: Any, options: ReadOptions) -> Samples:
    if isinstance(inputs, (str, os.PathLike)):
        path = Path(inputs)
        return read_samples({None: read_bytes(path)}, {None: path}, options)
    by_name = inputs if isinstance(inputs, Mapping) else {options.specs[0].name: inputs}
    arrays = {name: np.asarray(array) for name, array in by_name.items()}
    return check_finite(from_arrays(arrays, options.specs, "inputs"), "inputs")


def read(path: PathLike) -> Attribution:
    """Return the attribution stored in an `.npz` file of a run."""
    return read_result(Path(path))


def render(
    attribution: Attribution,
    seen: Array | None = None,
    *,
    site: str | None = None,
    sample: int = 0,
    style: Style | None = None,
) -> Drawing:
    """Return the picture of an attribution over `seen`, the uint8 picture that the model saw."""
    name = site or next(iter(attribution.values))
    recorded = RecordedMap.from_attribution(attribution)
    source = MapSource(
        recorded.record.axes.to_channels_last(recorded.get_values(name, sample), name),
        seen,
        build_caption(recorded.record, name, sample),
    )
    chosen_style = style or Style()
    return choose_picture(chosen_style, source.layout).draw([source], chosen_style)[0]
