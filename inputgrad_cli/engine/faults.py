"""TensorFlow's and Keras's own errors, told as faults of the item that was being computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from inputgrad_cli.errors import InputgradError, ItemError

# What stands around the line that tells; of compiled programs, every place in the code.
FRAME = (
    "Exception encountered when calling",
    "Graph execution error",
    "Detected at node",
    "File ",
    "<stack traces unavailable>",
    "[[{{node",
)
# How drivers and libraries of a GPU say what TensorFlow does not always make a type of its own.
FULL = re.compile(r"\bOOM\b|out of memory|OUT_OF_MEMORY|STATUS_ALLOC_FAILED", re.I)


def too_large(reason: str = "") -> ItemError:
    """Return the fault of a pass that memory is too short for; a smaller one may do."""
    return ItemError(
        "the input does not fit into memory",
        reason=reason,
        mend="end what else fills it, try --device cpu, or give smaller inputs",
        kind="memory",
    )


@contextmanager
def told() -> Iterator[None]:
    """Turn what TensorFlow and Keras raise while a batch runs into an ItemError."""
    try:
        yield
    except InputgradError:
        raise
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise too_large() from error
    except LookupError as error:
        raise _no_gradient(error) from error
    except (tf.errors.OpError, ValueError, TypeError) as error:
        if isinstance(error, tf.errors.OpError) and FULL.search(str(error)):
            raise too_large() from error
        raise ItemError(
            "the model cannot compute this input", reason=first_line(error), kind="compute"
        ) from error


def _no_gradient(error: LookupError) -> ItemError:
    found = re.search(r"no entry for: (\w+)", str(error))
    if found is None:
        return ItemError("the model cannot compute this input", reason=str(error), kind="compute")
    return ItemError(
        f"the operation {found[1]} in the model has no gradient",
        reason="TensorFlow does not define one",
        kind="disconnected",
    )


def first_line(error: Exception) -> str:
    """Return the first telling line of a message that may go on for pages."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(FRAME)]
    line = telling[0] if telling else type(error).__name__
    return line if len(line) <= 200 else line[:197] + "..."
