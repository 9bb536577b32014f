"""Computes gradients and attributions of saved Keras models.

The public functions are `load`, `explain`, `optimize`, `read` and `render`. Importing this package
imports neither NumPy nor TensorFlow; the functions are imported when they are first accessed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inputgrad_cli.version import __version__

if TYPE_CHECKING:
    from inputgrad_cli.api import Attribution, Model, explain, load, read, render
    from inputgrad_cli.optimization.sample_result import Optimization
    from inputgrad_cli.python_api.optimize import optimize

__all__ = [
    "Attribution",
    "Model",
    "Optimization",
    "__version__",
    "explain",
    "load",
    "optimize",
    "read",
    "render",
]

# Those that are not in `api`, because only few callers need them.
MODULES = {
    "Optimization": "inputgrad_cli.optimization.sample_result",
    "optimize": "inputgrad_cli.python_api.optimize",
}


def __dir__() -> list[str]:
    """Return the public names alone, including those that are not imported yet."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def __getattr__(name: str) -> Any:
    """Import and return a public name when it is first accessed."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(MODULES.get(name, "inputgrad_cli.api")), name)
