"""Converts errors raised by TensorFlow and Keras into errors of the item being computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from inputgrad_cli.engine.adapter.cpu_kernel_selection import ONEDNN_VARIABLE, must_compile
from inputgrad_cli.engine.adapter.error_location import locate_error
from inputgrad_cli.engine.adapter.error_message_rewriting import to_plain_message
from inputgrad_cli.engine.adapter.graph_memory_check import build_memory_error
from inputgrad_cli.errors import CompileError, InputgradError, ItemError

NO_GRADIENT = re.compile(r"gradient registry has no entry for: (\w+)")
# Errors that Keras and TensorFlow raise.
MODEL_ERRORS = (tf.errors.OpError, ValueError, TypeError, LookupError)
# Messages raised when code reads the values of a symbolic tensor.
EAGER_ONLY = re.compile(
    r"symbolic|eager execution|has no attribute 'numpy'|not allowed in Graph|NumPy array", re.I
)
# GPU drivers and libraries report this in messages without an exception type of its own.
OUT_OF_MEMORY = re.compile(r"\bOOM\b|out of memory|OUT_OF_MEMORY|STATUS_ALLOC_FAILED", re.I)


@contextmanager
def as_item_errors(model: Any = None) -> Iterator[None]:
    """Convert what TensorFlow and Keras raise in this block into an ItemError."""
    with keep_full_tracebacks():
        try:
            yield
        except InputgradError:
            raise
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise build_memory_error() from error
        except Exception as error:
            if inputgrad_error := find_inputgrad_error(error):
                raise inputgrad_error from None
            if isinstance(error, tf.errors.OpError) and OUT_OF_MEMORY.search(str(error)):
                raise build_memory_error() from error
            if missing := NO_GRADIENT.search(str(error)):
                raise _build_no_gradient_error(missing[1]) from error
            reason, inside = describe_error(error, model)
            if not inside and not isinstance(error, MODEL_ERRORS):
                raise  # it arose in no layer, so it is a defect of this package
            if must_compile() and EAGER_ONLY.search(str(error)):
                raise build_compile_error(reason) from error
            message = "the model cannot compute this input"
            raise ItemError(message, reason=reason, kind="compute") from error


def build_compile_error(reason: str) -> CompileError:
    """Build the error for code that only runs eagerly, if eager kernels cannot be trusted."""
    return CompileError(
        "the model cannot be compiled",
        reason=reason,
        hint=f"set {ONEDNN_VARIABLE}=0 in the environment: the model then runs eagerly",
    )


def find_inputgrad_error(error: BaseException | None) -> InputgradError | None:
    """Return the error of this package that AutoGraph has wrapped, None if there is none."""
    while error is not None:
        if isinstance(error, InputgradError):
            return error
        error = error.__cause__ or error.__context__
    return None


def describe_error(error: BaseException, model: Any = None) -> tuple[str, bool]:
    """Return an error's message with the layer it arose in, and whether it arose in a layer."""
    location = "" if model is None else locate_error(error, model)
    reason, kind = to_plain_message(error), type(error)
    if not isinstance(error, MODEL_ERRORS) or isinstance(error, LookupError):
        names_type = kind.__name__ == "StagingError" or reason.startswith(kind.__name__)
        reason = reason if names_type else f"{kind.__name__}: {reason}"
    return f"{location}: {reason}" if location else reason, bool(location)


@contextmanager
def keep_full_tracebacks() -> Iterator[None]:
    """Disable Keras's traceback filtering, which drops the layer and rewrites the message."""
    if not keras.config.is_traceback_filtering_enabled():
        yield
        return
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        keras.config.enable_traceback_filtering()


def _build_no_gradient_error(operation: str) -> ItemError:
    return ItemError(
        f"the operation {operation} in the model has no gradient",
        reason="TensorFlow does not define one",
        kind="disconnected",
    )
