"""What a reader of the results should know, though nothing failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from inputgrad_cli.data.attribution import Attribution
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.formats.combine_inputs import CROSSED
from inputgrad_cli.runs.events import Warned
from inputgrad_cli.runs.inputs.find_inputs import Item
from inputgrad_cli.runs.inputs.loader import Load
from inputgrad_cli.runs.planning.pixel_record import shows_pictures
from inputgrad_cli.runs.planning.plan import Plan
from inputgrad_cli.storage.file_names import Map

OF_CLASSES = ("crossentropy", "cross_entropy", "hinge")  # losses of outputs that are classes


def run_warnings(plan: Plan) -> Iterator[Warned]:
    """Yield what holds for the whole run and is known before it starts."""
    for name, doubt in plan.pixels.doubts.items() if shows_pictures(plan) else ():
        where = f"input {name!r}: " if len(plan.outline.inputs or ()) > 1 else ""
        yield Warned(
            "preprocess-assumed",
            f"{where}{doubt}. A wrong guess gives plausible pictures that mean nothing: settle it "
            "with --preprocess",
        )
    if plan.found.doubled:
        yield Warned("doubled", f"{plan.found.doubled} inputs were named twice; each is done once")


def head_warnings(plan: Plan, signature: Signature) -> Iterator[Warned]:
    """Yield why the logits of an output are not used, though they were wanted."""
    for head in signature.outputs:
        if head.note and plan.job.space == "auto":
            yield Warned(
                "logits-unresolved",
                f"output {head.name!r}: {head.note}; the output itself is "
                "differentiated, and where it is saturated its gradient vanishes",
            )


def choice_warnings(plan: Plan, signature: Signature) -> Iterator[Warned]:
    """Yield that `auto` takes the largest of several numbers which nothing calls classes."""
    loss = json.dumps(plan.file.compiled, default=str).lower()
    asked = [target for target in plan.every_target if target.kind == "auto" and not target.layer]
    for head in signature.outputs if asked and not any(w in loss for w in OF_CLASSES) else ():
        count = head.classes or 1
        is_asked = any(target.head in (None, head.name) for target in asked)
        is_named = head.activation or head.note or len(plan.labels) == count
        if is_asked and count > 1 and not is_named:
            yield Warned(
                "auto-largest",
                f"output {head.name!r}: nothing in the model calls its {count} numbers classes; "
                "auto takes the largest of each sample. Name one with -t unit:I, or the classes "
                "with --labels",
            )


def item_warnings(load: Load) -> Iterator[Warned]:
    """Yield what was done to an item's data."""
    if load.again:
        yield Warned(
            "again",
            "made before of another input or with other options; computed again, and replaced",
            load.item.name,
        )
    for code, note in load.samples.notes.items():
        if code == CROSSED and not load.item.serves_all:  # two files, combined as they were given
            continue
        yield Warned(code, note, load.item.name)


def map_warnings(item: Item, made: Map, attribution: Attribution) -> Iterator[Warned]:
    """Yield what is odd about a map; once a map, whatever the number of samples."""
    checks: Any = attribution.metadata["checks"]
    told = [c for c in (checks if attribution.many else [checks]) if c]
    gaps = [c["completeness"] for c in told if "completeness" in c and not c["completeness"]["ok"]]
    if gaps:
        worst = max(gaps, key=lambda gap: gap["gap"])
        yield Warned(
            "completeness",
            f"{made.label}: attributions miss the score difference by {worst['gap']:.2g} of it "
            f"after {worst['steps']} steps; take more steps, or raise --tolerance",
            item.name,
        )
    if wrong := [c["gradient"] for c in told if "gradient" in c and not c["gradient"]["ok"]]:
        worst = max(wrong, key=lambda slope: slope["error"])
        yield Warned(
            "gradient",
            f"{made.label}: the gradient promises a slope of {worst['slope']:.4g}, the score has "
            f"one of {worst['difference']:.4g}; a layer or loss may have a derivative of its own",
            item.name,
        )
    if any(not c["finite"] for c in told):
        yield Warned("nonfinite", f"{made.label}: NaN or infinity in the map", item.name)
    if zeros := dict.fromkeys(c.get("zero_because", "") for c in told if c["zero"]):
        words = [f"{made.label}: the map is zero everywhere", *filter(None, zeros)]
        yield Warned("zero", "; ".join(words), item.name)
    for name, why in attribution.metadata["unexplained"].items():
        message = f"input {name!r} is left out of the maps and stays at its value: {why}"
        if not why.startswith(("it holds", "no output")):
            message += "; -m feature-ablation explains it by changing it"
        yield Warned("unexplained", message)
    if apart := attribution.metadata["disconnected"]:
        names = ", ".join(apart)
        yield Warned("disconnected", f"the target does not depend on input {names}", item.name)
