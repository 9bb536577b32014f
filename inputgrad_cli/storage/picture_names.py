"""Names the files of the pictures of a map, by sample, site and ending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from inputgrad_cli.storage.map_file_names import MapFiles


@dataclass(frozen=True)
class PictureNames:
    """The names of pictures and of the files beside them, such as the page of a text.

    `count` is None for a single sample. All files of one picture differ in their ending only.
    """

    files: MapFiles
    count: int | None
    sites: Sequence[str]
    _by_ending: dict[str, list[list[str]]] = field(default_factory=dict)

    def get_name(self, row: int, site: str, ending: str) -> str:
        """Return the name of a file of the picture of a site of one sample."""
        if ending not in self._by_ending:
            self._by_ending[ending] = self.files.list_pictures(self.count, self.sites, ending)
        return self._by_ending[ending][row][self.sites.index(site)]
