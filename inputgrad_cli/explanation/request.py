"""Describes what to explain, and resolves its targets against a model's signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inputgrad_cli.data.baselines import Baseline, Dataset
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.targets.mask_target import build_mask_truth
from inputgrad_cli.data.targets.resolve_target import resolve_target
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.methods._requirements import make_references_error
from inputgrad_cli.modelfile.compiled_loss_target import resolve_compiled_loss
from inputgrad_cli.numeric.array_helpers import Array


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
    samples of a baseline that comes from a file, (K, ...) by input. `shown_classes` is how many
    classes of largest probability are to be shown of each sample.
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
    shown_classes: int = 0


def parse_methods(texts: Sequence[str]) -> tuple[MethodRequest, ...]:
    """Parse the texts of methods; `as=LABEL` sets the name that a method has in file names."""
    return tuple(MethodRequest(*methods.build_labelled(text, "-m"), text) for text in texts)


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
        targets = [
            resolve_compiled_loss(target, request.compiled_loss, outputs) for target in targets
        ]
        # The classes of `all` are one map, while the ranks of `top:K` are a map each.
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
    return build_mask_truth(target, request.masks[target.argument], signature, count)
