"""Describes what to explain, and resolves its targets against a model's signature."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inputgrad_cli.data.baselines import Baseline, Dataset
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.resolve_target import compute_mask_weights, resolve_target
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target import ResolvedTarget
from inputgrad_cli.data.target_text import Target, parse_target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.grammar import parse as parse_call
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.methods._requirements import make_references_error
from inputgrad_cli.modelfile.safety import refuse_unsafe_loss
from inputgrad_cli.numeric.arrays import Array, fill_open_axes


@dataclass(frozen=True)
class MethodRequest:
    """A requested method, its label in file names, and the text that the user wrote."""

    method: Method
    label: str
    text: str


@dataclass(frozen=True)
class ExplainRequest:
    """Everything that is requested for every sample.

    With `baseline` None, the default baseline of each input is used. `baseline_samples` are the
    samples of a baseline that comes from a file, (K, ...) by input.
    """

    methods: tuple[MethodRequest, ...]
    targets: tuple[Target, ...] = (parse_target("auto"),)
    space: str = "auto"
    wrt: str | None = None
    baseline: Baseline | None = None
    seed: int = 0
    tolerance: float = 0.01
    labels: tuple[str, ...] = ()
    pictures: Mapping[str, Preprocess] = field(default_factory=dict)
    masks: Mapping[str, Array] = field(default_factory=dict)
    compiled_loss: Any = None
    baseline_samples: Mapping[str, Array] = field(default_factory=dict)
    check_grad: bool = False


def parse_methods(texts: Sequence[str]) -> tuple[MethodRequest, ...]:
    """Parse the texts of methods; `as=LABEL` sets the name that a method has in file names."""
    requests = []
    for text in texts:
        call = parse_call(text)
        method = methods.build(call, ignore=("as",))
        label = call.args["as"][1].text if "as" in call.args else method.name
        # Labels become part of file names.
        if "/" in label or label.startswith(".") or not label.isprintable():
            raise UsageError(f"-m {text}: {label!r} cannot be part of a file name")
        requests.append(MethodRequest(method, label, text))
    return tuple(requests)


def refuse_missing_references(requests: Sequence[MethodRequest], baseline: Baseline | None) -> None:
    """Raise UsageError if a method needs a dataset of baselines and none is given."""
    for request in requests:
        if request.method.needs == "dataset" and not isinstance(baseline, Dataset):
            raise make_references_error(request.method)


def resolve_targets(request: ExplainRequest, signature: Signature) -> list[list[ResolvedTarget]]:
    """Resolve the requested targets.

    Returns one list of resolved targets for each map. Only the target `all` has more than one
    resolved target in a list.
    """
    outputs = [output.name for output in signature.outputs]
    groups: list[list[ResolvedTarget]] = []
    for requested in request.targets:
        targets = resolve_target(requested, signature, request.space, request.labels)
        targets = [_resolve_compiled_loss(target, request, outputs) for target in targets]
        groups += [targets] if targets[0].group else [[target] for target in targets]
    return groups


def get_truth(
    target: ResolvedTarget,
    labels: Array | None,
    request: ExplainRequest,
    signature: Signature,
    count: int,
) -> Array | None:
    """Return what the output is compared with: labels, or the weights of a mask; (B, ...)."""
    if target.kind == "loss":
        return labels
    if target.kind != "mask":
        return None
    mask = request.masks[target.argument]
    shape = fill_open_axes(signature.get_output(target.head).shape or (), mask.shape)
    weights = compute_mask_weights(target, mask, shape)
    return np.broadcast_to(weights, (count, *shape))


def _resolve_compiled_loss(
    target: ResolvedTarget, request: ExplainRequest, outputs: Sequence[str]
) -> ResolvedTarget:
    """Return the target with `loss:compiled` replaced by the loss that the model file names."""
    if target.kind != "loss" or target.argument != "compiled":
        return target
    loss = request.compiled_loss
    # Keras stores one loss for all outputs, a list in their order, or a dict by output name.
    if isinstance(loss, list) and len(loss) == len(outputs):
        loss = loss[list(outputs).index(target.head)]
    elif isinstance(loss, dict) and "class_name" not in loss:  # else a serialized loss object
        loss = loss.get(target.head)
    if loss is None:
        raise UsageError(
            f"target {target.text}: the file names no loss for output {target.head!r}",
            reason="the model was saved without being compiled, or without a loss for it",
            hint="name one: loss:NAME",
        )
    refuse_unsafe_loss(loss)
    return replace(
        target, argument=loss if isinstance(loss, str) else json.dumps(loss, sort_keys=True)
    )
