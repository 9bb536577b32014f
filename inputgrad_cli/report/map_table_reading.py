"""Reads the names of columns and the values of the input from the table beside a map."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from inputgrad_cli.errors import ItemError
from inputgrad_cli.runs.tables.attribution_table import ATTRIBUTION
from inputgrad_cli.storage.map_file_names import list_file_names
from inputgrad_cli.storage.run_directory import StoredMap
from inputgrad_cli.storage.safe_run_paths import check_file

MAX_TABLE_BYTES = 64 << 20  # a larger table takes longer to read than its names are worth


@dataclass(frozen=True)
class TableTexts:
    """The names of the columns that a map explains, and the texts of the input by row."""

    names: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def get_cells(self, row: int, names: Sequence[str]) -> Sequence[str]:
        """Return the texts of these columns in one row of the input, empty if one is not known."""
        # Of columns with one name, none could be told by it.
        if row >= len(self.rows) or len(set(self.names)) < len(self.names):
            return ()
        cells = dict(zip(self.names, self.rows[row], strict=True))
        return [cells[name] for name in names] if cells.keys() >= set(names) else ()


NO_TEXTS = TableTexts()


def read_table_texts(stored: StoredMap) -> TableTexts:
    """Return what the table of a map says, nothing if there is no table that can be read."""
    name, out = stored.files.table, stored.directory.out
    if name not in list_file_names(stored.line):
        return NO_TEXTS
    try:
        if check_file(out, name).st_size > MAX_TABLE_BYTES:
            return NO_TEXTS
        # Damaged bytes spoil a name, which is better than a page without any names.
        text = (out / name).read_text("utf-8", "replace")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
    # The bars then have the names that the arrays give.
    except (OSError, ItemError, ValueError, csv.Error):
        return NO_TEXTS
    return _select_columns(header, rows)


def _select_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> TableTexts:
    """Return the columns that have attributions beside them, all of them in older tables."""
    names = [name.removesuffix(ATTRIBUTION) for name in header if name.endswith(ATTRIBUTION)]
    if not names:
        return TableTexts(header)
    # A value stands before its attribution. Its name may be that of another column, as `score` is.
    indices = [index - 1 for index, name in enumerate(header) if name.endswith(ATTRIBUTION)]
    if indices[0] < 0 or [header[index] for index in indices] != names:
        return TableTexts(names)
    width = len(header)
    return TableTexts(names, [[row[i] for i in indices] for row in rows if len(row) == width])
