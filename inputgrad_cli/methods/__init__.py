"""All methods, one file each in the folder of its family; a file dropped there is registered."""

import importlib
import pkgutil

from inputgrad_cli.interfaces.method import methods

for _module in sorted(m.name for m in pkgutil.walk_packages(__path__, f"{__name__}.")):
    importlib.import_module(_module)

__all__ = ["methods"]
