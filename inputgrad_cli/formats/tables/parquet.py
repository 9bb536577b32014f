"""Reads Parquet files, each row a sample: columns of numbers, texts or lists by input name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.samples import Samples, UnusedColumns, describe_layout
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.column_assignment import SCALAR_SHAPES, assign_columns
from inputgrad_cli.formats.tables.column_names import Heading
from inputgrad_cli.formats.tables.jsonl import to_row
from inputgrad_cli.formats.tables.rows_to_samples import gather_rows, to_sample
from inputgrad_cli.numeric.array_helpers import Array
from inputgrad_cli.schema.record_limits import MAX_VALUES

BATCH_ROWS = 1024  # rows that are converted to Python objects at once
MAX_METADATA_ITEMS = 1 << 24  # Thrift limit: bytes of a string, and items of a container


def read_parquet(
    data: bytes, specs: Sequence[InputSpec], where: str, columns: Sequence[str] = ()
) -> Samples:
    """Return one sample per row.

    A single vector takes the column of its name if there is one, else the columns of a table.
    The columns that feed no input are kept beside them. Raises ItemError (kinds `unreadable`,
    `extra`, `empty`). A bad row fails alone.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ItemError(
            f"{where}: Parquet is read by pyarrow, which is not installed",
            hint="pip install 'inputgrad-cli[parquet]'",
            kind="extra",
        ) from None
    try:
        selected = _ParquetColumns(data, pyarrow, specs, tuple(columns), where)
        records, cells = selected.read_all()
    except ItemError:
        raise
    except Exception as error:  # Arrow raises many types, some of them from C++
        reason = str(error).split("\n")[0]
        raise ItemError(f"{where}: not a Parquet file", reason=reason, kind="unreadable") from None
    if not records:
        raise ItemError(f"{where}: holds no rows", kind="empty")
    if selected.series:
        (spec,) = specs
        samples = Samples(
            {spec.name: to_sample(records, spec, where)[np.newaxis]}, record=describe_layout(specs)
        )
    else:
        rows = [to_row(v, specs, f"{where}, row {index}") for index, v in enumerate(records)]
        samples = gather_rows(rows, specs, where)
    record = {**samples.record, **({"columns": list(columns)} if columns else {})}
    unused = UnusedColumns(selected.unused, cells) if selected.unused else None
    return replace(
        samples, notes=selected.notes, record=record, header=selected.header, unused=unused
    )


class _ParquetColumns:
    """The columns of a Parquet file that feed the inputs.

    `header` has their names if each holds one value a row, and `unused` those of the others.
    """

    def __init__(
        self,
        data: bytes,
        pyarrow: Any,
        specs: Sequence[InputSpec],
        columns: tuple[str, ...],
        where: str,
    ) -> None:
        self._specs = specs
        source = pyarrow.BufferReader(data)
        limits = {
            "thrift_string_size_limit": MAX_METADATA_ITEMS,
            "thrift_container_size_limit": MAX_METADATA_ITEMS,
        }
        # Opened twice, because only the schema says which columns hold texts.
        file = pyarrow.parquet.ParquetFile(source, **limits)
        _refuse_large(file.metadata, where)
        schema = file.schema_arrow
        texts = [f.name for f in schema if pyarrow.types.is_string(f.type)]
        # A dictionary holds a text that is repeated a million times only once.
        self._file = pyarrow.parquet.ParquetFile(source, read_dictionary=texts, **limits)
        names = {spec.name.split("/")[0] for spec in specs} | {spec.name for spec in specs}
        self.notes: Mapping[str, str] = {}
        self.header: tuple[str, ...] = ()
        self.series = False
        self._wanted = [name for name in schema.names if name in names]
        self._is_vector = len(specs) == 1 and (bool(columns) or not self._wanted)
        if self._is_vector:
            self._select_vector(schema, pyarrow.types, columns, where)
        elif all(spec.name in schema.names and spec.shape in SCALAR_SHAPES for spec in specs):
            self.header = tuple(self._wanted)
        others = [field for field in schema if field.name not in self._wanted]
        # Of two columns with one name, neither can be taken by it.
        is_unique = len(set(schema.names)) == len(schema.names)
        self.unused = tuple(
            f.name for f in others if is_unique and _is_printable(pyarrow.types, f.type)
        )

    def _select_vector(self, schema: Any, types: Any, columns: tuple[str, ...], where: str) -> None:
        """Select the columns of one vector, or the only column, which holds lists."""
        flat = [field for field in schema if not types.is_nested(field.type)]
        if not flat:
            self._wanted = list(schema.names)
            return
        names = tuple(field.name for field in flat)
        numeric = tuple(_is_number(types, field.type) for field in flat)
        textual = tuple(not is_number for is_number in numeric)
        assignment = assign_columns(Heading(where, names, numeric, columns, textual), self._specs)
        self._wanted = [names[index] for index in assignment.by_input[self._specs[0].name]]
        self.notes, self.series = assignment.notes, assignment.series
        self.header = assignment.header

    def read_all(self) -> tuple[list[Any], Array]:
        """Return all rows, and the cells of their unused columns, (N, columns) texts.

        A row is a dictionary by column, or a list if the columns are one vector.
        """
        records: list[Any] = []
        cells: list[Array] = [np.empty((0, len(self.unused)), object)]
        columns = [*self._wanted, *self.unused]
        for batch in self._file.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
            wanted = batch.select(self._wanted) if self.unused else batch
            records += map(self._to_record, wanted.to_pylist())
            texts: Array = np.empty((len(batch), len(self.unused)), object)
            for index, name in enumerate(self.unused):
                texts[:, index] = _to_texts(batch.column(name))
            cells.append(texts)
        return records, np.concatenate(cells)

    def _to_record(self, record: Mapping[str, Any]) -> Any:
        return _to_vector(record, self._wanted, self._specs[0]) if self._is_vector else record


def _is_number(types: Any, kind: Any) -> bool:
    numbers = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in numbers)


def _is_printable(types: Any, kind: Any) -> bool:
    """Return whether values of a type are a text each; bytes may be no text at all."""
    tests = (types.is_nested, types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return not any(test(kind) for test in tests)


def _to_texts(column: Any) -> list[str]:
    """Return the values of a column as texts, empty where there is none."""
    try:
        values = column.cast("string").to_pylist()
    except Exception:  # a type that Arrow does not write as text, such as float16
        values = column.to_pylist()
    return ["" if value is None else str(value) for value in values]


def _to_vector(record: Mapping[str, Any], names: Sequence[str], spec: InputSpec) -> Any:
    values = [record[name] for name in names]
    alone = len(values) == 1 and (isinstance(values[0], list) or spec.shape in ((), (1,)))
    return values[0] if alone else values


def _refuse_large(metadata: Any, where: str) -> None:
    total = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        total += sum(row_group.column(column).num_values for column in range(row_group.num_columns))
    if max(total, metadata.num_rows) > MAX_VALUES:
        raise ItemError(
            f"{where}: more than {MAX_VALUES:,} values",
            hint="split it into several files",
            kind="unreadable",
        )
