"""Parquet files: one sample a row, columns of numbers, texts or lists by input name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.lines import to_row
from inputgrad_cli.formats.rows import gather
from inputgrad_cli.sample import Samples
from inputgrad_cli.signature import Port

SUFFIX = ".parquet"
MOST_VALUES = 1 << 27
STEP = 1024
MOST_NAMES = 1 << 24


def read_parquet(data: bytes, ports: Sequence[Port], where: str) -> Samples:
    """Return one sample a row. A single vector takes the column of its name, else all columns.

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
        found = list(_records(pyarrow, data, ports, where))
    except ItemError:
        raise
    except Exception as error:  # Arrow has errors of many families, C++ ones among them
        reason = str(error).split("\n")[0]
        raise ItemError(f"{where}: not a Parquet file", reason=reason, kind="unreadable") from None
    if not found:
        raise ItemError(f"{where}: holds no rows", kind="empty")
    rows = [to_row(v, ports, f"{where}, row {number}") for number, v in enumerate(found)]
    return gather(rows, ports, where)


def _records(pyarrow: Any, data: bytes, ports: Sequence[Port], where: str) -> Iterator[Any]:
    """Yield each row as an object by column, or as a list where the columns make one vector."""
    source = pyarrow.BufferReader(data)
    limits = {"thrift_string_size_limit": MOST_NAMES, "thrift_container_size_limit": MOST_NAMES}
    plain = pyarrow.parquet.ParquetFile(source, **limits)
    _refuse_large(plain.metadata, where)
    schema = plain.schema_arrow
    texts = [f.name for f in schema if pyarrow.types.is_string(f.type)]
    # A text written once and meant a million times stays one text.
    file = pyarrow.parquet.ParquetFile(source, read_dictionary=texts, **limits)
    names = {port.name.split("/")[0] for port in ports} | {port.name for port in ports}
    wanted = [name for name in schema.names if name in names]
    spread = len(ports) == 1 and not wanted
    flat = [f.name for f in schema if not pyarrow.types.is_nested(f.type)]
    columns = (flat or list(schema.names)) if spread else wanted
    for batch in file.iter_batches(STEP, columns=columns, use_threads=False):
        for record in batch.to_pylist():
            yield _vector(record, ports[0]) if spread else record


def _vector(record: dict[str, Any], port: Port) -> Any:
    values = list(record.values())
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
