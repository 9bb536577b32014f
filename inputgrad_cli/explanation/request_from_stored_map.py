"""Poses again what a stored map answers: its target, its baseline and its method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inputgrad_cli.data.baselines import Baseline, baselines
from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.resolved_and_pinned_targets import PinnedTarget, ResolvedTarget, pin
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.data.signature import OutputSpec, Signature
from inputgrad_cli.data.target_parser import parse_stored_target
from inputgrad_cli.data.targets.find_class import select_class
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.attribution_assembly import format_call
from inputgrad_cli.explanation.request import ExplainRequest, MethodRequest, resolve_targets
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.numeric.array_helpers import Array

DEFAULT_BASELINE = "black"  # stored if pictures had the default; other inputs are then zeros


def restore_request(
    record: MapRecord,
    row: int = 0,
    *,
    labels: tuple[str, ...] = (),
    compiled_loss: Any = None,
) -> ExplainRequest:
    """Return the request that the map of the sample at `row` answers.

    `labels` are the class names, and `compiled_loss` is the loss of the model, as in the request
    that made the map. Masks, and the samples of a baseline that comes from a file, are read by the
    caller. Raises UsageError if this version does not know the method or its parameters.
    """
    sample = record.get_sample(row)
    method = restore_method(record)
    return ExplainRequest(
        (MethodRequest(method, record.method["label"], format_call(method)),),
        (parse_stored_target(sample.asked),),
        sample.space,
        record.wrt,
        restore_baseline(record),
        record.seed,
        labels=labels,
        pictures=restore_preprocessing(record),
        compiled_loss=compiled_loss,
    )


def restore_method(record: MapRecord) -> Method:
    """Return the method of a map, with its parameters."""
    name = record.method["name"]
    try:
        return methods.get(name)(**record.method.get("parameters", {}))
    except TypeError:
        raise UsageError(
            f"method {name!r} does not have the parameters that the record holds",
            reason="another version of inputgrad made the map",
        ) from None


def restore_baseline(record: MapRecord) -> Baseline | None:
    """Return the baseline of a map; None means the default, or that the method uses none.

    A file is named without its folder, because records contain no paths.
    """
    if record.baseline in (None, DEFAULT_BASELINE):
        return None
    return baselines.build(record.baseline)


def restore_preprocessing(record: MapRecord) -> dict[str, Preprocess]:
    """Return the preprocessing of the inputs that were read from pictures."""
    return {name: Preprocess.from_json(stored) for name, stored in record.preprocess.items()}


def pin_stored_target(
    sample: SampleRecord,
    request: ExplainRequest,
    signature: Signature,
    truth: Array | None = None,
) -> list[PinnedTarget]:
    """Return the target of a stored sample, of one row; for the target `all`, one for each class.

    A class that was chosen by its rank is taken from the record, not from another pass. `truth` is
    what a loss or a mask compares with, (1, ...).
    """
    (targets,) = resolve_targets(request, signature)
    return [_pin(target, sample, signature.get_output(target.head), truth) for target in targets]


def _pin(
    target: ResolvedTarget, sample: SampleRecord, output: OutputSpec, truth: Array | None
) -> PinnedTarget:
    if target.kind != "rank":
        return pin(target, 1, truth)
    # Both classes of a binary output share a unit, so its index does not tell which was explained.
    if output.is_binary and sample.class_index is not None:
        chosen = select_class(target, output, sample.class_index)
    else:
        chosen = replace(target, terms=(_to_unit(sample.index or []),))
    return replace(pin(chosen, 1), resolved=target)


def _to_unit(index: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(axis) for axis in index)
