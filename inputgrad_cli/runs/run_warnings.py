"""Yields warnings about a run, its items and its maps."""

from __future__ import annotations

import json
from collections.abc import Iterator

from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.data.optimization_arrays import SEARCH_NOTE
from inputgrad_cli.data.signature import Signature
from inputgrad_cli.formats.combine_inputs import CROSSED_NOTE
from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.runs.planning.preprocessing_record import has_picture_files
from inputgrad_cli.runs.planning.run_plan import Plan
from inputgrad_cli.runs.run_events import RunWarning
from inputgrad_cli.runs.tasks.load_tasks import LoadedItem
from inputgrad_cli.storage.requested_maps import MapSpec

CLASS_LOSSES = ("crossentropy", "cross_entropy", "hinge")  # losses of outputs that are classes


def yield_run_warnings(plan: Plan) -> Iterator[RunWarning]:
    """Yield the warnings that hold for the whole run and are known before it starts."""
    for name, doubt in plan.pixels.doubts.items() if has_picture_files(plan) else ():
        prefix = f"input {name!r}: " if len(plan.outline.inputs or ()) > 1 else ""
        yield RunWarning(
            "preprocess-assumed",
            f"{prefix}{doubt}. A wrong guess gives plausible pictures that mean nothing: settle it "
            "with --preprocess",
        )
    if plan.inputs.duplicate_count:
        yield RunWarning(
            "doubled", f"{plan.inputs.duplicate_count} inputs were named twice; each is done once"
        )


def yield_output_warnings(plan: Plan, signature: Signature) -> Iterator[RunWarning]:
    """Yield a warning for each output whose logits cannot be used, with the reason."""
    for output in signature.outputs:
        # With another --space the user has chosen what is differentiated.
        if output.note and plan.options.space == "auto":
            yield RunWarning(
                "logits-unresolved",
                f"output {output.name!r}: {output.note}; the output itself is "
                "differentiated, and where it is saturated its gradient vanishes",
            )


def yield_target_warnings(plan: Plan, signature: Signature) -> Iterator[RunWarning]:
    """Yield a warning if `auto` takes the largest of several values that may not be classes."""
    # Numbers that were trained with the loss of a classifier are classes.
    loss = json.dumps(plan.model_file.compiled, default=str).lower()
    targets = [target for target in plan.all_targets if target.kind == "auto" and not target.layer]
    for output in signature.outputs if targets and not any(w in loss for w in CLASS_LOSSES) else ():
        count = output.class_count or 1
        is_asked = any(target.head in (None, output.name) for target in targets)
        is_named = output.activation or output.note or len(plan.labels) == count
        if is_asked and count > 1 and not is_named:
            yield RunWarning(
                "auto-largest",
                f"output {output.name!r}: nothing in the model calls its {count} numbers classes; "
                "auto takes the largest of each sample. Name one with -t unit:I, or the classes "
                "with --labels",
            )


def yield_item_warnings(loaded: LoadedItem) -> Iterator[RunWarning]:
    """Yield the warnings about an item's data."""
    if loaded.is_recomputed:
        yield RunWarning(
            "again",
            "made earlier from another input or with other options; computed again and replaced",
            loaded.item.name,
        )
    for code, note in loaded.samples.notes.items():
        if code == CROSSED_NOTE and not loaded.item.serves_all:  # two files given as a pair
            continue
        yield RunWarning(code, note, loaded.item.name)


def _yield_search_warnings(item: Item, spec: MapSpec, record: MapRecord) -> Iterator[RunWarning]:
    """Yield the remarks on the results of a search; an unchanged input is no fault."""
    notes: dict[str, str] = {}
    for sample in record.usable_samples:
        notes |= (sample.search or {}).get("notes", {})
    notes.pop(SEARCH_NOTE, None)  # it is part of the result
    for code, note in notes.items():
        yield RunWarning(code, f"{spec.label}: {note}", item.name)


def yield_map_warnings(item: Item, spec: MapSpec, record: MapRecord) -> Iterator[RunWarning]:
    """Yield the warnings about a map, once per map whatever the number of samples."""
    if record.is_search:
        yield from _yield_search_warnings(item, spec, record)
        return
    sample_checks = [sample.checks for sample in record.usable_samples]
    gaps = [
        c["completeness"]
        for c in sample_checks
        if "completeness" in c and not c["completeness"]["ok"]
    ]
    if gaps:
        worst = max(gaps, key=lambda gap: gap["gap"])
        yield RunWarning(
            "completeness",
            f"{spec.label}: attributions miss the score difference by {worst['gap']:.2g} of it "
            f"after {worst['steps']} steps; take more steps, or raise --tolerance",
            item.name,
        )
    if gradients := [
        c["gradient"] for c in sample_checks if "gradient" in c and not c["gradient"]["ok"]
    ]:
        slope = max(gradients, key=lambda check: check["error"])
        yield RunWarning(
            "gradient",
            f"{spec.label}: the gradient gives a slope of {slope['slope']:.4g}, differences of the "
            f"score give {slope['difference']:.4g}; a layer or loss may have a custom derivative",
            item.name,
        )
    if any(not c["finite"] for c in sample_checks):
        yield RunWarning("nonfinite", f"{spec.label}: NaN or infinity in the map", item.name)
    if zero_reasons := dict.fromkeys(c.get("zero_because", "") for c in sample_checks if c["zero"]):
        words = [f"{spec.label}: the map is zero everywhere", *filter(None, zero_reasons)]
        yield RunWarning("zero", "; ".join(words), item.name)
    for name, reason in record.sites.unexplained.items():
        message = f"input {name!r} is left out of the maps and stays at its value: {reason}"
        # Masks are held fixed on purpose, and an unused input has no effect, so changing them
        # explains nothing.
        if not reason.startswith(("it holds", "no output")):
            message += "; -m feature-ablation explains it by changing it"
        # Without the name of the item, so that it is one warning for all items.
        yield RunWarning("unexplained", message)
    if disconnected := record.sites.disconnected:
        names = ", ".join(disconnected)
        yield RunWarning("disconnected", f"the target does not depend on input {names}", item.name)
