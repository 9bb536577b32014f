"""What the archive alone can answer of a question, before the model is opened.

Only what is certain is refused: an output that may turn out to have several forms refuses what all
of them refuse, and a layer is missing only where none can be hidden in another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.loss_names import refuse_unknown_losses
from inputgrad_cli.data.signature import Head, Port, Signature
from inputgrad_cli.data.target_text import RECONSTRUCTION, Target
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.request import Question, choices_of, truth_of
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods._requirements import no_picture
from inputgrad_cli.methods.layer._base import CAM, Layered, no_maps, no_maps_at
from inputgrad_cli.modelfile.layer_names import LayerNames, Place, layer_names
from inputgrad_cli.modelfile.outline import outline
from inputgrad_cli.modelfile.output_forms import Forms, forms_of


def foresee(question: Question, config: Mapping[str, Any], own_losses: bool = False) -> None:
    """Raise UsageError where the model certainly lacks what is asked.

    `own_losses` says that there may be losses that neither Keras nor the model's file names.
    """
    told, names, forms = outline(config), layer_names(config), forms_of(config)
    if question.wrt is not None and question.wrt.startswith(LAYER):
        names.find(question.wrt)
    for wish in question.wishes:
        for method in _within(wish.method):
            _check_method(method, names, question.wrt)
            _check_sites(method, told.inputs, question.wrt)
    if forms and all(forms.values()):
        refuse_labels(question.labels, [form for every in forms.values() for form in every])
    for target in question.targets:
        if target.kind == "loss" and target.name != RECONSTRUCTION and not own_losses:
            refuse_unknown_losses(target.name, question.compiled_loss)
        _check_target(replace(question, targets=(target,)), names, forms)


def refuse_labels(labels: Sequence[str], heads: Sequence[Head]) -> None:
    """Raise UsageError where the class names fit no output."""
    counts = [2 if head.is_binary else head.classes for head in heads]
    if labels and len(labels) not in counts:
        told = dict.fromkeys(str(count) for count in counts if count is not None)
        raise UsageError(
            f"there are {len(labels)} class names, and {' or '.join(told) or 'no'} classes",
            mend="give one for each class, in their order, with --labels FILE",
        )


def _within(method: Method) -> Iterator[Method]:
    """Yield a method and those that it asks in turn."""
    yield method
    inner = getattr(method, "inner", None)
    if isinstance(inner, Method):
        yield from _within(inner)


def _check_method(method: Method, names: LayerNames, wrt: str | None) -> None:
    if not isinstance(method, Layered):
        return
    asked = method.layer or (wrt if wrt is not None and wrt.startswith(LAYER) else None)
    if asked is None:
        if names.inner is not None and not any(_may_give_maps(place) for place in names.places):
            raise no_maps(method)
        return
    place = names.find(asked)
    shape = None if place is None or not isinstance(method, CAM) else place.shape
    if place is not None and shape is not None and len(shape) < 2:
        raise no_maps_at(method.name, LAYER + place.path, shape)


def _may_give_maps(place: Place) -> bool:
    return "Conv" in place.kind or place.kind in ("TimeDistributed", "Bidirectional")


def _check_sites(method: Method, inputs: Sequence[Port] | None, wrt: str | None) -> None:
    """Raise UsageError where a method needs pictures and an input is certainly none."""
    if method.needs != "picture" or inputs is None:
        return
    for port in inputs:
        flat = port.shape is not None and len(port.shape) < 2
        if flat and port.kind == "float" and wrt in (None, port.name):
            raise no_picture(method, port.name)


def _check_target(question: Question, names: LayerNames, forms: Forms) -> None:
    """Raise what every form of the output that the only target is about raises."""
    (target,) = question.targets
    target = target.among(list(forms))
    taps: tuple[Head, ...] = ()
    if target.layer is not None:
        place = names.find(target.layer)
        if place is None or place.shape is None:
            return
        taps = (Head(target.layer, place.shape),)
    errors = []
    for signature in _signatures(target, forms, taps):
        try:
            for choices in choices_of(question, signature):
                truth_of(choices[0], None, question, signature, 1)
            return
        except UsageError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _signatures(target: Target, forms: Forms, taps: tuple[Head, ...]) -> Iterator[Signature]:
    """Yield the outputs in each form of the one that the target is about; none where unknown."""
    heads = {name: (every or (Head(name, None),))[0] for name, every in forms.items()}
    if taps or (target.head is None and len(forms) > 1):
        yield Signature((), tuple(heads.values()), taps)
        return
    name = target.head or next(iter(forms), "")
    for form in forms.get(name, ()):
        yield Signature((), tuple((heads | {name: form}).values()))
