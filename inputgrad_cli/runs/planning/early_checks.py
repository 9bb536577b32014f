"""What the model's file alone answers of a job: asked before readers and drawing are imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inputgrad_cli.data.baselines import Baseline, baselines
from inputgrad_cli.data.target_text import Target
from inputgrad_cli.explanation.early_checks import foresee
from inputgrad_cli.explanation.request import Question, Wish, refuse_unmet, wishes
from inputgrad_cli.formats.classes import class_names
from inputgrad_cli.machine.devices import refuse_absent
from inputgrad_cli.machine.missing_files import refuse_missing_code
from inputgrad_cli.modelfile.model_file import ModelFile, open_model
from inputgrad_cli.modelfile.outline import Outline, outline
from inputgrad_cli.modelfile.safety import refuse_missing, refuse_unsafe
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.runs.inputs.target_file import TargetFile
from inputgrad_cli.runs.planning.apply_sidecar import settled
from inputgrad_cli.runs.planning.options import Job
from inputgrad_cli.runs.planning.required_inputs import refuse_inputs, refuse_without_truth
from inputgrad_cli.storage.file_names import Map, maps_of


@dataclass(frozen=True)
class Check:
    """A job that its model allows, with the model's names settled, and what was read for that."""

    job: Job
    file: ModelFile
    outline: Outline
    wishes: tuple[Wish, ...]
    maps: tuple[Map, ...]
    baseline: Baseline | None
    labels: tuple[str, ...]
    masks: Mapping[str, Array]
    target_files: Mapping[Target, TargetFile]


def check_job(job: Job) -> Check:
    """Return the job as its model allows it; raises what is wrong, in the order of reading."""
    asked = wishes(job.methods)
    baseline = baselines.build(job.baseline) if job.baseline else None
    refuse_unmet(asked, baseline)
    file = open_model(job.model)
    refuse_absent(job.device)
    refuse_missing_code(job.code)
    refuse_unsafe(file, job.trust)
    if not job.code:
        refuse_missing(file, ())
    shape = outline(file.config)
    outputs = [name for name, _ in shape.outputs or ()]
    job = settled(replace(job, targets=tuple(t.among(outputs) for t in job.targets)))
    maps = maps_of([(wish.label, wish.method) for wish in asked], job.targets)
    files = {t: TargetFile(t, outputs) for t in job.targets if t.kind == "file"}
    targets = every_target(job, files)
    if shape.inputs is not None:
        refuse_inputs(job, shape.inputs)
    labels = class_names(file, job.labels)
    masks = _read_masks(targets)
    question = Question(
        asked,
        tuple(target for target in job.targets if target not in files),
        job.space,
        job.wrt,
        baseline,
        labels=labels,
        masks=masks,
        compiled_loss=file.compiled_loss,
    )
    foresee(question, file.config, own_losses=bool(job.code))
    refuse_without_truth(job, targets)
    return Check(job, file, shape, asked, tuple(maps), baseline, labels, masks, files)


def _read_masks(targets: Sequence[Target]) -> Mapping[str, Array]:
    if not any(target.kind == "mask" for target in targets):
        return {}
    from inputgrad_cli.formats.images.masks import read_masks  # decodes pictures: slow to import

    return read_masks(targets)


def every_target(job: Job, files: Mapping[Target, TargetFile]) -> tuple[Target, ...]:
    """Return all targets that any item may have, those in files included."""
    plain = [target for target in job.targets if target not in files]
    return tuple(dict.fromkeys([*plain, *(t for file in files.values() for t in file.targets())]))
