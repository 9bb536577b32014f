"""Turns every error that a malformed configuration causes into one ModelError."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from inputgrad_cli.errors import ModelError

F = TypeVar("F", bound=Callable[..., Any])
# The errors that a missing value, or a value of the wrong type, raises.
CONFIG_ERRORS = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)


def convert_config_errors(function: F) -> F:
    """Return `function` wrapped to raise ModelError for a configuration unlike those of Keras."""

    @wraps(function)
    def run_converted(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ModelError:
            raise
        except (*CONFIG_ERRORS, RecursionError) as error:
            raise ModelError(
                "config.json inside does not describe a model as Keras writes it",
                reason=f"a value is missing or of the wrong kind ({type(error).__name__})",
                hint="save the model again in Keras 3",
            ) from error

    return run_converted  # type: ignore[return-value]  # wraps keeps the signature, mypy cannot see it
