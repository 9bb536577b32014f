"""Pictures for the target `all`, whose maps have one for each class.

Importing this package imports every module in it, and each kind of picture registers itself.
"""

import importlib
import pkgutil

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.")):
    importlib.import_module(_module)
