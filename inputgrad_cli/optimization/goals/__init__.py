"""All goals of optimization, one file each; importing this package registers them."""

import importlib
import pkgutil

from inputgrad_cli.interfaces.goal import goals

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.")):
    importlib.import_module(_module)

__all__ = ["goals"]
