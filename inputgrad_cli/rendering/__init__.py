"""All kinds of pictures, one file each, and what they share.

Importing this package imports every module below it, and each kind of picture registers itself.
So a new file needs no entry anywhere else; `interfaces/picture.py` says how to add one.
"""

import importlib
import pkgutil

from inputgrad_cli.interfaces.picture import (
    choose_picture,
    find_limited_kind,
    has_pictures,
    is_drawable,
    pictures,
)

for _module in sorted(m.name for m in pkgutil.walk_packages(__path__, f"{__name__}.")):
    importlib.import_module(_module)

__all__ = ["choose_picture", "find_limited_kind", "has_pictures", "is_drawable", "pictures"]
