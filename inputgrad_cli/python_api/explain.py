"""Implements the public function explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, overload

from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.preprocessing import InputPreprocessing, Preprocess
from inputgrad_cli.data.python_argument_checks import list_texts, refuse_non_text, refuse_word
from inputgrad_cli.data.samples import match_input
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.attribution_assembly import build_map, find_failures
from inputgrad_cli.explanation.batch_attribution import BatchAttribution, explain_batch
from inputgrad_cli.explanation.request import (
    ExplainRequest,
    parse_methods,
    refuse_missing_references,
)
from inputgrad_cli.formats.baseline_files import read_baseline
from inputgrad_cli.formats.images.masks_and_label_maps import read_masks
from inputgrad_cli.model import Model
from inputgrad_cli.option_choices import PRECISIONS, SPACES
from inputgrad_cli.python_api.attribution_result import Attribution, to_public
from inputgrad_cli.python_api.model_and_samples import (
    Item,
    build_provenance,
    open_for,
    read_item,
    to_labels,
    to_samples,
)

Texts = list[str] | tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What is asked about one item; the fields are the arguments of `explain`."""

    methods: Sequence[str]
    targets: Sequence[str]
    space: str
    wrt: str | None
    baseline: str | None
    seed: int
    tolerance: float
    precision: str
    check_grad: bool


@overload
def explain(
    model: Any,
    inputs: Any,
    *,
    method: str = ...,
    target: str = ...,
    space: str = ...,
    wrt: str | None = ...,
    baseline: str | None = ...,
    preprocess: str = ...,
    seed: int = ...,
    tolerance: float = ...,
    truth: Any = ...,
    precision: str = ...,
    check_grad: bool = ...,
    columns: Sequence[str] = ...,
    lines: bool = ...,
) -> Attribution: ...


@overload
def explain(
    model: Any,
    inputs: Any,
    *,
    method: str | Texts = ...,
    target: str | Texts = ...,
    space: str = ...,
    wrt: str | None = ...,
    baseline: str | None = ...,
    preprocess: str = ...,
    seed: int = ...,
    tolerance: float = ...,
    truth: Any = ...,
    precision: str = ...,
    check_grad: bool = ...,
    columns: Sequence[str] = ...,
    lines: bool = ...,
) -> Attribution | list[Attribution]: ...


def explain(
    model: Any,
    inputs: Any,
    *,
    method: str | Texts = "gradient",
    target: str | Texts = "auto",
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
    lines: bool = False,
) -> Attribution | list[Attribution]:
    """Return the attribution of one item; with a list of methods or targets, a list of them.

    A list has the attributions of the first method for all targets first. `model` is a path, a
    Keras model, or what `load` returns. `inputs` is a path, an array for a model with one input, or
    a mapping of input names to arrays; arrays are fed to the model unchanged, one sample or many.
    `truth` are the labels for `loss:`. `columns` are the columns of a table that feed a vector, in
    its order; default: the sidecar's. With `lines`, each line of a `.txt` file is a sample.
    `check_grad` compares the gradient with finite differences and records the result.
    """
    texts = {"space": space, "wrt": wrt, "baseline": baseline}
    refuse_non_text(texts | {"preprocess": preprocess, "precision": precision})
    refuse_word("space", space, SPACES)
    refuse_word("precision", precision, PRECISIONS)
    methods, targets = list_texts("method", method), list_texts("target", target)
    question = Question(
        methods, targets, space, wrt, baseline, seed, tolerance, precision, check_grad
    )
    request = _build_request(question)
    opened_model = model if isinstance(model, Model) else open_for(model, request)
    item = read_item(opened_model, partial(to_samples, inputs), preprocess, columns, lines=lines)
    maps = _explain_item(opened_model, item, request, question, truth)
    if isinstance(method, str) and isinstance(target, str):
        # `top:3` is one text that makes three maps.
        if len(maps) != 1:
            raise UsageError(
                f"target {target!r} makes {len(maps)} maps", hint="ask for one: top1, or for a list"
            )
        return maps[0]
    return maps


def _build_request(question: Question) -> ExplainRequest:
    """Return the request, as far as it is known without the model; UsageError."""
    baseline = baselines.build(question.baseline) if question.baseline else None
    request = ExplainRequest(
        parse_methods(tuple(question.methods)),
        tuple(parse_target(text) for text in question.targets),
        question.space,
        question.wrt,
        baseline,
        question.seed,
        question.tolerance,
        check_grad=question.check_grad,
    )
    refuse_missing_references(request.methods, baseline)
    return replace(request, masks=read_masks(request.targets))


def _explain_item(
    model: Model, item: Item, request: ExplainRequest, question: Question, truth: Any
) -> list[Attribution]:
    """Return the attributions of an item, those of a method one after the other."""
    samples, options = item.samples, item.options
    model.calibrate(samples, request.targets, question.precision, question.seed)
    request = replace(
        request,
        labels=model.labels,
        pictures=find_pixel_inputs(options.specs, item.pixels),
        compiled_loss=model.compiled_loss,
        baseline_samples=read_baseline(request.baseline, options),
    )
    labels = None if truth is None else to_labels(truth, len(samples))
    results = explain_batch(model.engine, samples, request, labels)
    provenance = build_provenance(model, request)
    return [
        to_public(build_map([result], samples, provenance).to_attribution(), samples.pixels)
        for result in _refuse_failures(results, item)
    ]


def _refuse_failures(results: list[BatchAttribution], item: Item) -> list[BatchAttribution]:
    """Return the results; raise the first error of a map or of a sample."""
    for result in results:
        if result.error:
            raise result.error
        # Only the first one is raised: a caller of Python has no stream for the others.
        for error in find_failures([result], item.samples).values():
            raise error
    return results


def find_pixel_inputs(
    specs: Sequence[InputSpec], pixels: InputPreprocessing
) -> dict[str, Preprocess]:
    """Return the preprocessing of the inputs that are pictures, for files of any format."""
    return {spec.name: match_input(pixels.get(spec.name), spec) for spec in specs if spec.is_image}
