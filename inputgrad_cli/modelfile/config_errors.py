"""A configuration is foreign data: whatever is wrong with its shape is told as one error."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from inputgrad_cli.errors import ModelError

F = TypeVar("F", bound=Callable[..., Any])
# What reading a value that is missing, or of another kind than Keras writes, comes to.
MISREAD = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


def reads_config(function: F) -> F:
    """Return a function that raises ModelError where a configuration is not as Keras writes it."""

    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ModelError:
            raise
        except (*MISREAD, RecursionError) as error:
            raise ModelError(
                "config.json inside does not describe a model as Keras writes it",
                reason=f"a value is missing or of the wrong kind ({type(error).__name__})",
                mend="save the model again in Keras 3",
            ) from error

    return guarded  # type: ignore[return-value]  # wraps keeps the signature, mypy cannot see it
