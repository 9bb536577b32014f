"""Checks a run against the model file alone, before slow modules are imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inputgrad_cli.data.baselines import Baseline, baselines
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.explanation.request import (
    ExplainRequest,
    MethodRequest,
    parse_methods,
    refuse_missing_references,
)
from inputgrad_cli.explanation.request_checks import check_request
from inputgrad_cli.formats.class_name_lookup import read_class_names
from inputgrad_cli.interfaces.goal import GoalRequest
from inputgrad_cli.machine.gpu_detection import refuse_absent_device
from inputgrad_cli.machine.missing_path_suggestions import refuse_missing_code
from inputgrad_cli.modelfile.custom_code_checks import refuse_missing_objects, refuse_unsafe
from inputgrad_cli.modelfile.model_file import ModelFile, open_model
from inputgrad_cli.modelfile.model_summary import Outline, build_outline
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.points_to_inputs import refuse_immovable
from inputgrad_cli.runs.inputs.target_file import TargetFile
from inputgrad_cli.runs.planning.apply_sidecar import apply_sidecar
from inputgrad_cli.runs.planning.dask_prerequisites import refuse_missing_dask
from inputgrad_cli.runs.planning.goal_option_conflicts import (
    refuse_bound_goals,
    refuse_several_ways,
)
from inputgrad_cli.runs.planning.input_and_truth_checks import (
    refuse_missing_truth,
    refuse_unknown_inputs,
)
from inputgrad_cli.runs.planning.run_options import RunOptions, SearchOptions
from inputgrad_cli.storage.requested_maps import MapSpec, build_map_specs


@dataclass(frozen=True)
class CheckedRun:
    """The options of a run that the model file allows, and what was read to check them."""

    options: RunOptions
    model_file: ModelFile
    outline: Outline
    methods: tuple[MethodRequest, ...]
    goals: tuple[GoalRequest, ...]
    maps: tuple[MapSpec, ...]
    baseline: Baseline | None
    labels: tuple[str, ...]
    masks: Mapping[str, Array]
    target_files: Mapping[Target, TargetFile]


def check_run(options: RunOptions) -> CheckedRun:
    """Check the options against the model file; raises the first error, in the order of reading."""
    if options.cluster is not None:
        refuse_missing_dask(options.cluster)
    goals = _parse_goals(options.search, options.targets) if options.search else ()
    methods = () if options.search else parse_methods(options.methods)
    baseline = baselines.build(options.baseline) if options.baseline else None
    refuse_missing_references(methods, baseline)
    model_file = _open_usable_model(options)
    outline = build_outline(model_file.config)
    outputs = [name for name, _ in outline.outputs or ()]
    options = apply_sidecar(
        replace(
            options, targets=tuple(target.choose_reading(outputs) for target in options.targets)
        )
    )
    makers = [(request.label, request.method) for request in methods]
    maps = build_map_specs(
        [*makers, *((request.label, request.goal) for request in goals)],
        options.targets,
        options.seed,
    )
    files = {
        target: TargetFile(target, outputs) for target in options.targets if target.kind == "file"
    }
    targets = list_targets(options, files)
    if outline.inputs is not None:
        refuse_unknown_inputs(options, outline.inputs)
        if goals:
            refuse_immovable(outline.inputs)
    run = CheckedRun(
        options,
        model_file,
        outline,
        methods=methods,
        goals=goals,
        maps=tuple(maps),
        baseline=baseline,
        labels=read_class_names(model_file, options.labels),
        masks=_read_masks(targets),
        target_files=files,
    )
    _check_request(run)
    refuse_missing_truth(options, targets)
    return run


def _check_request(run: CheckedRun) -> None:
    """Raise UsageError if the model file shows that its methods or targets cannot be computed."""
    options = run.options
    request = ExplainRequest(
        run.methods,
        tuple(target for target in options.targets if target not in run.target_files),
        options.space,
        options.wrt,
        run.baseline,
        labels=run.labels,
        masks=run.masks,
        compiled_loss=run.model_file.compiled_loss,
    )
    check_request(request, run.model_file.config, own_losses=bool(options.code))


def _open_usable_model(options: RunOptions) -> ModelFile:
    """Return the model's file; refuse what this machine, the user's code or safety rules out."""
    model_file = open_model(options.model)
    # The machine itself shows that it has no GPU, so that TensorFlow need not start for it. That of
    # a scheduler's client may have none, and its workers may.
    if options.cluster is None:
        refuse_absent_device(options.device)
    refuse_missing_code(options.code)
    refuse_unsafe(model_file, options.trust)
    # What the user's files define is known only once they are imported.
    if not options.code:
        refuse_missing_objects(model_file, ())
    return model_file


def _parse_goals(search: SearchOptions, targets: Sequence[Target]) -> tuple[GoalRequest, ...]:
    """Return the goals of a search; UsageError for those that it cannot have."""
    from inputgrad_cli.optimization.request import parse_goals  # imports all goals

    goals = parse_goals(search.goals)
    refuse_several_ways(targets)
    if search.from_noise:
        refuse_bound_goals(goals)
    return goals


def _read_masks(targets: Sequence[Target]) -> Mapping[str, Array]:
    if not any(target.kind == "mask" for target in targets):
        return {}
    from inputgrad_cli.formats.images.masks_and_label_maps import (
        read_masks,  # decodes pictures: slow to import
    )

    return read_masks(targets)


def list_targets(options: RunOptions, files: Mapping[Target, TargetFile]) -> tuple[Target, ...]:
    """Return all targets that any item may have, including those in files."""
    targets = [target for target in options.targets if target not in files]
    return tuple(
        dict.fromkeys(
            [*targets, *(target for file in files.values() for target in file.list_targets())]
        )
    )
