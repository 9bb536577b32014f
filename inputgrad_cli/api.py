"""The verbs of the package: load, explain, read, render. Commands are thin shells over them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inputgrad_cli.choices import PRECISIONS, SPACES
from inputgrad_cli.data.attribution import Attribution, channels_last
from inputgrad_cli.data.baselines import Baseline, Given, baselines
from inputgrad_cli.data.check_arguments import refuse_kinds, refuse_live, refuse_word
from inputgrad_cli.data.preprocessing import Pixels, Preprocess
from inputgrad_cli.data.samples import Samples, suited
from inputgrad_cli.data.signature import Port
from inputgrad_cli.data.target_text import parse
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.batch import explain_batch
from inputgrad_cli.explanation.early_checks import foresee
from inputgrad_cli.explanation.item_record import Facts, attribution_of, failures_of, spelled
from inputgrad_cli.explanation.request import Question, refuse_unmet, wishes
from inputgrad_cli.formats.baseline_files import read_given
from inputgrad_cli.formats.classes import class_names
from inputgrad_cli.formats.combine_inputs import from_arrays
from inputgrad_cli.formats.files import read_bytes
from inputgrad_cli.formats.images.masks import read_masks
from inputgrad_cli.formats.read import Reading, checked, read_samples
from inputgrad_cli.formats.read_attribution import read_result
from inputgrad_cli.model import Model, PathLike, devices, kernels, load, preprocessing, versions
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.safety import refuse_unsafe
from inputgrad_cli.modelfile.sidecar import read_sidecar
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.rendering.caption import about
from inputgrad_cli.rendering.image_map import Drawing, draw
from inputgrad_cli.rendering.style import Style

__all__ = [
    "Attribution",
    "Model",
    "class_names",
    "devices",
    "explain",
    "facts",
    "kernels",
    "load",
    "pixel_inputs",
    "preprocessing",
    "read",
    "read_masks",
    "refuse_unmet",
    "render",
    "versions",
    "wishes",
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
    """Return the attributions of one item.

    `inputs` is a path, an array for a model of one input, or a mapping of input names to arrays;
    arrays are model inputs as they are, one sample or many. `truth` are the labels for `loss:`.
    `columns` are those of a table that feed a vector, in its order; default: the sidecar's.
    `check_grad` holds the gradient against finite differences, and records what came of it.
    """
    refuse_kinds(
        {"method": method, "target": target, "space": space, "wrt": wrt, "baseline": baseline}
        | {"preprocess": preprocess, "precision": precision}
    )
    refuse_word("space", space, SPACES)
    refuse_word("precision", precision, PRECISIONS)
    chosen = baselines.build(baseline) if baseline else None
    question = Question(
        wishes((method,)),
        (parse(target),),
        space,
        wrt,
        chosen,
        seed,
        tolerance,
        check_grad=check_grad,
    )
    refuse_unmet(question.wishes, chosen)
    question = replace(question, masks=read_masks(question.targets))
    opened = model if isinstance(model, Model) else _load_for(model, question)
    pixels = opened.preprocessing(preprocess)
    beside = read_sidecar(opened.file.path)
    wanted = tuple(columns) or (beside.columns if beside else ())
    how = Reading(opened.signature.inputs, pixels.other, own=pixels.inputs, columns=wanted)
    samples = _samples(inputs, how)
    if samples.failed:
        raise next(iter(samples.failed.values()))
    if samples.uneven:
        raise UsageError("samples of unequal shapes make several results", mend="give them singly")
    for doubt in [pixels.doubts[name] for name in samples.pixels if name in pixels.doubts]:
        warnings.warn(f"{doubt}; settle it with preprocess=", stacklevel=2)
    opened.settle(samples, question.targets, precision, seed)
    question = replace(
        question,
        labels=opened.labels,
        pictures=pixel_inputs(how.ports, pixels),
        compiled_loss=opened.compiled_loss,
        given=read_given(chosen, how),
    )
    labels = None if truth is None else _labels(truth, len(samples))
    answers = explain_batch(opened.engine, samples, question, labels)
    if len(answers) != 1:
        raise UsageError(f"target {target!r} makes {len(answers)} maps", mend="ask for one: top1")
    if answers[0].error:
        raise answers[0].error
    for error in failures_of(answers, samples).values():
        raise error
    return attribution_of([answers[0]], samples, facts(opened, question))


def _load_for(path: PathLike, question: Question) -> Model:
    """Return the model saved at `path`; what its file certainly lacks is refused before that."""
    refuse_live(path)
    file = open_model(Path(path))
    refuse_unsafe(file, trust=False)
    question = replace(question, labels=class_names(file), compiled_loss=file.compiled_loss)
    # A loss may be one that the caller's program has registered.
    foresee(question, file.config, own_losses=True)
    return load(file)


def _labels(truth: Any, samples: int) -> Array:
    """Return labels (samples, ...): one for all, or one a sample."""
    given = np.asarray(truth, np.float32)
    if given.ndim == 0:
        return np.full(samples, given, np.float32)
    if samples == 1 and len(given) != 1:
        given = given[np.newaxis]
    if len(given) != samples:
        raise UsageError(
            f"truth of shape {given.shape} for {samples} samples",
            mend="its first axis is the sample: give one value, or one a sample",
        )
    return given


def pixel_inputs(ports: Sequence[Port], pixels: Pixels) -> dict[str, Preprocess]:
    """Return the preprocessing of the inputs that are pictures, whatever file they come from."""
    return {port.name: suited(pixels.of(port.name), port) for port in ports if port.is_picture}


def facts(model: Model, question: Question) -> Facts:
    """Return what the records of all items share."""
    return Facts(
        model_sha256=model.file.sha256,
        versions=versions(),
        seed=question.seed,
        baseline=None if question.baseline is None else _told(question.baseline),
        wrt=question.wrt,
        precision=model.engine.precision,
    )


def _told(baseline: Baseline) -> str:
    """Return a baseline in words; of a file its name alone, as results hold no paths."""
    if isinstance(baseline, Given):
        baseline = replace(baseline, path=Path(baseline.path).name)
    return spelled(baseline)


def _samples(inputs: Any, how: Reading) -> Samples:
    if isinstance(inputs, (str, os.PathLike)):
        path = Path(inputs)
        return read_samples({None: read_bytes(path)}, {None: path}, how)
    named = inputs if isinstance(inputs, Mapping) else {how.ports[0].name: inputs}
    arrays = {name: np.asarray(array) for name, array in named.items()}
    return checked(from_arrays(arrays, how.ports, "inputs"), "inputs")


def read(path: PathLike) -> Attribution:
    """Return the attribution stored in an `.npz` of a run."""
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
    values = attribution.values[name]
    one = values[sample] if attribution.many else values
    return draw(
        channels_last(one, name, attribution.metadata),
        seen,
        style or Style(),
        about(attribution, name, sample),
    )
