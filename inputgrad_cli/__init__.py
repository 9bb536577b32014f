"""Shows what a saved Keras model looks at.

The same verbs as the command line: `load`, `explain`, `read`, `render`. Importing this package
imports neither NumPy nor TensorFlow; the verbs arrive when they are first named.
"""

from typing import TYPE_CHECKING, Any

from inputgrad_cli.version import __version__

if TYPE_CHECKING:
    from inputgrad_cli.api import Model, explain, load, read, render
    from inputgrad_cli.data.attribution import Attribution

__all__ = ["Attribution", "Model", "__version__", "explain", "load", "read", "render"]


def __dir__() -> list[str]:
    """Return the public names: the verbs that have not arrived yet are there too."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Return a public verb, importing its module only now."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from inputgrad_cli import api

    return getattr(api, name)
