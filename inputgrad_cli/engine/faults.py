"""TensorFlow's and Keras's own errors, told as faults of the item that was being computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from inputgrad_cli.errors import InputgradError, ItemError


@contextmanager
def told() -> Iterator[None]:
    """Turn what TensorFlow and Keras raise while a batch runs into an ItemError."""
    try:
        yield
    except InputgradError:
        raise
    except tf.errors.ResourceExhaustedError as error:
        raise ItemError(
            "the batch does not fit into memory", mend="use a smaller --batch-size", kind="memory"
        ) from error
    except LookupError as error:
        raise _no_gradient(error) from error
    except (tf.errors.OpError, ValueError, TypeError) as error:
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
    telling = [line for line in lines if not line.startswith("Exception encountered when calling")]
    line = telling[0] if telling else type(error).__name__
    return line if len(line) <= 200 else line[:197] + "..."
