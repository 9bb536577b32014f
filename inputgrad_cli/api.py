"""Implements the public functions load, explain, read and render; optimize is in calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from inputgrad_cli.calls.item import build_provenance, open_for, read_item, to_labels, to_samples
from inputgrad_cli.choices import PRECISIONS, SPACES
from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.data.baselines import baselines
from inputgrad_cli.data.caption import build_caption
from inputgrad_cli.data.check_arguments import refuse_non_text, refuse_word
from inputgrad_cli.data.map_record import RecordedMap
from inputgrad_cli.data.picture_style import Style
from inputgrad_cli.data.preprocessing import InputPreprocessing, Preprocess
from inputgrad_cli.data.row_columns import find_row_columns
from inputgrad_cli.data.sample_view import build_view
from inputgrad_cli.data.samples import Samples, match_input
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.subjects import find_subject
from inputgrad_cli.data.target_text import parse_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.batch import explain_batch
from inputgrad_cli.explanation.item_record import (
    build_map,
    find_failures,
)
from inputgrad_cli.explanation.request import (
    ExplainRequest,
    parse_methods,
    refuse_missing_references,
)
from inputgrad_cli.formats.baseline_files import read_baseline
from inputgrad_cli.formats.classes import read_class_names
from inputgrad_cli.formats.images.masks import read_masks
from inputgrad_cli.formats.read_attribution import read_result
from inputgrad_cli.interfaces.picture import Drawing, MapSource
from inputgrad_cli.model import (
    Model,
    PathLike,
    describe_kernels,
    list_devices,
    list_versions,
    load,
    resolve_preprocessing,
)
from inputgrad_cli.numeric.arrays import Array
from inputgrad_cli.rendering import choose_picture
from inputgrad_cli.rendering.row_source import build_row_source

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
    lines: bool = False,
) -> Attribution:
    """Return the attribution of one item.

    `inputs` is a path, an array for a model with one input, or a mapping of input names to arrays;
    arrays are fed to the model unchanged, one sample or many. `truth` are the labels for `loss:`.
    `columns` are the columns of a table that feed a vector, in its order; default: the sidecar's.
    With `lines`, each line of a `.txt` file is a sample.
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
    opened_model = model if isinstance(model, Model) else open_for(model, request)
    item = read_item(opened_model, partial(to_samples, inputs), preprocess, columns, lines=lines)
    samples, options = item.samples, item.options
    opened_model.calibrate(samples, request.targets, precision, seed)
    request = replace(
        request,
        labels=opened_model.labels,
        pictures=find_pixel_inputs(options.specs, item.pixels),
        compiled_loss=opened_model.compiled_loss,
        baseline_samples=read_baseline(chosen_baseline, options),
    )
    labels = None if truth is None else to_labels(truth, len(samples))
    results = explain_batch(opened_model.engine, samples, request, labels)
    if len(results) != 1:
        raise UsageError(f"target {target!r} makes {len(results)} maps", hint="ask for one: top1")
    if results[0].error:
        raise results[0].error
    for error in find_failures(results, samples).values():
        raise error
    recorded = build_map([results[0]], samples, build_provenance(opened_model, request))
    return recorded.to_attribution()


def find_pixel_inputs(
    specs: Sequence[InputSpec], pixels: InputPreprocessing
) -> dict[str, Preprocess]:
    """Return the preprocessing of the inputs that are pictures, for files of any format."""
    return {spec.name: match_input(pixels.get(spec.name), spec) for spec in specs if spec.is_image}


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
    chosen_style = style or Style()
    recorded = RecordedMap.from_attribution(attribution).show_as(chosen_style.show)
    source = _build_source(recorded, name, sample, seen)
    return choose_picture(chosen_style, source.layout).draw([source], chosen_style)[0]


def _build_source(recorded: RecordedMap, site: str, sample: int, seen: Array | None) -> MapSource:
    """Return what the picture of a site of one sample is drawn from."""
    columns = find_row_columns(recorded)
    if columns is not None and columns.has_site(site):
        row = sample if recorded.record.many else 0
        return build_row_source(recorded, Samples({}), row, columns)
    record = recorded.record
    values = record.axes.to_channels_last(recorded.get_values(site, sample), site)
    return MapSource(
        values,
        seen,
        build_caption(record, site, sample),
        subject=find_subject(record, site, values.shape),
        view=build_view(record, site, sample, values=None, names=()),
    )
