"""All methods, one file each: a file dropped here is a method of the tool."""

import importlib
import pkgutil

from inputgrad_cli.contracts import methods

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")

__all__ = ["methods"]
