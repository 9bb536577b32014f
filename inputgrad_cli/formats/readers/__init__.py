"""All readers of input formats, one file for each format or family of formats.

Importing this package imports every module in it, and each registers its readers. So a new file
needs no entry anywhere else; `interfaces/reader.py` says how to add one.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, get_args

from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.interfaces.reader import READERS, InputFile, Kind, Reader, ReadOptions

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__, f"{__name__}.")):
    importlib.import_module(_module)

__all__ = ["READERS", "find_reader", "list_suffixes"]


def _refuse_unknown(file: InputFile, _: ReadOptions) -> NoReturn:
    raise ItemError(
        f"{file.where}: files named {file.suffix or 'without a suffix'} are not read",
        hint=f"known are {' '.join(list_suffixes())}",
        kind="suffix",
    )


# Refuses every file, for any number of inputs.
UNKNOWN = Reader(suffixes=(), read=_refuse_unknown, names_inputs=True)


def find_reader(path: Path) -> Reader:
    """Return the reader for the suffix of a file; for an unknown one, a reader that refuses it."""
    return READERS.get(path.suffix.lower(), UNKNOWN)


def list_suffixes(specs: Sequence[InputSpec] | None = None) -> tuple[str, ...]:
    """Return all suffixes that are read, or those that a search of directories takes for `specs`.

    They are in the order of the kinds of files.
    """
    kinds = get_args(Kind)
    return tuple(
        suffix
        for suffix, reader in sorted(READERS.items(), key=lambda item: kinds.index(item[1].kind))
        if specs is None or reader.accepts(specs)
    )
