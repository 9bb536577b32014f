"""What goes on at one layer: its output, the gradients there, and the biases on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.choices import LAYER
from inputgrad_cli.data.target import Choice
from inputgrad_cli.engine.adapter.forward import forward, only_call
from inputgrad_cli.engine.adapter.hooks import find_layer, hooked, layers_by_path
from inputgrad_cli.engine.adapter.input_gradients import skip_filter_gradients
from inputgrad_cli.engine.adapter.keras_adapter import Binding, Tensors
from inputgrad_cli.engine.adapter.scores import Pins, at_least_float32, scalar
from inputgrad_cli.engine.computations import Program, layer_heads, slopes

Sums = dict[str, tuple[Any, Any, int]]
"""By tap: the sum that a bias went into, the bias, and the axis it lies on."""

WEIGHTED = (
    keras.layers.Dense,
    *(getattr(keras.layers, f"{kind}{n}D") for kind in ("Conv", "SeparableConv", "DepthwiseConv")
      for n in (1, 2)),
    *(getattr(keras.layers, f"Conv{n}DTranspose") for n in (1, 2, 3)),
    keras.layers.Conv3D,
)  # fmt: skip


def channel_axis(model: Any, name: str) -> int:
    """Return where a layer's channels stand, the batch axis counted."""
    layer, _ = find_layer(model, name)
    orders = [getattr(one, "data_format", None) for one in (layer, *model._flatten_layers())]
    return 1 if next((order for order in orders if order), "") == "channels_first" else -1


def layer_of(binding: Binding, choice: Choice, name: str) -> Program:
    """Return (tensors, pins) -> the layer's output, the gradient there (or None), scores (B,)."""
    heads = layer_heads([choice])

    def run(tensors: Tensors, pins: Pins) -> Any:
        seen: list[Any] = []
        layer, wanted = find_layer(binding.model, name)
        tape = tf.GradientTape(watch_accessed_variables=False)
        given = tensors.get(name)  # where the layer's output is what is fed, that is it
        with tape, hooked(layer, _watching(tape, seen, wanted)):
            if given is not None:
                tape.watch(given)
            scores = scalar(
                choice, forward(binding, tensors, heads), pins, tensors, losses=binding.losses
            )
        out = only_call(binding, tensors, name, seen) if given is None else given
        with skip_filter_gradients():
            found = tape.gradient(scores, out)
        return at_least_float32(out), None if found is None else at_least_float32(found), scores

    return run


def _watching(tape: Any, sink: list[Any], wanted: int | None) -> Callable[[int, Any, Any], Any]:
    def change(number: int, fed: Any, out: Any) -> Any:
        if wanted is None or number == wanted:
            tape.watch(out)
            sink.append(out)
        return out

    return change


def biases_of(binding: Binding, choice: Choice, sites: Sequence[str]) -> Program:
    """Return (tensors, pins) -> gradients by site, scores (B,), and bias times gradient by tap."""
    heads = layer_heads([choice])

    def run(tensors: Tensors, pins: Pins) -> Any:
        sums: Sums = {}
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch([tensors[site] for site in sites])
            with _sums_seen(binding.model, tape, sums):
                scores = scalar(
                    choice, forward(binding, tensors, heads), pins, tensors, losses=binding.losses
                )
        shares = {name: _share(tape, scores, *told) for name, told in sums.items()}
        shares = {name: share for name, share in shares.items() if share is not None}
        return slopes(tape, scores, tensors, sites), scores, shares

    return run


def _share(tape: Any, scores: Any, z: Any, bias: Any, axis: int) -> Any | None:
    """Return the bias times the gradient where it is added, channels last."""
    shape = [1] * z.shape.rank
    shape[axis] = -1
    slope = tape.gradient(scores, z)
    if slope is None:
        return None
    share = at_least_float32(slope * tf.cast(tf.reshape(bias, shape), z.dtype))
    return share if axis in (-1, z.shape.rank - 1) else tf.experimental.numpy.moveaxis(share, 1, -1)


@contextmanager
def _sums_seen(model: Any, tape: Any, sums: Sums) -> Iterator[None]:
    """Fill `sums` with what each layer adds a bias to, before its activation, and that bias."""
    with ExitStack() as stack:
        done: set[int] = set()
        for path, layer in layers_by_path(model).items():
            if id(layer) in done or (found := _bias(layer)) is None:
                continue
            done.add(id(layer))
            see = _seeing(tape, sums, LAYER + path, *found)
            if getattr(layer, "activation", None) is None:
                stack.enter_context(hooked(layer, _after(see)))
            else:
                stack.enter_context(_before(layer, see))
        yield


def _seeing(tape: Any, sums: Sums, tap: str, bias: Any, axis: int) -> Callable[[Any], Any]:
    def see(z: Any) -> Any:
        tape.watch(z)
        calls = sum(name.startswith(f"{tap}#") for name in sums)
        sums[f"{tap}#{calls}"] = (z, bias, axis)
        return z

    return see


def _after(see: Callable[[Any], Any]) -> Callable[[int, Any, Any], Any]:
    return lambda number, fed, out: see(out)


@contextmanager
def _before(layer: Any, see: Callable[[Any], Any]) -> Iterator[None]:
    """Let `see` pass what goes into the layer's activation."""
    before = layer.activation
    object.__setattr__(layer, "activation", lambda z: before(see(z)))
    try:
        yield
    finally:
        object.__setattr__(layer, "activation", before)


def _bias(layer: Any) -> tuple[Any, int] | None:
    """Return what a layer adds to a linear map of its input, and on which axis; else None."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return _shift(layer), layer.axis
    if not isinstance(layer, WEIGHTED) or layer.bias is None:
        return None
    first = getattr(layer, "data_format", None) == "channels_first"
    return tf.convert_to_tensor(layer.bias), 1 if first else -1


def _shift(layer: Any) -> Any:
    """Return beta - mean * gamma / deviation: a batch normalization at inference adds it."""
    mean, variance = (tf.convert_to_tensor(v) for v in (layer.moving_mean, layer.moving_variance))
    scale = tf.math.rsqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * tf.convert_to_tensor(layer.gamma)
    shift = -mean * scale
    return shift + tf.convert_to_tensor(layer.beta) if layer.center else shift
