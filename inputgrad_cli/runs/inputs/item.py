"""An input item of a run: its name, and the files that it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from inputgrad_cli.errors import ItemError
from inputgrad_cli.schema.file_names_in_json import encode_name


@dataclass(frozen=True)
class Item:
    """One input item: its name in the output directory, and its files by model input.

    The key None means that the file was not given for an input by name. `error` is set if the
    item is known to fail before it is read. `serves_all` means that one of its files was given
    together with a directory, and is used for every item of the directory. With `is_generated` it
    has no name and no input: a search begins at noise, and the file is that of the model.
    """

    name: str
    paths: Mapping[str | None, Path]
    error: ItemError | None = None
    serves_all: bool = False
    is_generated: bool = False

    @property
    def path(self) -> Path:
        """Return the file that the item is named after."""
        return next(iter(self.paths.values()))

    @cached_property
    def encoded_name(self) -> dict[str, str]:
        """Return the fields of a record that hold the name."""
        return encode_name("input", self.name)

    @cached_property
    def encoded_paths(self) -> dict[str | None, dict[str, str]]:
        """Return the fields of a record that hold the path of each file, by model input."""
        return {name: encode_name("path", str(path)) for name, path in self.paths.items()}
