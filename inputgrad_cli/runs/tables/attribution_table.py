"""Builds the table of a map: the columns of its file, each value with its attribution.

First stand the columns that feed no input, such as an id, then what the model gives, then each
column that is explained. Rows are formatted in blocks, so a large table is never in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from typing import IO

from inputgrad_cli.data.map_record import MapRecord, RecordedMap
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.tabular_attribution_columns import (
    RowColumns,
    find_row_columns,
    name_columns,
)
from inputgrad_cli.formats.tables.csv_cell_formatting import join_cells, to_cells
from inputgrad_cli.numeric.array_helpers import Arrays, take_rows
from inputgrad_cli.runs.large_array_writing import collect_bytes, is_large
from inputgrad_cli.storage.atomic_write import Bytes, WriteFunction

SCORES = ("prediction", "score", "baseline_score")
ATTRIBUTION = ":attribution"  # after the name of a column, of the column with its attributions
BLOCK_CELLS = 1 << 16  # attributions that are formatted at once
NUMBER = "%.9g"  # enough digits to read a float32 back as it was


@dataclass(frozen=True)
class AttributionTable:
    """The table of a map: a line for each sample, or for each step of a series.

    `values` and `inputs` have the lines on their first axis.
    """

    columns: RowColumns
    values: Arrays
    inputs: Arrays
    record: MapRecord
    samples: Samples

    def write(self, file: IO[bytes]) -> None:
        """Write the table with its header."""
        unused = self.samples.unused
        pairs = [cell for name in self.columns.names for cell in (name, name + ATTRIBUTION)]
        header = [*(unused.names if unused else ()), *SCORES, *pairs]
        file.write(f"{join_cells(header)}\n".encode())
        total = len(next(iter(self.values.values())))
        step = max(1, BLOCK_CELLS // len(self.columns.names))
        for start in range(0, total, step):
            lines = "\n".join(self._yield_lines(start, min(start + step, total)))
            file.write(f"{lines}\n".encode("utf-8", "surrogatepass"))

    def _yield_lines(self, start: int, stop: int) -> Iterator[str]:
        """Yield the lines from `start` to `stop`, without their ends."""
        rows, count = slice(start, stop), len(self.columns.names)
        attributions = self.columns.join_values(take_rows(self.values, rows)).tolist()
        inputs = self.columns.join_inputs(take_rows(self.inputs, rows))
        cells = [[""] * (stop - start) if c is None else to_cells(c) for c in inputs]
        unused = self.samples.unused
        others = unused.cells[rows].tolist() if unused else [[]] * (stop - start)
        line_format = ",".join([f"%s,{NUMBER}"] * count)
        pairs: list[object] = [""] * (2 * count)
        for row, texts in enumerate(zip(*cells, strict=True)):
            is_failed = start + row in self.samples.failed
            pairs[::2] = [""] * count if is_failed else texts
            pairs[1::2] = attributions[row]
            first = join_cells([*others[row], *self._list_scores(start + row)])
            yield f"{first},{line_format % tuple(pairs)}"

    def _list_scores(self, row: int) -> list[str]:
        """Return the cells of `SCORES`; those of a series stand in each of its lines."""
        sample = self.record.samples[self.record.get_row(row)]
        if sample is None:
            return [""] * len(SCORES)
        scores = (sample.prediction, sample.score, sample.baseline_score)
        return ["" if score is None else str(score) for score in scores]


def build_attribution_table(
    name: str, recorded: RecordedMap, samples: Samples, beside: Set[str] = frozenset()
) -> dict[str, Bytes | WriteFunction]:
    """Return the table of a map by its name; the maps of all classes do not fit into one.

    The inputs in `beside` come from other files than tables, and are columns only if each of their
    samples is a row: a picture beside a table is none.
    """
    record = recorded.record
    values, inputs = _leave_out(recorded, samples, beside), samples.arrays
    if record.has_all_classes or not values:
        return {}
    if record.lines_are_steps:
        values = _select_series(_take_only(values), inputs)
        if not values:
            return {}
        inputs = {site: array[0] for site, array in inputs.items() if site in values}
        samples = _keep_ids(samples, values)
    shapes = {site: array.shape[1:] for site, array in values.items()}
    columns = name_columns(record, shapes, samples.header)
    table = AttributionTable(columns, values, inputs, record, samples)
    return {name: table.write if is_large(recorded) else collect_bytes(table.write)}


def _leave_out(recorded: RecordedMap, samples: Samples, beside: Set[str]) -> Arrays:
    """Return the maps that can be columns: all but those of inputs in `beside` that are no rows."""
    columns = find_row_columns(recorded, samples.header)
    rows = frozenset() if columns is None else {part.site for part in columns.parts}
    return {
        site: array for site, array in recorded.values.items() if site in rows or site not in beside
    }


def _select_series(values: Arrays, inputs: Arrays) -> Arrays:
    """Return the maps that share the lines of one table: those of inputs, else those of layers.

    A picture or a vector beside the series has other lines, and so has the map of a layer.
    """
    lines = {site: array for site, array in values.items() if array.ndim}
    chosen = {site: array for site, array in lines.items() if site in inputs} or lines
    count = len(next(iter(chosen.values()), ()))
    return {site: array for site, array in chosen.items() if len(array) == count}


def _keep_ids(samples: Samples, values: Arrays) -> Samples:
    """Return the samples without the ids of steps if the lines are not those of the file."""
    unused = samples.unused
    is_by_step = unused is not None and all(
        site in samples.arrays and len(array) == len(unused.cells) for site, array in values.items()
    )
    return samples if is_by_step else replace(samples, unused=None)


def _take_only(arrays: Arrays) -> Arrays:
    return {site: array[0] for site, array in arrays.items()}
