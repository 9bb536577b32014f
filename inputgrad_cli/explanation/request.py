"""What is asked of every sample, and the choices that it comes to on a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inputgrad_cli.data.baselines import Baseline, Dataset
from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.data.resolve_target import choose, mask_weights
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.data.target import Choice
from inputgrad_cli.data.target_text import Target, parse
from inputgrad_cli.errors import UsageError
from inputgrad_cli.grammar import parse as parse_call
from inputgrad_cli.interfaces.method import Method
from inputgrad_cli.methods import methods
from inputgrad_cli.methods._requirements import no_references
from inputgrad_cli.modelfile.safety import refuse_unsafe_loss
from inputgrad_cli.numeric.arrays import Array, open_ended


@dataclass(frozen=True)
class Wish:
    """A method as asked: its label in file names, and the words it was written in."""

    method: Method
    label: str
    text: str


@dataclass(frozen=True)
class Question:
    """Everything that is asked of every sample; `baseline` None means what fits the input.

    `given` are the samples of a baseline that stands in a file, (K, ...) by input.
    """

    wishes: tuple[Wish, ...]
    targets: tuple[Target, ...] = (parse("auto"),)
    space: str = "auto"
    wrt: str | None = None
    baseline: Baseline | None = None
    seed: int = 0
    tolerance: float = 0.01
    labels: tuple[str, ...] = ()
    pictures: Mapping[str, Preprocess] = field(default_factory=dict)
    masks: Mapping[str, Array] = field(default_factory=dict)
    compiled_loss: Any = None
    given: Mapping[str, Array] = field(default_factory=dict)
    check_grad: bool = False


def wishes(texts: Sequence[str]) -> tuple[Wish, ...]:
    """Return the methods that the texts write; `as=LABEL` gives one another name in files."""
    made = []
    for text in texts:
        call = parse_call(text)
        method = methods.build(call, ignore=("as",))
        label = call.args["as"][1].text if "as" in call.args else method.name
        if "/" in label or label.startswith(".") or not label.isprintable():
            raise UsageError(f"-m {text}: {label!r} cannot stand in a file name")
        made.append(Wish(method, label, text))
    return tuple(made)


def refuse_unmet(asked: Sequence[Wish], baseline: Baseline | None) -> None:
    """Raise UsageError where a method needs a dataset of baselines and none is given."""
    for wish in asked:
        if wish.method.needs == "dataset" and not isinstance(baseline, Dataset):
            raise no_references(wish.method)


def choices_of(question: Question, signature: Signature) -> list[list[Choice]]:
    """Return the maps that are asked for: one list of choices a map (more than one for `all`)."""
    heads = [head.name for head in signature.outputs]
    maps: list[list[Choice]] = []
    for target in question.targets:
        made = choose(target, signature, question.space, question.labels)
        made = [_with_compiled(choice, question, heads) for choice in made]
        maps += [made] if made[0].group else [[choice] for choice in made]
    return maps


def truth_of(
    choice: Choice, labels: Array | None, question: Question, signature: Signature, rows: int
) -> Array | None:
    """Return what a choice is compared with: labels, or the weights of a mask; (B, ...)."""
    if choice.kind == "loss":
        return labels
    if choice.kind != "mask":
        return None
    mask = question.masks[choice.how]
    shape = open_ended(signature.head(choice.head).shape or (), mask.shape)
    weights = mask_weights(choice, mask, shape)
    return np.broadcast_to(weights, (rows, *shape))


def _with_compiled(choice: Choice, question: Question, heads: Sequence[str]) -> Choice:
    """Return the choice with the model's own loss in the place of `loss:compiled`."""
    if choice.kind != "loss" or choice.how != "compiled":
        return choice
    loss = question.compiled_loss
    if isinstance(loss, list) and len(loss) == len(heads):
        loss = loss[list(heads).index(choice.head)]
    elif isinstance(loss, dict) and "class_name" not in loss:
        loss = loss.get(choice.head)
    if loss is None:
        raise UsageError(
            f"target {choice.asked}: the file names no loss for output {choice.head!r}",
            reason="the model was saved without being compiled, or without a loss for it",
            mend="name one: loss:NAME",
        )
    refuse_unsafe_loss(loss)
    return replace(choice, how=loss if isinstance(loss, str) else json.dumps(loss, sort_keys=True))
