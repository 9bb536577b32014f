"""Compiles programs: functions of tensors and pins that are traced once and run many times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import keras
import tensorflow as tf

from inputgrad_cli.engine.adapter.cpu_kernel_selection import must_compile
from inputgrad_cli.engine.adapter.error_message_rewriting import is_input_error
from inputgrad_cli.engine.adapter.graph_memory_check import refuse_large_graph
from inputgrad_cli.engine.adapter.hooks import BASELINE, is_tap
from inputgrad_cli.engine.adapter.keras_adapter import KerasAdapter
from inputgrad_cli.engine.adapter.scores import PinnedTensors
from inputgrad_cli.engine.adapter.tapped_forward_pass import read_taps
from inputgrad_cli.engine.adapter.type_aliases import TensorDict, Tensors
from inputgrad_cli.engine.fold_batchnorm import find_mergeable, skip_merged
from inputgrad_cli.engine.tensorflow_error_conversion import (
    build_compile_error,
    describe_error,
    find_inputgrad_error,
)
from inputgrad_cli.errors import InputgradError

Program = Callable[..., Any]


@dataclass(frozen=True)
class FoldableProgram:
    """A program that reads no layer's output, so operations inside the model may be merged."""

    run: Program

    def __call__(self, tensors: Tensors, pins: Any) -> Any:
        """Run the program."""
        return self.run(tensors, pins)


class EagerOnlyError(Exception):
    """A program cannot be compiled, and eager kernels can be trusted; the text is the reason."""


class ProgramCompiler:
    """Compiles the programs of one model; `fixed_batch` is the batch size it was built for."""

    def __init__(self, adapter: KerasAdapter, fixed_batch: int | None) -> None:
        self._adapter, self._fixed_batch = adapter, fixed_batch
        self._tap_shapes: dict[Any, TensorDict] = {}

    def compile(self, program: Program, tensors: Tensors, pins: Any, *, folded: bool) -> Program:
        """Return the program, traced for tensors like these; `folded` for this size alone.

        Raises EagerOnlyError, or CompileError if eager kernels cannot be trusted.
        """
        adapter = self._adapter
        compiled = fold_variables(program, adapter.model, tensors) if folded else program
        # One trace serves every batch, because the first axis and the model's open axes stay open.
        signature = [self._build_specs(tensors, folded), _build_pin_specs(pins)]
        traced = tf.function(compiled, input_signature=signature, autograph=adapter.has_user_code)
        try:
            refuse_large_graph(traced.get_concrete_function().graph, _count_rows(tensors))
        except (InputgradError, MemoryError, tf.errors.ResourceExhaustedError):
            raise
        except Exception as error:
            reason, _ = describe_error(error, adapter.model)
            if is_input_error(error) or find_inputgrad_error(error):
                raise
            if must_compile():
                raise build_compile_error(reason) from error
            raise EagerOnlyError(reason) from error
        return cast(Program, traced)

    def _build_specs(self, tensors: Tensors, folded: bool) -> TensorDict:
        shapes = {spec.name: spec.shape for spec in self._adapter.input_specs}
        if any(shape is None or None in shape for shape in shapes.values()):
            taps = {name.removeprefix(BASELINE) for name in tensors} - set(shapes)
            key = tuple((name, tuple(tensors[name].shape[1:])) for name in sorted(tensors))
            if taps and key not in self._tap_shapes:  # finding them traces the model
                self._tap_shapes[key] = self._infer_tap_shapes(tensors, sorted(taps))
            shapes |= self._tap_shapes.get(key, {})
        specs = {}
        for name, tensor in tensors.items():
            shape = shapes.get(name.removeprefix(BASELINE)) or tensor.shape[1:]
            rows = tensor.shape[0] if folded else self._fixed_batch
            specs[name] = tf.TensorSpec((rows, *shape), tensor.dtype)
        return specs

    def _infer_tap_shapes(self, tensors: Tensors, taps: Sequence[str]) -> TensorDict:
        """Return the shapes of taps behind inputs with open axes, without the batch axis.

        Axes that the model's graph fixes, such as the width of an embedding, stay fixed, because
        later layers need them.
        """
        tap_shapes = {
            tap: (*_build_open_shape(tensors[tap])[1:], tensors[tap].shape[-1]) for tap in taps
        }

        def run(inputs: Tensors) -> None:
            for tap, tensor in read_taps(self._adapter, inputs, taps).items():
                has_no_batch = tensor.shape.rank < tensors[tap].shape.rank
                tap_shapes[tap] = tuple(tensor.shape if has_no_batch else tensor.shape[1:])

        signature = {
            spec.name: tf.TensorSpec(
                (self._fixed_batch, *(spec.shape or tensors[spec.name].shape[1:])),
                tensors[spec.name].dtype,
            )
            for spec in self._adapter.input_specs
        }
        with suppress(Exception):  # the user's own code may raise anything where it is traced
            function = tf.function(
                run, input_signature=[signature], autograph=self._adapter.has_user_code
            )
            function.get_concrete_function()
        return tap_shapes


def fold_variables(program: Program, model: Any, fed: Iterable[str]) -> Program:
    """Return the program with the model's variables as constants, ready to be traced.

    `fed` are the names of its tensors. Batch normalizations are merged only if no layer's output is
    fed, because such a tensor belongs to the layer as it was saved.
    """
    can_merge = isinstance(program, FoldableProgram) and not any(map(is_tap, fed))
    norms = find_mergeable(model) if can_merge else []
    changed = {id(variable): value for norm in norms for variable, value in norm.values}
    values = [(v, changed[id(v)] if id(v) in changed else v.numpy()) for v in model.variables]

    def run(tensors: Tensors, pins: Any) -> Any:
        # TensorFlow's optimizer computes once what follows from constants alone.
        constants = [(variable, tf.constant(value)) for variable, value in values]
        with keras.StatelessScope(state_mapping=constants), skip_merged(norms):
            return program(tensors, pins)

    return run


def _count_rows(tensors: Mapping[str, Any]) -> int:
    """Return how many samples a pass holds."""
    return max((int(tensor.shape[0] or 1) for tensor in tensors.values()), default=1)


def _build_open_shape(tensor: Any) -> tuple[int | None, ...]:
    return (None,) * (int(tensor.shape.rank) - 1)


def _build_pin_specs(pins: Any) -> Any:
    """Return the tensor specs of pins; truths and masks have open axes, as outputs may have."""
    if not isinstance(pins, PinnedTensors):
        return [_build_pin_specs(item) for item in pins]
    index, signs, offset = (tf.TensorSpec((None, *t.shape[1:]), t.dtype) for t in pins[:3])
    truth = tf.TensorSpec((None, *_build_open_shape(pins.truth)), pins.truth.dtype)
    return PinnedTensors(index, signs, offset, truth)
