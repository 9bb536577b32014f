"""One pass through the model, with layers' outputs put in and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.choices import LAYER
from inputgrad_cli.engine.adapter.hooks import is_tap, read, replaced
from inputgrad_cli.engine.adapter.keras_adapter import Binding
from inputgrad_cli.engine.adapter.layer_inputs import inputs_of
from inputgrad_cli.modelfile.layer_names import called_often, never_called, split

MOST = 16  # calls of a layer whose inputs are looked for: a step of a loop sees what all see


def forward(
    binding: Binding, tensors: Mapping[str, Any], heads: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the outputs by name, with taps among the tensors in place of their layers' outputs.

    The layers named in `heads` are read, and stand among the outputs.
    """
    given = {name: tensor for name, tensor in tensors.items() if is_tap(name)}
    with replaced(binding.model, given), read(binding.model, list(heads)) as seen:
        outputs: dict[str, Any] = binding.call(tensors)
    return outputs | {name: only_call(binding, tensors, name, seen[name]) for name in heads}


def only_call(binding: Binding, tensors: Mapping[str, Any], name: str, calls: Sequence[Any]) -> Any:
    """Return what the one call of a layer gave; UsageError where it is called never, or often."""
    if len(calls) == 1:
        return calls[0]
    if not calls:
        raise never_called(name)
    raise called_often(name, len(calls), _inputs_by_call(binding, tensors, name, len(calls)))


def _inputs_by_call(
    binding: Binding, tensors: Mapping[str, Any], name: str, count: int
) -> list[frozenset[str]]:
    """Return the names of the inputs that each call of a layer sees."""
    if count > MOST or len(binding.ports) == 1:
        return []
    calls = [f"{LAYER}{split(name)[0]}#{number}" for number in range(count)]
    found = inputs_of(binding, tensors, calls)
    return [found[call] for call in calls]


def read_taps(binding: Binding, tensors: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the outputs of the named layers for one pass, taps among the tensors put in."""
    outputs = forward(binding, tensors, names)
    return {name: outputs[name] for name in names}
