"""Which column of a table feeds which model input."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from inputgrad_cli.data.signature import Port, Shape
from inputgrad_cli.errors import ItemError
from inputgrad_cli.numeric.arrays import printable_shape

UNUSED = "columns-unused"  # the code of the note that columns feed nothing
SINGLE = ((), (1,))
INDEX = re.compile(r"Unnamed: 0(\.\d+)?|index|level_0")  # as pandas calls a column without a name
LISTED = 12  # columns that a message names; of more it gives the first and their number


@dataclass(frozen=True)
class Heading:
    """What stands at the head of a table: a name a column, or none, and which hold numbers.

    `where` is the file, `columns` are those that were asked for by name; `wordy` columns hold
    something else than numbers.
    """

    where: str
    names: tuple[str, ...]
    numeric: tuple[bool, ...]
    columns: tuple[str, ...] = ()
    wordy: tuple[bool, ...] = ()

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.numeric)

    def called(self, place: int) -> str:
        """Return the name of a column; without a header that is its number, from 1."""
        return self.names[place] if self.names else str(place + 1)

    def listed(self) -> str:
        """Return the columns as a message gives them."""
        names = [self.called(place) or "(without a name)" for place in range(self.width)]
        if len(names) <= LISTED:
            return ", ".join(names)
        return f"{', '.join(names[:LISTED])} and {len(names) - LISTED} more"

    def place(self, name: str) -> int:
        """Return the column called `name`; ItemError where there is none, or more than one."""
        names = [self.called(place) for place in range(self.width)]
        if names.count(name) == 1:
            return names.index(name)
        if name in names:
            raise ItemError(f"{self.where}: several columns are called {name!r}", kind="shape")
        raise ItemError(
            f"{self.where}: no column is called {name!r}",
            reason=f"the columns are {self.listed()}",
            mend=f"did you mean {near!r}?" if (near := alike(name, names)) else "",
            kind="shape",
        )


@dataclass(frozen=True)
class Columns:
    """The numbers of the columns by model input, the names above all columns, if they have any.

    `header` holds what stands above the columns that are used. `series` says that all rows
    together are one sample.
    """

    ports: tuple[Port, ...]
    of: Mapping[str, Sequence[int]]
    names: tuple[str, ...]
    header: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    series: bool = False


def takes_tables(ports: Sequence[Port]) -> bool:
    """Return whether a table can feed the inputs: one of a vector or series, or one value each."""
    if len(ports) == 1:
        return ports[0].shape is None or len(ports[0].shape) <= 2
    return all(port.shape in SINGLE for port in ports)


def alike(name: str, names: Sequence[str]) -> str | None:
    """Return the name that is most like `name`, whatever its case and its marks, or None."""
    plain = {_plain(other): other for other in reversed(names)}
    near = difflib.get_close_matches(_plain(name), list(plain), n=1, cutoff=0.75)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def assign(heading: Heading, ports: Sequence[Port]) -> Columns:
    """Return the columns by input: all to one vector, else one to each by name or by order.

    Raises ItemError (kind `shape`).
    """
    if len(ports) == 1:
        (port,) = ports
        if port.shape in SINGLE and not heading.columns and heading.names.count(port.name) == 1:
            return _by_name(heading, ports)
        return _vector(heading, port)
    names = [port.name for port in ports]
    if not takes_tables(ports):
        raise _unfit(ports, heading.where)
    if heading.width == len(ports) and _has_order(heading.names, names):
        return _by_order(heading, ports)
    if not heading.names:
        raise ItemError(
            f"{heading.where}: {heading.width} columns without names do not fit the "
            f"{len(ports)} inputs {', '.join(names)}",
            mend="name the columns as the inputs, each once",
            kind="shape",
        )
    return _by_name(heading, ports)


def _vector(heading: Heading, port: Port) -> Columns:
    """Return the columns of one vector, in its order, or of a series."""
    places = list(range(heading.width))
    if heading.columns:
        choices = [[heading.place(name) for name in heading.columns]]
    else:
        # What holds no number (an id, a date) is no value of a model that takes numbers; what
        # holds nothing else (an id, a label) is no text.
        fitting = heading.wordy if port.kind == "text" else heading.numeric
        values = [place for place in places if fitting[place]]
        choices = [places, values] if values else [places]
        if port.shape is None or port.shape == (None,):
            choices.reverse()
    for fits in (_fits_row, _fits_series):
        for chosen in choices:
            if fits(len(chosen), port.shape):
                return _taken(heading, port, chosen, fits is _fits_series)
    if port.shape is not None and len(port.shape) > 1 and None in port.shape:
        raise _unfit([port], heading.where)
    raise _too_many(heading, port, len(choices[0]))


def _fits_row(width: int, shape: Shape | None) -> bool:
    """Return whether a row of so many values is a sample."""
    if shape is None or shape == (None,):
        return True
    return None not in shape and prod(d or 0 for d in shape) == width


def _fits_series(width: int, shape: Shape | None) -> bool:
    """Return whether so many columns are a sample, a row a step."""
    if shape is None or len(shape) not in (1, 2) or shape[0] == 1:
        return False
    return width == (1 if len(shape) == 1 else shape[1])


def _taken(heading: Heading, port: Port, places: Sequence[int], series: bool) -> Columns:
    header = tuple(heading.names[place] for place in places) if heading.names else ()
    unused = [place for place in range(heading.width) if place not in places]
    notes = {} if heading.columns else _unused(heading, unused)
    return Columns((port,), {port.name: places}, heading.names, header, notes, series)


def _unused(heading: Heading, places: Sequence[int]) -> dict[str, str]:
    names = [heading.called(place) or "(without a name)" for place in places]
    return {UNUSED: f"columns that feed no input: {', '.join(names)}"} if names else {}


def _too_many(heading: Heading, port: Port, width: int) -> ItemError:
    shape = port.shape or ()
    wanted = prod(d or 1 for d in shape)
    if heading.columns:
        return ItemError(
            f"{heading.where}: --columns names {width} columns, input {port} takes {wanted}",
            reason=f"the columns are {heading.listed()}",
            mend=f"name {wanted} of them",
            kind="shape",
        )
    series = f", or one sample of {printable_shape(shape)}, a row a step" if shape[1:] else ""
    values = "one value" if wanted == 1 else f"{wanted} values"
    return ItemError(
        f"{heading.where}: {heading.width} columns do not fit input {port}",
        reason=f"it takes {values} a row{series}; the columns are {heading.listed()}",
        mend=_choosing(heading, wanted),
        kind="shape",
    )


def _choosing(heading: Heading, wanted: int) -> str:
    """Return how to say which columns feed an input of so many values."""
    first = heading.called(0)
    others = [heading.called(place) for place in range(1, heading.width)]
    if len(others) == wanted and (not first or INDEX.fullmatch(first)):
        named = f"the first column, {first!r}," if first else "the first column has no name and"
        mend = f"{named} looks like the index that pandas writes: leave it out"
        if wanted <= LISTED and not any(set(name) & set(', "') for name in others):
            return f"{mend} with --columns {','.join(others)}, or by to_csv(..., index=False)"
        return f"{mend} by to_csv(..., index=False)"
    if wanted == 1:
        return "name the one that feeds it: --columns NAME"
    return f"name the {wanted} that feed it, in their order: --columns A,B,C and so on"


def _by_name(heading: Heading, ports: Sequence[Port]) -> Columns:
    header = heading.names
    for port in ports:
        if header.count(port.name) != 1:
            raise _no_column(heading, port, ports)
    of = {port.name: [header.index(port.name)] for port in ports}
    used = tuple(name for name in header if name in of)
    unused = [place for place, name in enumerate(header) if name not in of]
    return Columns(tuple(ports), of, header, used, _unused(heading, unused))


def _no_column(heading: Heading, port: Port, ports: Sequence[Port]) -> ItemError:
    """Return the error of inputs that have no column of their own: those alone are named."""
    if port.name in heading.names:
        return ItemError(
            f"{heading.where}: several columns are called {port.name!r}",
            mend="each input takes the column of its name: leave one of that name",
            kind="shape",
        )
    missing = [p.name for p in ports if p.name not in heading.names]
    free = [name for name in heading.names if name not in {p.name for p in ports}]
    near = {name: other for name in missing if (other := alike(name, free))}
    pairs = ", ".join(f"{other!r} for {name!r}" for name, other in near.items())
    name, other = next(iter(near.items()), ("NAME", "COLUMN"))
    return ItemError(
        f"{heading.where}: no column for input {', '.join(missing)}",
        reason=f"did you mean {pairs}?" if pairs else f"columns without an input: {_few(free)}",
        mend="name the columns as the inputs, or say so in MODEL.inputgrad.toml under [inputs]: "
        f'"{other}" = "{name}"',
        kind="shape",
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "none") + more


def _has_order(header: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether columns may be taken in their order: none is called as an input elsewhere."""
    if set(header) & set(names):
        return False
    near = [alike(name, header) for name in names] if header else []
    return all(other in (None, header[place]) for place, other in enumerate(near))


def _by_order(heading: Heading, ports: Sequence[Port]) -> Columns:
    of = {port.name: [column] for column, port in enumerate(ports)}
    notes = {}
    if heading.names:
        pairs = ", ".join(f"{c} to {p.name}" for c, p in zip(heading.names, ports, strict=True))
        notes["columns-by-order"] = f"no column has an input's name; by order: {pairs}"
    names = tuple(port.name for port in ports)
    return Columns(tuple(ports), of, heading.names, names, notes)


def row_of(columns: Columns) -> Columns:
    """Return the columns of a series as those of its steps, each a row of values."""
    (port,) = columns.ports
    step = replace(port, shape=(len(columns.of[port.name]),))
    return replace(columns, ports=(step,))


def _unfit(ports: Sequence[Port], where: str) -> ItemError:
    return ItemError(
        f"{where}: a table cannot feed the inputs {', '.join(str(port) for port in ports)}",
        reason="of several inputs each must take one value a row, from the column of its name",
        mend="give one file for each input: -i NAME=FILE",
        kind="shape",
    )
