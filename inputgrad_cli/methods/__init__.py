"""All attribution methods, one file each in the folder of its family.

Importing this package imports every module below it, and each registers its method. So a new file
needs no entry anywhere else; `interfaces/method.py` says how to add one.
"""

import importlib
import pkgutil

from inputgrad_cli.interfaces.method import methods

for _module in sorted(m.name for m in pkgutil.walk_packages(__path__, f"{__name__}.")):
    importlib.import_module(_module)

__all__ = ["methods"]
