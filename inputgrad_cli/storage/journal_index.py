"""Keeps what the journal of a run says in a temporary database, outside of memory.

A line of a journal has 0.7 kB, and a run may have a million of them. The database is a file without
a name, which the system removes when this process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, cast

from inputgrad_cli.errors import StorageError
from inputgrad_cli.schema.journal_line import JournalLine

# Nobody else reads the file, and nothing in it is needed after this process.
SETUP = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "BEGIN",
    "CREATE TABLE lines (stem BLOB UNIQUE, tag TEXT, line BLOB)",
    "CREATE TABLE files (name BLOB PRIMARY KEY) WITHOUT ROWID",
)
PAGE = 256  # stems that are fetched together
# Names may have any bytes, which Python reads as surrogates; text of the database may not.
ENCODING = ("utf-8", "surrogatepass")


class TemporaryDatabase:
    """A database that only this object reads; several threads may use it. Raises StorageError."""

    def __init__(self) -> None:
        # An empty path is that of a temporary file without a name.
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._lock = threading.Lock()
        for statement in SETUP:
            self.fetch(statement)

    def __del__(self) -> None:
        """Give back the disk."""
        self._connection.close()

    def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Carry out a statement, and return its rows."""
        with self._lock, _as_storage_error():
            return self._connection.execute(statement, values).fetchall()

    def add(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement for each row of values."""
        with self._lock, _as_storage_error():
            self._connection.executemany(statement, rows)


class JournalIndex:
    """The latest line of each stem, and the names of all files of a run; StorageError."""

    def __init__(self) -> None:
        self.database = TemporaryDatabase()
        self.lines = JournalLines(self.database)
        self.file_names = FileNames(self.database)


class JournalLines(Mapping[str, JournalLine]):
    """A mapping from stems to records, in the order of the first line of each.

    Records are parsed when they are requested; `keep` may be called while they are iterated.
    """

    def __init__(self, database: TemporaryDatabase) -> None:
        self._database = database

    def keep(self, stem: str, tag: str, line: bytes) -> None:
        """Store a line, and the tag of its journal; it replaces an earlier line of its stem."""
        self._database.fetch(
            "INSERT INTO lines VALUES (?, ?, ?) "
            "ON CONFLICT (stem) DO UPDATE SET tag = excluded.tag, line = excluded.line",
            _encode_name(stem),
            tag,
            line,
        )

    def get_tag(self, stem: str) -> str:
        """Return the tag of the journal that has the line; KeyError."""
        return str(self._fetch_cell("tag", stem))

    def has_text(self, text: bytes) -> bool:
        """Return whether any line contains the text, without parsing them."""
        query = "SELECT 1 FROM lines WHERE instr(line, ?) LIMIT 1"
        return bool(self._database.fetch(query, text))

    def __getitem__(self, stem: str) -> JournalLine:
        """Return the record as a new object; KeyError."""
        return cast(JournalLine, json.loads(self._fetch_cell("line", stem)))

    def __iter__(self) -> Iterator[str]:
        query = "SELECT rowid, stem FROM lines WHERE rowid > ? ORDER BY rowid LIMIT ?"
        last = 0
        while rows := self._database.fetch(query, last, PAGE):
            yield from (_decode_name(stem) for _, stem in rows)
            last = rows[-1][0]

    def __len__(self) -> int:
        return int(self._database.fetch("SELECT count(*) FROM lines")[0][0])

    def _fetch_cell(self, column: str, stem: str) -> Any:
        rows = self._database.fetch(
            f"SELECT {column} FROM lines WHERE stem = ?", _encode_name(stem)
        )
        if not rows:
            raise KeyError(stem)
        return rows[0][0]


class FileNames(Set[str]):
    """The names of files that are known to be those of a run. Another process gets a plain set."""

    def __init__(self, database: TemporaryDatabase) -> None:
        self._database = database

    def add(self, names: Iterable[str]) -> None:
        """Add names, some of which may be known already."""
        rows = ((_encode_name(name),) for name in names)
        self._database.add("INSERT OR IGNORE INTO files VALUES (?)", rows)

    def __contains__(self, name: object) -> bool:
        query = "SELECT 1 FROM files WHERE name = ?"
        return isinstance(name, str) and bool(self._database.fetch(query, _encode_name(name)))

    def __iter__(self) -> Iterator[str]:
        query = "SELECT name FROM files WHERE name > ? ORDER BY name LIMIT ?"
        last: Any = ""  # every blob comes after any text
        while rows := self._database.fetch(query, last, PAGE):
            yield from (_decode_name(name) for (name,) in rows)
            last = rows[-1][0]

    def __len__(self) -> int:
        return int(self._database.fetch("SELECT count(*) FROM files")[0][0])

    def __reduce__(self) -> tuple[type[frozenset[str]], tuple[list[str]]]:
        return frozenset, (list(self),)


def _encode_name(name: str) -> bytes:
    return name.encode(*ENCODING)


def _decode_name(name: bytes) -> str:
    return name.decode(*ENCODING)


@contextlib.contextmanager
def _as_storage_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(
            "a temporary file cannot be written",
            reason=str(error),
            hint="free some space there, or let TMPDIR name another directory",
        ) from None
