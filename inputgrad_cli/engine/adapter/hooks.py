"""Taps: a layer's output, read or replaced while the model runs, by hooking the layer's `call`.

Sub-models are never built: they break on nested models. A tap is named `layer:NAME`, or
`layer:NAME#N` for the N-th call of a layer that is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from inputgrad_cli.choices import LAYER
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.layer_names import no_layer, split

BASELINE = f"{LAYER}baseline of "  # fed beside the inputs, as taps are
NO_LAYERS = "the model shows none of its layers"
AS_KERAS = "save it with model.save('NAME.keras') and explain that"

Change = Callable[[int, Any, Any], Any]


def is_tap(name: str) -> bool:
    """Return whether a site or head is a layer's output."""
    return name.startswith(LAYER)


def layers_by_path(model: Any) -> dict[str, Any]:
    """Return every layer by its path, `outer/inner` when nested, in the order of the model."""
    found: dict[str, Any] = {}

    def visit(parent: Any, prefix: str) -> None:
        for layer in parent._flatten_layers(include_self=False, recursive=False):
            path = f"{prefix}{layer.name}"
            if path not in found:
                found[path] = layer
                visit(layer, f"{path}/")

    visit(model, "")
    return found


def find_layer(model: Any, name: str) -> tuple[Any, int | None]:
    """Return the layer that `layer:NAME` or `layer:NAME#N` names, and N.

    A name without its path will do where only one layer has it.
    """
    path, number = split(name)
    known = layers_by_path(model)
    found = [p for p in known if p == path] or [p for p in known if p.endswith("/" + path)]
    distinct = {id(known[p]): p for p in found}
    if len(distinct) == 1:
        return known[next(iter(distinct.values()))], number
    if distinct:
        raise UsageError(f"{name}: several layers are called so", mend=f"say {' or '.join(found)}")
    if not known:
        raise UsageError(f"{name}: {NO_LAYERS}", mend=AS_KERAS)
    raise no_layer(name, list(known))


@contextmanager
def hooked(layer: Any, change: Change) -> Iterator[None]:
    """Pass every output of the layer through `change(number of the call, input, output)`.

    Of a tuple of outputs the first is meant. Quantized layers answer by another method.
    """
    calls = 0

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            out = original(*args, **kwargs)
            number, calls = calls, calls + 1
            fed = args[0] if args else next(iter(kwargs.values()), None)
            if isinstance(out, (tuple, list)):
                return type(out)([change(number, fed, out[0]), *out[1:]])
            return change(number, fed, out)

        return call

    names = [name for name in ("call", "quantized_call") if hasattr(layer, name)]
    before = {name: vars(layer)[name] for name in names if name in vars(layer)}
    for name in names:
        object.__setattr__(layer, name, wrap(getattr(layer, name)))
    try:
        yield
    finally:
        for name in names:  # a layer may be hooked twice, by a site and by a target
            object.__delattr__(layer, name)
            if name in before:
                object.__setattr__(layer, name, before[name])


@contextmanager
def replaced(model: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Let the layers named by `values` give those tensors instead of their own output."""
    with ExitStack() as stack:
        for name, value in values.items():
            layer, wanted = find_layer(model, name)
            stack.enter_context(hooked(layer, _replacing(value, wanted)))
        yield


def _replacing(value: Any, wanted: int | None) -> Change:
    import tensorflow as tf

    def change(number: int, fed: Any, out: Any) -> Any:
        if number != (wanted or 0):
            return out
        new = value[0] if value.shape.rank == out.shape.rank + 1 else value
        # Codes are whole numbers in some models; what is fed in their place has a derivative.
        return tf.cast(new, out.dtype) if out.dtype.is_floating else new

    return change


@contextmanager
def read(model: Any, names: list[str]) -> Iterator[dict[str, list[Any]]]:
    """Yield a dictionary that fills with the outputs of the named layers, call by call."""
    seen: dict[str, list[Any]] = {name: [] for name in names}
    with ExitStack() as stack:
        for name in names:
            layer, wanted = find_layer(model, name)
            stack.enter_context(hooked(layer, _reading(seen[name], wanted)))
        yield seen


def _reading(sink: list[Any], wanted: int | None) -> Change:
    def change(number: int, fed: Any, out: Any) -> Any:
        if wanted is None or number == wanted:
            sink.append(out)
        return out

    return change
