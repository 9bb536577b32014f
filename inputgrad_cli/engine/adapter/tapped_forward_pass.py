"""Runs one forward pass, in which the outputs of layers can be replaced and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inputgrad_cli.engine.adapter.hooks import is_tap, read_outputs, replace_outputs
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.layer_input_dependence import find_layer_inputs
from inputgrad_cli.engine.adapter.type_aliases import TensorDict
from inputgrad_cli.modelfile.layer_names import (
    make_call_index_error,
    make_never_called_error,
    split_layer_name,
)
from inputgrad_cli.option_choices import LAYER

MAX_CALLS = (
    16  # calls of a layer; with more, it is in a loop, whose steps all depend on the same inputs
)


def run_forward(
    adapter: KerasAdapter, tensors: Mapping[str, Any], heads: Sequence[str] = ()
) -> TensorDict:
    """Return the outputs by name; tensors called `layer:NAME` replace the outputs of layers.

    The outputs of the layers named in `heads` are added to the result.
    """
    replacements = {name: tensor for name, tensor in tensors.items() if is_tap(name)}
    with (
        replace_outputs(adapter.model, replacements),
        read_outputs(adapter.model, list(heads)) as seen,
    ):
        outputs: TensorDict = adapter.call(tensors)
    return outputs | {name: get_only_call(adapter, tensors, name, seen[name]) for name in heads}


def get_only_call(
    adapter: KerasAdapter, tensors: Mapping[str, Any], name: str, calls: Sequence[Any]
) -> Any:
    """Return the output of a layer's only call; UsageError if there are none or several."""
    if len(calls) == 1:
        return calls[0]
    if not calls:
        raise make_never_called_error(name)
    raise make_call_index_error(
        name, len(calls), _find_inputs_by_call(adapter, tensors, name, len(calls))
    )


def _find_inputs_by_call(
    adapter: KerasAdapter, tensors: Mapping[str, Any], name: str, count: int
) -> list[frozenset[str]]:
    """Return, for each call of a layer, the names of the inputs that it depends on."""
    if count > MAX_CALLS or len(adapter.input_specs) == 1:
        return []
    calls = [f"{LAYER}{split_layer_name(name)[0]}#{index}" for index in range(count)]
    inputs = find_layer_inputs(adapter, tensors, calls)
    return [inputs[call] for call in calls]


def read_taps(
    adapter: KerasAdapter, tensors: Mapping[str, Any], names: Sequence[str]
) -> TensorDict:
    """Return the outputs of the named layers in one pass; tensors may replace layer outputs."""
    outputs = run_forward(adapter, tensors, names)
    return {name: outputs[name] for name in names}
