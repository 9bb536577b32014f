"""Pictures of searches: the input before and after, the change, and how the score rose.

Importing this package imports every module in it, and each kind of picture registers itself.
"""

import importlib
import pkgutil

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.")):
    importlib.import_module(_module)
