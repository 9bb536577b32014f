"""Parquet files: one sample a row, columns of numbers, texts or lists by input name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from inputgrad_cli.data.samples import Samples, layout
from inputgrad_cli.data.signature import Port
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.tables.columns import Heading, assign
from inputgrad_cli.formats.tables.jsonl import to_row
from inputgrad_cli.formats.tables.rows import gather, one

SUFFIX = ".parquet"
MOST_VALUES = 1 << 27
STEP = 1024
MOST_NAMES = 1 << 24


def read_parquet(
    data: bytes, ports: Sequence[Port], where: str, columns: Sequence[str] = ()
) -> Samples:
    """Return one sample a row. A single vector takes the column of its name, else those of a table.

    Raises ItemError (kinds `unreadable`, `extra`, `empty`); a bad row fails alone.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ItemError(
            f"{where}: Parquet is read by pyarrow, which is not installed",
            mend="pip install 'inputgrad-cli[parquet]'",
            kind="extra",
        ) from None
    try:
        picked = _Picked(data, pyarrow, ports, tuple(columns), where)
        found = list(picked.records())
    except ItemError:
        raise
    except Exception as error:  # Arrow has errors of many families, C++ ones among them
        reason = str(error).split("\n")[0]
        raise ItemError(f"{where}: not a Parquet file", reason=reason, kind="unreadable") from None
    if not found:
        raise ItemError(f"{where}: holds no rows", kind="empty")
    if picked.series:
        (port,) = ports
        made = Samples({port.name: one(found, port, where)[np.newaxis]}, record=layout(ports))
    else:
        rows = [to_row(v, ports, f"{where}, row {number}") for number, v in enumerate(found)]
        made = gather(rows, ports, where)
    record = {**made.record, **({"columns": list(columns)} if columns else {})}
    return replace(made, notes=picked.notes, record=record)


class _Picked:
    """The columns of a Parquet file that feed the inputs."""

    def __init__(
        self, data: bytes, pyarrow: Any, ports: Sequence[Port], columns: tuple[str, ...], where: str
    ) -> None:
        self._ports = ports
        source = pyarrow.BufferReader(data)
        limits = {"thrift_string_size_limit": MOST_NAMES, "thrift_container_size_limit": MOST_NAMES}
        plain = pyarrow.parquet.ParquetFile(source, **limits)
        _refuse_large(plain.metadata, where)
        schema = plain.schema_arrow
        texts = [f.name for f in schema if pyarrow.types.is_string(f.type)]
        # A text written once and meant a million times stays one text.
        self._file = pyarrow.parquet.ParquetFile(source, read_dictionary=texts, **limits)
        names = {port.name.split("/")[0] for port in ports} | {port.name for port in ports}
        self.notes: Mapping[str, str] = {}
        self.series = False
        self._wanted = [name for name in schema.names if name in names]
        self._spread = len(ports) == 1 and (bool(columns) or not self._wanted)
        if self._spread:
            self._spread_over(schema, pyarrow.types, columns, where)

    def _spread_over(self, schema: Any, types: Any, columns: tuple[str, ...], where: str) -> None:
        """Take the columns that make one vector, or the only one that holds lists."""
        flat = [field for field in schema if not types.is_nested(field.type)]
        if not flat:
            self._wanted = list(schema.names)
            return
        names = tuple(field.name for field in flat)
        numeric = tuple(_is_number(types, field.type) for field in flat)
        wordy = tuple(not is_number for is_number in numeric)
        found = assign(Heading(where, names, numeric, columns, wordy), self._ports)
        self._wanted = [names[place] for place in found.of[self._ports[0].name]]
        self.notes, self.series = found.notes, found.series

    def records(self) -> Iterator[Any]:
        """Yield each row as an object by column, or as a list where the columns are one vector."""
        for batch in self._file.iter_batches(STEP, columns=self._wanted, use_threads=False):
            for record in batch.to_pylist():
                yield _vector(record, self._wanted, self._ports[0]) if self._spread else record


def _is_number(types: Any, kind: Any) -> bool:
    numbers = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in numbers)


def _vector(record: dict[str, Any], names: Sequence[str], port: Port) -> Any:
    values = [record[name] for name in names]
    alone = len(values) == 1 and (isinstance(values[0], list) or port.shape in ((), (1,)))
    return values[0] if alone else values


def _refuse_large(metadata: Any, where: str) -> None:
    total = 0
    for group in range(metadata.num_row_groups):
        told = metadata.row_group(group)
        total += sum(told.column(column).num_values for column in range(told.num_columns))
    if max(total, metadata.num_rows) > MOST_VALUES:
        raise ItemError(
            f"{where}: more than {MOST_VALUES:,} values",
            mend="split it into several files",
            kind="unreadable",
        )
