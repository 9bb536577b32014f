"""Checks a request against the model file alone, before the model is opened.

Only what is certainly wrong is refused. If an output may have several forms, a target is refused
only if all forms refuse it. A layer counts as missing only if no layer can be nested in another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inputgrad_cli.data.loss_names import refuse_unknown_losses
from inputgrad_cli.data.signature import InputSpec, OutputSpec, Signature
from inputgrad_cli.data.unresolved_target import RECONSTRUCTION, Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.request import ExplainRequest, get_truth, resolve_targets
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods._requirements import make_picture_error
from inputgrad_cli.methods.layer._base import (
    CAM,
    LayerMethod,
    make_layer_shape_error,
    make_no_maps_error,
)
from inputgrad_cli.modelfile.layer_names import LayerEntry, LayerNames, read_layer_names
from inputgrad_cli.modelfile.model_summary import build_outline
from inputgrad_cli.modelfile.possible_output_activations import OutputForms, list_output_forms
from inputgrad_cli.option_choices import LAYER


def check_request(
    request: ExplainRequest, config: Mapping[str, Any], own_losses: bool = False
) -> None:
    """Raise UsageError if the model certainly lacks what is requested.

    With `own_losses` there may be losses that neither Keras nor the model file names.
    """
    outline, names, forms = (
        build_outline(config),
        read_layer_names(config),
        list_output_forms(config),
    )
    if request.wrt is not None and request.wrt.startswith(LAYER):
        names.find(request.wrt)
    for requested in request.methods:
        for method in _yield_nested(requested.method):
            _check_method(method, names, request.wrt)
            _check_sites(method, outline.inputs, request.wrt)
    # An output of which nothing is known could have any number of classes.
    if forms and all(forms.values()):
        refuse_labels(
            request.labels, [form for alternatives in forms.values() for form in alternatives]
        )
    for target in request.targets:
        if target.kind == "loss" and target.name != RECONSTRUCTION and not own_losses:
            refuse_unknown_losses(target.name, request.compiled_loss)
        _check_target(replace(request, targets=(target,)), names, forms)


def refuse_labels(labels: Sequence[str], outputs: Sequence[OutputSpec]) -> None:
    """Raise UsageError if the number of class names fits no output."""
    counts = [output.name_count for output in outputs]
    if labels and len(labels) not in counts:
        counts_text = dict.fromkeys(str(count) for count in counts if count is not None)
        raise UsageError(
            f"there are {len(labels)} class names, and {' or '.join(counts_text) or 'no'} classes",
            hint="give one for each class, in their order, with --labels FILE",
        )


def _yield_nested(method: Method) -> Iterator[Method]:
    """Yield a method and the methods that it wraps."""
    yield method
    inner = getattr(method, "inner", None)
    if isinstance(inner, Method):
        yield from _yield_nested(inner)


def _check_method(method: Method, names: LayerNames, wrt: str | None) -> None:
    if not isinstance(method, LayerMethod):
        return
    layer = method.layer or (wrt if wrt is not None and wrt.startswith(LAYER) else None)
    if layer is None:
        if names.inner_names is not None and not any(map(_may_give_maps, names.entries)):
            raise make_no_maps_error(method)
        return
    entry = names.find(layer)
    shape = None if entry is None or not isinstance(method, CAM) else entry.shape
    # Class activation maps need at least one spatial axis and the channel axis.
    if entry is not None and shape is not None and len(shape) < 2:
        raise make_layer_shape_error(method.name, LAYER + entry.path, shape)


def _may_give_maps(entry: LayerEntry) -> bool:
    return "Conv" in entry.kind or entry.kind in ("TimeDistributed", "Bidirectional")


def _check_sites(method: Method, inputs: Sequence[InputSpec] | None, wrt: str | None) -> None:
    """Raise UsageError if a method needs pictures and an input is certainly not one."""
    if method.needs != "picture" or inputs is None:
        return
    for spec in inputs:
        flat = spec.shape is not None and len(spec.shape) < 2  # without the batch axis
        if flat and spec.kind == "float" and wrt in (None, spec.name):
            raise make_picture_error(method, spec.name)


def _check_target(request: ExplainRequest, names: LayerNames, forms: OutputForms) -> None:
    """Raise the first error if every possible form of the target's output refuses the target."""
    (target,) = request.targets
    target = target.choose_reading(list(forms))
    layer_outputs: tuple[OutputSpec, ...] = ()
    if target.layer is not None:
        entry = names.find(target.layer)
        # Only the opened model can tell what such a layer gives.
        if entry is None or entry.shape is None:
            return
        layer_outputs = (OutputSpec(target.layer, entry.shape),)
    errors = []
    for signature in _yield_signatures(target, forms, layer_outputs):
        try:
            for targets in resolve_targets(request, signature):
                get_truth(targets[0], None, request, signature, 1)
            return
        except UsageError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _yield_signatures(
    target: Target, forms: OutputForms, layer_outputs: tuple[OutputSpec, ...]
) -> Iterator[Signature]:
    """Yield a signature for each possible form of the target's output; none if it is unknown."""
    outputs = {
        name: (alternatives or (OutputSpec(name, None),))[0] for name, alternatives in forms.items()
    }
    # An output that is not named may be any of several, so its forms are not tried one by one.
    if layer_outputs or (target.head is None and len(forms) > 1):
        yield Signature((), tuple(outputs.values()), layer_outputs)
        return
    name = target.head or next(iter(forms), "")
    for form in forms.get(name, ()):
        yield Signature((), tuple((outputs | {name: form}).values()))
