"""TensorFlow's and Keras's own errors, told as faults of the item that was being computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.engine.adapter.error_location import place_of
from inputgrad_cli.engine.adapter.graph_size import too_large
from inputgrad_cli.engine.adapter.kernels import VARIABLE, must_compile
from inputgrad_cli.engine.adapter.plain_errors import plain
from inputgrad_cli.errors import CompileError, InputgradError, ItemError

# How drivers and libraries of a GPU say what TensorFlow does not always make a type of its own.
NO_GRADIENT = re.compile(r"gradient registry has no entry for: (\w+)")
MODELS = (tf.errors.OpError, ValueError, TypeError, LookupError)  # what Keras and TensorFlow raise
# What code runs into that asks a tensor of a graph for its numbers.
EAGER_ONLY = re.compile(
    r"symbolic|eager execution|has no attribute 'numpy'|not allowed in Graph|NumPy array", re.I
)
FULL = re.compile(r"\bOOM\b|out of memory|OUT_OF_MEMORY|STATUS_ALLOC_FAILED", re.I)


@contextmanager
def told(model: Any = None) -> Iterator[None]:
    """Turn what TensorFlow and Keras raise while a batch runs into an ItemError."""
    with whole_tracebacks():
        try:
            yield
        except InputgradError:
            raise
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise too_large() from error
        except Exception as error:
            if own := own_error(error):
                raise own from None
            if isinstance(error, tf.errors.OpError) and FULL.search(str(error)):
                raise too_large() from error
            if missing := NO_GRADIENT.search(str(error)):
                raise _no_gradient(missing[1]) from error
            reason, inside = reason_of(error, model)
            if not inside and not isinstance(error, MODELS):
                raise  # in no layer: a fault of ours
            if must_compile() and EAGER_ONLY.search(str(error)):
                raise cannot_compile(reason) from error
            what = "the model cannot compute this input"
            raise ItemError(what, reason=reason, kind="compute") from error


def cannot_compile(reason: str) -> CompileError:
    """Return the fault of code that can only run eagerly, where eager kernels cannot be trusted."""
    return CompileError(
        "the model cannot be compiled",
        reason=reason,
        mend=f"set {VARIABLE}=0 in the environment: the model then runs eagerly",
    )


def own_error(error: BaseException | None) -> InputgradError | None:
    """Return the error of ours that AutoGraph dressed up as one of its own, if it is one."""
    while error is not None:
        if isinstance(error, InputgradError):
            return error
        error = error.__cause__ or error.__context__
    return None


def reason_of(error: BaseException, model: Any = None) -> tuple[str, bool]:
    """Return what an error says, with the layer in which it arose, and whether it was in one."""
    place = "" if model is None else place_of(error, model)
    reason, kind = plain(error), type(error)
    if not isinstance(error, MODELS) or isinstance(error, LookupError):
        said = kind.__name__ == "StagingError" or reason.startswith(kind.__name__)
        reason = reason if said else f"{kind.__name__}: {reason}"
    return f"{place}: {reason}" if place else reason, bool(place)


@contextmanager
def whole_tracebacks() -> Iterator[None]:
    """Let Keras raise errors as they are: it would cut the layer out and dress the message up."""
    if not keras.config.is_traceback_filtering_enabled():
        yield
        return
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        keras.config.enable_traceback_filtering()


def _no_gradient(operation: str) -> ItemError:
    return ItemError(
        f"the operation {operation} in the model has no gradient",
        reason="TensorFlow does not define one",
        kind="disconnected",
    )
