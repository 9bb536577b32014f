"""Which column of a table feeds which model input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.cells import number
from inputgrad_cli.signature import Port

SINGLE = ((), (1,))


@dataclass(frozen=True)
class Columns:
    """The numbers of the columns by model input, the names above all columns, if they have any.

    `header` holds what stands above the columns that are used.
    """

    ports: tuple[Port, ...]
    of: Mapping[str, Sequence[int]]
    names: tuple[str, ...]
    header: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)


def takes_tables(ports: Sequence[Port]) -> bool:
    """Return whether a table can feed the inputs: one of a vector, or each one value a row."""
    if len(ports) == 1:
        return ports[0].shape is None or len(ports[0].shape) <= 1
    return all(port.shape in SINGLE for port in ports)


def is_header(cells: Sequence[str], ports: Sequence[Port]) -> bool:
    """Return whether the first row names columns: an input's name, or a word for a number.

    A table of texts alone has a header only where that names an input.
    """
    names = {port.name for port in ports}
    if any(cell.strip() in names for cell in cells):
        return True
    if len(ports) == len(cells):
        pairs = zip(cells, ports, strict=True)
        cells = [cell for cell, port in pairs if port.kind != "text"]
    elif all(port.kind == "text" for port in ports):
        return False
    truths = {"false", "true"} if any(port.kind == "bool" for port in ports) else set()
    return any(number(cell) is None and cell.strip().lower() not in truths for cell in cells)


def assign(header: tuple[str, ...], width: int, ports: Sequence[Port], where: str) -> Columns:
    """Return the columns by input: all to one vector, else one to each by name or by order.

    Raises ItemError (kind `shape`).
    """
    if len(ports) == 1 and (ports[0].shape not in SINGLE or width == 1):
        return _vector(header, width, ports[0], where)
    names = [port.name for port in ports]
    if not takes_tables(ports):
        raise _unfit(ports, where)
    if all(header.count(name) == 1 for name in names):
        return _by_name(header, ports)
    if width == len(ports) and not set(header) & set(names):
        return _by_order(header, ports)
    raise ItemError(
        f"{where}: its columns do not fit the inputs {', '.join(names)}",
        reason=f"the columns are {', '.join(header)}" if header else f"{width} have no header",
        mend="name the columns as the inputs, each once",
        kind="shape",
    )


def _vector(header: tuple[str, ...], width: int, port: Port, where: str) -> Columns:
    shape = port.shape
    known = shape is not None and len(shape) > 0 and all(shape)
    wanted = prod(d or 1 for d in shape) if shape is not None else width
    if (known or shape == ()) and wanted != width:
        raise ItemError(f"{where}: {width} columns do not fit input {port}", kind="shape")
    if shape is not None and len(shape) > 1 and not known:
        raise _unfit([port], where)
    return Columns((port,), {port.name: range(width)}, header, header)


def _by_name(header: tuple[str, ...], ports: Sequence[Port]) -> Columns:
    of = {port.name: [header.index(port.name)] for port in ports}
    used = tuple(name for name in header if name in of)
    notes = {}
    if unused := [name for name in header if name not in of]:
        notes["columns-unused"] = f"columns that feed no input: {', '.join(unused)}"
    return Columns(tuple(ports), of, header, used, notes)


def _by_order(header: tuple[str, ...], ports: Sequence[Port]) -> Columns:
    of = {port.name: [column] for column, port in enumerate(ports)}
    notes = {}
    if header:
        pairs = ", ".join(f"{c} to {p.name}" for c, p in zip(header, ports, strict=True))
        notes["columns-by-order"] = f"no column has an input's name; by order: {pairs}"
    return Columns(tuple(ports), of, header, tuple(port.name for port in ports), notes)


def _unfit(ports: Sequence[Port], where: str) -> ItemError:
    return ItemError(
        f"{where}: a table cannot feed the inputs {', '.join(str(port) for port in ports)}",
        reason="of several inputs each must take one value a row, from the column of its name",
        mend="give one file for each input: -i NAME=FILE",
        kind="shape",
    )
