"""Reads or replaces the outputs of layers while the model runs, by hooking the layers' `call`.

Such an output is called a tap. It is named `layer:NAME`, or `layer:NAME#N` for the N-th call of a
shared layer. Sub-models are never built, because they fail on nested models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from inputgrad_cli.engine.adapter.type_aliases import Layers
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.layer_names import make_unknown_layer_error, split_layer_name
from inputgrad_cli.option_choices import LAYER

BASELINE = f"{LAYER}baseline of "  # fed together with the inputs, as taps are
NO_LAYERS = "the model shows none of its layers"
SAVE_AS_KERAS = "save it with model.save('NAME.keras') and explain that"

OutputHook = Callable[[int, Any, Any], Any]


def is_tap(name: str) -> bool:
    """Return whether a site or output name stands for the output of a layer."""
    return name.startswith(LAYER)


def map_layers_by_path(model: Any) -> Layers:
    """Return all layers by path, `outer/inner` when nested, in the order of the model."""
    layers: Layers = {}

    def visit(parent: Any, prefix: str) -> None:
        for layer in parent._flatten_layers(include_self=False, recursive=False):
            path = f"{prefix}{layer.name}"
            if path not in layers:
                layers[path] = layer
                visit(layer, f"{path}/")

    visit(model, "")
    return layers


def find_layer(model: Any, name: str) -> tuple[Any, int | None]:
    """Return the layer that `layer:NAME` or `layer:NAME#N` names, and N or None.

    A name without its path is enough if only one layer has it. Raises UsageError.
    """
    path, call_index = split_layer_name(name)
    layers = map_layers_by_path(model)
    matches = [p for p in layers if p == path] or [p for p in layers if p.endswith("/" + path)]
    # A layer may have several paths, as where a backbone keeps a second reference to it.
    distinct = {id(layers[p]): p for p in matches}
    if len(distinct) == 1:
        return layers[next(iter(distinct.values()))], call_index
    if distinct:
        raise UsageError(
            f"{name}: several layers are called so", hint=f"say {' or '.join(matches)}"
        )
    if not layers:
        raise UsageError(f"{name}: {NO_LAYERS}", hint=SAVE_AS_KERAS)
    raise make_unknown_layer_error(name, list(layers))


@contextmanager
def hook_layer(layer: Any, change: OutputHook) -> Iterator[None]:
    """Replace every output of the layer by `change(index of the call, input, output)`.

    If the layer returns a tuple, only its first output is replaced. Quantized layers are hooked at
    `quantized_call` too, which they run instead of `call`.
    """
    calls = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            output = original(*args, **kwargs)
            index, calls = calls, calls + 1
            inputs = args[0] if args else next(iter(kwargs.values()), None)
            if isinstance(output, (tuple, list)):
                return type(output)([change(index, inputs, output[0]), *output[1:]])
            return change(index, inputs, output)

        return call

    names = [name for name in ("call", "quantized_call") if hasattr(layer, name)]
    previous = {name: vars(layer)[name] for name in names if name in vars(layer)}
    for name in names:
        object.__setattr__(layer, name, wrap(getattr(layer, name)))
    try:
        yield
    finally:
        for name in names:
            object.__delattr__(layer, name)
            # A site and a target may both hook the same layer; the outer hook must stay.
            if name in previous:
                object.__setattr__(layer, name, previous[name])


@contextmanager
def replace_outputs(model: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Replace the outputs of the layers named in `values` by those tensors, in this block."""
    with ExitStack() as stack:
        for name, value in values.items():
            layer, call_index = find_layer(model, name)
            stack.enter_context(hook_layer(layer, _build_replacement(value, call_index)))
        yield


def _build_replacement(value: Any, call_index: int | None) -> OutputHook:
    """Return a hook that replaces the output of one call, the first by default."""
    import tensorflow as tf

    def change(index: int, inputs: Any, output: Any) -> Any:
        if index != (call_index or 0):
            return output
        # A tap without a batch axis was given one, of a single sample, to be fed.
        replacement = value[0] if value.shape.rank == output.shape.rank + 1 else value
        # Some layers give integer codes; the tensor fed instead stays float, to have a gradient.
        return tf.cast(replacement, output.dtype) if output.dtype.is_floating else replacement

    return change


@contextmanager
def read_outputs(model: Any, names: list[str]) -> Iterator[dict[str, list[Any]]]:
    """Yield a dictionary that collects the outputs of the named layers, one for each call."""
    outputs: dict[str, list[Any]] = {name: [] for name in names}
    with ExitStack() as stack:
        for name in names:
            layer, call_index = find_layer(model, name)
            stack.enter_context(hook_layer(layer, _build_recorder(outputs[name], call_index)))
        yield outputs


def _build_recorder(outputs: list[Any], call_index: int | None) -> OutputHook:
    """Return a hook that appends the output of one call, or of every call, to `outputs`."""

    def change(index: int, inputs: Any, output: Any) -> Any:
        if call_index is None or index == call_index:
            outputs.append(output)
        return output

    return change
