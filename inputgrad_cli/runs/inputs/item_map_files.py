"""The maps of an item: what each of them is, and the names of its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.schema.file_names_in_json import encode_name
from inputgrad_cli.storage.map_file_names import MapFiles
from inputgrad_cli.storage.requested_maps import MapSpec


@dataclass(frozen=True)
class ItemMap:
    """A map of one item, and the names of its files, which are made once for all steps."""

    item: Item
    spec: MapSpec
    files: MapFiles

    @property
    def encoded_name(self) -> dict[str, str]:
        """Return the fields of a record that hold the name of the item, or of a map without one."""
        if self.item.is_generated:
            return encode_name("input", self.files.stem)
        return self.item.encoded_name

    @property
    def stem(self) -> str:
        """Return the stem of its files, by which the journal and a restarted process know it."""
        return self.files.stem


def list_item_maps(item: Item, specs: Iterable[MapSpec]) -> list[ItemMap]:
    """Return the maps of an item, one for each spec."""
    return [ItemMap(item, spec, spec.build_files(item.name)) for spec in specs]
