"""Turns every error that a malformed configuration causes into one ModelError."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from inputgrad_cli.errors import ModelError

F = TypeVar("F", bound=Callable[..., Any])
MESSAGE = "config.json inside does not describe a model as Keras writes it"
# The errors that a missing value, or a value of the wrong type, raises.
CONFIG_ERRORS = (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError)


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
                MESSAGE,
                reason=f"a value is missing or of the wrong kind ({type(error).__name__})",
                hint="save the model again in Keras 3",
            ) from error

    return run_converted  # type: ignore[return-value]  # wraps keeps the signature, mypy cannot see it


@contextmanager
def name_model_file(path: Path) -> Iterator[None]:
    """Add the path of the model to such an error, whose function knows the configuration alone."""
    try:
        yield
    except ModelError as error:
        if error.message == MESSAGE:
            error.message = f"{path}: {MESSAGE}"
        raise
