"""Replaces the target `loss:compiled` by the loss that the model file names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from inputgrad_cli.data.resolved_and_pinned_targets import ResolvedTarget
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe_loss


def resolve_compiled_loss(
    target: ResolvedTarget, loss: Any, outputs: Sequence[str]
) -> ResolvedTarget:
    """Return the target with `loss:compiled` replaced by the loss that the model file names."""
    if target.kind != "loss" or target.argument != "compiled":
        return target
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
