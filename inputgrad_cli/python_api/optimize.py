"""Implements the public function optimize."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from inputgrad_cli.data.optimization_arrays import SEARCH_NOTE
from inputgrad_cli.data.python_argument_checks import refuse_non_text, refuse_word
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.attribution_assembly import Provenance, get_parameters
from inputgrad_cli.explanation.request import ExplainRequest
from inputgrad_cli.formats.blank_sample import build_blank_sample
from inputgrad_cli.formats.images.lossless_png import read_back
from inputgrad_cli.formats.images.masks_and_label_maps import read_masks
from inputgrad_cli.interfaces.goal import PIXEL_RANGE, Goal, GoalRequest
from inputgrad_cli.interfaces.reader import READERS, ReadOptions
from inputgrad_cli.model import Model, PathLike
from inputgrad_cli.modelfile.model_file import ModelFile
from inputgrad_cli.modelfile.model_summary import build_outline
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.optimization.attack_radius import RadiusGoal
from inputgrad_cli.optimization.batch_optimization import optimize_batch
from inputgrad_cli.optimization.input_constraints import SearchLimits
from inputgrad_cli.optimization.points_to_inputs import refuse_immovable
from inputgrad_cli.optimization.request import (
    DIRECTIONS,
    Direction,
    OptimizeRequest,
    SearchHooks,
    parse_goals,
    parse_until,
)
from inputgrad_cli.optimization.sample_result import Optimization, Optimized, join_samples
from inputgrad_cli.option_choices import PRECISIONS, SPACES
from inputgrad_cli.python_api.constraint_arguments import parse_ranges, read_where
from inputgrad_cli.python_api.model_and_samples import (
    Item,
    build_provenance,
    open_for,
    read_item,
    to_labels,
    to_samples,
)


def optimize(
    model: Model | PathLike,
    inputs: Any,
    *,
    goal: str,
    target: str = "auto",
    truth: Any = None,
    space: str = "auto",
    wrt: str | None = None,
    direction: str = "auto",
    until: float | Sequence[float] | None = None,
    freeze: Sequence[str] = (),
    ranges: Mapping[str, Any] | PathLike | None = None,
    data: Any = None,
    where: Any = None,
    preprocess: str = "auto",
    precision: str = "float32",
    seed: int = 0,
    columns: Sequence[str] = (),
) -> Optimization:
    """Return one item, moved by its gradient until the goal is reached.

    `goal` is text such as `pgd:eps=8/255`; `inputs` are as in `explain`, or None for a search from
    noise. The target says where the input shall go; `auto` is away from the class in `truth`, or
    else from the predicted class. For a target that is no class, `direction` is `up` or `down`, and
    `until` is the value that is wanted, or two values for all between them.

    `wrt` names the only input that may move. `freeze` are names of inputs or columns that stay as
    they are; `ranges` are the lowest and the highest value by column, or a file of ranges; `data`
    are samples like `inputs`, whose ranges bound the others; `where` is a mask of the pixels that
    may move. Pixels of picture files are moved as 0..255. The result is encoded as PNG and read
    back, and only that is evaluated.
    """
    texts = {"goal": goal, "target": target, "space": space, "wrt": wrt, "direction": direction}
    refuse_non_text(texts | {"preprocess": preprocess, "precision": precision})
    refuse_word("space", space, SPACES)
    refuse_word("precision", precision, PRECISIONS)
    refuse_word("direction", direction, DIRECTIONS)
    (requested,) = parse_goals((goal,))
    _refuse_radii(requested.goal, inputs)
    targets = (parse_target(target),)
    request = OptimizeRequest(
        requested.goal,
        targets[0],
        space,
        wrt,
        cast(Direction, direction),
        parse_until(until),
        SearchLimits(tuple(freeze), parse_ranges(ranges), where=read_where(where)),
        seed,
        inputs is None,
        masks=read_masks(targets),
    )
    shared_request = _to_explain_request(request)
    # Everything above needs no model, so a mistake in it is reported before one is opened.
    opened_model = (
        model if isinstance(model, Model) else open_for(model, shared_request, _refuse_file)
    )
    item = read_item(opened_model, _choose_reading(inputs), preprocess, columns)
    opened_model.calibrate(item.samples, targets, precision, seed)
    results = _search(opened_model, item, request, data=data, truth=truth)
    return _join_results(results, requested, item, build_provenance(opened_model, shared_request))


def _to_explain_request(request: OptimizeRequest) -> ExplainRequest:
    """Return the part of a request that those of explain have, too."""
    return ExplainRequest(
        (),
        (request.target,),
        request.space,
        request.wrt,
        seed=request.seed,
        masks=request.masks,
    )


def _choose_reading(inputs: Any) -> Callable[[ReadOptions], Samples]:
    """Return the function that reads what the caller gave; None is a search from noise."""
    return build_blank_sample if inputs is None else partial(to_samples, inputs)


def _search(
    model: Model, item: Item, request: OptimizeRequest, *, data: Any, truth: Any
) -> list[Optimized | ItemError]:
    """Return the result of each sample; `data` and `truth` are as the caller gave them."""
    samples = None if data is None else to_samples(data, item.options)
    complete_request = replace(
        request,
        limits=replace(request.limits, data=samples),
        labels=model.labels,
        compiled_loss=model.compiled_loss,
    )
    return optimize_batch(
        model.engine,
        item.samples,
        complete_request,
        None if truth is None else to_labels(truth, len(item.samples)),
        hooks=SearchHooks(store_pixels=build_pixel_store(item.options)),
    )


def _refuse_radii(goal: Goal, inputs: Any) -> None:
    """Raise UsageError for a radius that does not fit the inputs, if that is known by now."""
    if not isinstance(goal, RadiusGoal) or inputs is None:
        return
    unit = 1.0
    if isinstance(inputs, (str, os.PathLike)):
        reader = READERS.get(Path(inputs).suffix.lower())
        if reader is None:
            return
        unit = PIXEL_RANGE if reader.kind == "image" else 1.0
    goal.choose_radii(unit)


def _refuse_file(file: ModelFile) -> None:
    """Raise UsageError if the file shows that no input can move."""
    refuse_immovable(build_outline(file.config).inputs or ())


def build_pixel_store(options: ReadOptions) -> Callable[[str, Array], Array]:
    """Return a function that encodes pixels (H, W, C) of an input as PNG and reads them back."""
    specs = {spec.name: spec for spec in options.specs}
    return lambda name, pixels: read_back(pixels, specs[name], options)


def _join_results(
    results: Sequence[Optimized | ItemError],
    requested: GoalRequest,
    item: Item,
    provenance: Provenance,
) -> Optimization:
    """Return the results of an item; raise the error of the first sample that has one."""
    optimized = []
    notes: dict[str, str] = {}
    for result in results:
        if isinstance(result, ItemError):
            raise result
        optimized.append(result)
        notes |= result.notes
    for code, note in notes.items():
        # What ended a search is a part of its result, and no cause for a warning.
        if code != SEARCH_NOTE:
            # Level 3 is the user's program: level 2 is `optimize`, which calls this function.
            warnings.warn(note, stacklevel=3)
    facts = {
        "goal": {
            "name": requested.goal.name,
            "label": requested.label,
            "parameters": get_parameters(requested.goal),
        },
        "preprocess": {name: p.to_json() for name, p in item.samples.preprocess.items()},
        "inputs": dict(item.samples.record),
        "seed": provenance.seed,
        "wrt": provenance.wrt,
        "precision": provenance.precision,
        "model_sha256": provenance.model_sha256,
        "versions": dict(provenance.versions),
    }
    return join_samples(optimized, facts, item.samples.many)
