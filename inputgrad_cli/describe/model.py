"""Describes a model from its file alone and, if it is opened, from forward and backward passes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inputgrad_cli import api
from inputgrad_cli.data.preprocessing import InputPreprocessing
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import InputSpec, OutputSpec
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.describe.model_description import (
    BlockedInput,
    CamLayerUse,
    ModelDescription,
    OpenedModel,
    PreprocessChoice,
    PreprocessChoices,
    WeightCount,
)
from inputgrad_cli.describe.trial_inputs import try_lengths
from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.interfaces.engine import NO_PROGRESS, CamLayer, ProgressCallbacks
from inputgrad_cli.modelfile.cam_layer_choice import find_map_layers
from inputgrad_cli.modelfile.config_errors import convert_config_errors, name_model_file
from inputgrad_cli.modelfile.custom_code_checks import (
    find_custom_objects,
    find_dangers,
    refuse_unsafe,
)
from inputgrad_cli.modelfile.hdf5.array_listing import SavedArray
from inputgrad_cli.modelfile.layer_names import MAX_LISTED
from inputgrad_cli.modelfile.model_file import ModelFile, open_model
from inputgrad_cli.modelfile.model_summary import Layer, Outline, build_outline
from inputgrad_cli.modelfile.sidecar_settings import read_sidecar, write_sidecar
from inputgrad_cli.numeric.array_helpers import Arrays
from inputgrad_cli.option_choices import LAYER
from inputgrad_cli.supervision.shared_memory_page import Stage
from inputgrad_cli.supervision.worker_state_reporting import WORKER

# Layers whose output is discrete, so that no gradient passes them, whatever the input.
OPAQUE = {
    "Discretization", "CategoryEncoding", "Hashing", "HashedCrossing", "StringLookup",
    "IntegerLookup", "TextVectorization",
}  # fmt: skip


@convert_config_errors
def describe_model(path: Path) -> ModelDescription:
    """Return what the file alone shows."""
    with name_model_file(path):
        return _describe_file(path)


def _describe_file(path: Path) -> ModelDescription:
    file = open_model(path)
    model = build_outline(file.config)
    problem = _find_problem(file)
    # The weights of a file with a problem cannot be read, but all else about it can be shown.
    weights = () if problem else file.weights
    sidecar = read_sidecar(path)
    return ModelDescription(
        path=str(path),
        form=file.form,
        kind=model.kind,
        name=model.name,
        size=file.size,
        sha256=file.sha256,
        keras_version=file.keras_version,
        inputs=model.inputs,
        outputs=_describe_outputs(model),
        preprocess=_describe_preprocessing(api.resolve_preprocessing(file), model.inputs or ()),
        labels=api.read_class_names(file),
        sidecar=str(sidecar.path) if sidecar else None,
        # The variables of a SavedModel are in a checkpoint, which only TensorFlow can read.
        weights=None if file.form == "saved_model" else _count_weights(weights),
        custom=find_custom_objects(file.config),
        unsafe=find_dangers(file),
        problem=problem,
        blocks=[f"{row.kind} {row.name!r}" for row in model.layers if row.kind in OPAQUE],
        cam_layers={
            output: CamLayerUse(row.path, row.calls)
            for output, row in find_map_layers(file.config).items()
            if row
        },
        layers=model.layers,
    )


def _count_weights(arrays: Sequence[SavedArray]) -> WeightCount:
    return WeightCount(len(arrays), sum(math.prod(array.shape) for array in arrays))


def save_sidecar(path: Path) -> Path:
    """Write a sidecar with what the file shows, and return its path."""
    file = open_model(path)
    inputs = build_outline(file.config).inputs or ()
    preprocessing = api.resolve_preprocessing(file)
    kinds = {preprocessing.get(spec.name) for spec in inputs if spec.is_image}
    # A sidecar has one preprocessing for all inputs, so inputs that differ get none.
    common = kinds.pop() if len(kinds) == 1 else None
    return write_sidecar(path, inputs, common, api.read_class_names(file))


def _find_problem(file: ModelFile) -> str | None:
    """Return the error in the weights of a model, which trust does not remove, or None."""
    try:
        refuse_unsafe(file, trust=True)
    except ModelError as error:
        return error.format_line()
    return None


def _describe_outputs(model: Outline) -> Sequence[OutputSpec] | None:
    if model.outputs is None:
        return None
    shapes = {row.name: row.shape for row in model.layers}
    return [OutputSpec(name, shapes.get(name), activation) for name, activation in model.outputs]


def _describe_preprocessing(
    preprocessing: InputPreprocessing, specs: Sequence[InputSpec]
) -> PreprocessChoices:
    names = [spec.name for spec in specs if spec.is_image]
    return PreprocessChoices({name: _describe_choice(preprocessing, name) for name in names})


def _describe_choice(preprocessing: InputPreprocessing, name: str) -> PreprocessChoice:
    doubt, chosen = preprocessing.doubts.get(name), preprocessing.get(name)
    # The file leaves it open, and a pass through the model may decide it.
    if doubt and not preprocessing.is_final:
        return PreprocessChoice(None, None, doubt)
    return PreprocessChoice(chosen.name, chosen.source, doubt)


@dataclass(frozen=True)
class OpenOptions:
    """How to open a model for inspection; `length` is given to axes that may have any length."""

    code: Sequence[str] = ()
    trust: bool = False
    length: int | None = None


def describe_opened_model(
    path: Path, options: OpenOptions, progress: ProgressCallbacks = NO_PROGRESS
) -> OpenedModel:
    """Return what the opened model shows on a random sample; ModelError if it cannot be used."""
    from inputgrad_cli.engine.adapter.layer_list import count_weights, describe_layers

    # A few passes are faster when run eagerly, and that is safe only with the Eigen kernels.
    model = api.load(
        path, code=options.code, trust=options.trust, kernels="eigen", telling=progress
    )
    WORKER.enter_stage(Stage.OPENING, str(path))  # a first pass may take any time
    preprocessing = model.resolve_preprocessing()
    samples, length = try_lengths(model.signature, model.calibrate, options.length)
    return OpenedModel(
        inputs=model.signature.inputs,
        preprocess=_describe_preprocessing(preprocessing, model.signature.inputs),
        outputs=model.signature.outputs,
        weights=WeightCount(**count_weights(model.engine)),
        length=length,
        blocks=_find_blocked_inputs(model, samples),
        cam_layers=_find_cam_layers(model, samples),
        layers=[Layer(name, kind, "", s) for name, kind, s in describe_layers(model.engine)],
        precision=model.engine.precision,
        notes=dict(model.engine.notes),
    )


def _find_cam_layers(model: api.Model, samples: Samples) -> Mapping[str, CamLayerUse]:
    """Return per output the layer that a class activation map of it would use."""
    engine = model.engine
    uses: dict[str, CamLayerUse] = {}
    for name in [spec.name for spec in model.signature.outputs]:
        (sum_target,) = _build_sum_targets(model, [name])
        points = engine.to_points(samples.arrays, ())
        (target,) = engine.run_first_pass(points, [sum_target], (), gradients=False).targets
        if cam := engine.find_cam_layer(points, target):
            layer = cam.tap.removeprefix(LAYER)
            seen = _find_seen_inputs(model, points, cam)
            uses[name] = CamLayerUse(layer, cam.call_count, seen)
    return uses


def _find_seen_inputs(model: api.Model, points: Arrays, cam: CamLayer) -> list[list[str]]:
    """Return the inputs that each call of a layer sees; an empty list if the model has only one.

    At most MAX_LISTED calls are listed.
    """
    if len(model.signature.inputs) == 1:
        return []
    calls = [f"{cam.tap}#{index}" for index in range(min(cam.call_count, MAX_LISTED))]
    # A layer that is called once has no call's number in its name.
    taps = calls if cam.call_count > 1 else [cam.tap]
    inputs = model.engine.find_layer_inputs(points, taps)
    return [sorted(inputs[tap]) for tap in taps]


def _find_blocked_inputs(model: api.Model, samples: Samples) -> list[BlockedInput]:
    """Return the inputs that no gradient of any output reaches, each with the reason."""
    blocked = []
    for spec in model.signature.inputs:
        try:
            reason = _find_blocking_reason(model, samples, spec.name)
        except InputgradError as error:
            # An input that cannot be tried is listed as well, so that the others are still
            # described.
            reason = error.format_line()
        if reason is not None:
            blocked.append(BlockedInput(spec.name, reason))
    return blocked


def _find_blocking_reason(model: api.Model, samples: Samples, name: str) -> str | None:
    """Return what blocks the gradients from all outputs to an input, None if one arrives."""
    engine = model.engine
    sites = tuple(engine.list_sites(name))
    if not sites:
        return engine.find_unexplained_inputs(sites)[name]
    points = engine.to_points(samples.arrays, sites)
    targets = _build_sum_targets(model, [spec.name for spec in model.signature.outputs])
    first = engine.run_first_pass(points, targets, sites)
    if any(site not in result.disconnected for result in first.gradients for site in sites):
        return None
    reasons = [engine.find_gradient_blockers(points, sites, target) for target in first.targets]
    return next((reason for reason in reasons if reason), "the outputs do not depend on it")


def _build_sum_targets(model: api.Model, names: Sequence[str]) -> list[ResolvedTarget]:
    """Return the targets that stand for the sums of the named outputs."""
    all_names = [spec.name for spec in model.signature.outputs]
    # A sum depends on every value of an output. So what has no gradient for the sum has none for
    # any target.
    texts = [f"{name}/sum" if len(all_names) > 1 else "sum" for name in names]
    return [
        target
        for text in texts
        for target in resolve_target(parse_target(text, all_names), model.signature, "output", ())
    ]
