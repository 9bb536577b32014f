"""What a journal says, kept outside of memory: the latest line of each stem, and all file names."""

import os
import pickle

import pytest

from inputgrad_cli.errors import StorageError
from inputgrad_cli.storage.journal_index import JournalIndex
from tests.peak_memory import peak

STRANGE = (os.fsdecode(b"\xff"), "\ud83d", "a\nb", "'; DROP TABLE lines", "\U0001f600", "")


@pytest.fixture
def index():
    return JournalIndex()


def test_the_latest_line_of_a_stem_counts_at_the_place_of_the_first(index):
    index.lines.keep("b", "", b'{"n": 1}')
    index.lines.keep("a", "", b'{"n": 2}')
    index.lines.keep("b", "-2", b'{"n": 3}')
    assert dict(index.lines) == {"b": {"n": 3}, "a": {"n": 2}}
    assert list(index.lines) == ["b", "a"]
    assert len(index.lines) == 2
    assert (index.lines.get_tag("b"), index.lines.get_tag("a")) == ("-2", "")
    assert "c" not in index.lines
    for look in (index.lines.__getitem__, index.lines.get_tag):
        with pytest.raises(KeyError):
            look("c")


def test_a_record_is_a_new_object_each_time(index):
    index.lines.keep("a", "", b'{"n": [1]}')
    index.lines["a"]["n"].append(2)
    assert index.lines["a"] == {"n": [1]}


def test_lines_may_be_replaced_while_they_are_iterated(index):
    stems = [f"{i:04}" for i in range(1000)]
    for stem in stems:
        index.lines.keep(stem, "", b'{"n": 1}')
    seen = []
    for stem in index.lines:
        seen.append(stem)
        index.lines.keep(stem, "", b'{"n": 2}')
    assert seen == stems
    assert all(line == {"n": 2} for line in index.lines.values())


def test_text_is_found_in_any_line_that_is_the_latest(index):
    index.lines.keep("a", "", b'{"tiles": 1}')
    assert index.lines.has_text(b'"tiles"')
    index.lines.keep("a", "", b"{}")
    assert not index.lines.has_text(b'"tiles"')


def test_any_name_of_a_file_system_comes_back_as_it_was(index):
    for name in STRANGE:
        index.lines.keep(name, "", b"{}")
        index.file_names.add([name, name])
    assert list(index.lines) == list(STRANGE)
    assert all(name in index.file_names for name in STRANGE)
    assert len(index.file_names) == len(STRANGE)
    assert set(index.file_names) == set(STRANGE)
    assert pickle.loads(pickle.dumps(index.file_names)) == frozenset(STRANGE)
    assert "b" not in index.file_names
    assert None not in index.file_names


def test_memory_does_not_grow_with_the_lines(index):
    index.lines.keep("a", "", b"x")
    before = peak(anew=True)
    for i in range(30_000):
        index.lines.keep(f"{i:06}", "", b"x" * 1000)
        index.file_names.add([f"{i:06}.npz", f"{i:06}.png"])
    assert peak() - before < 8 << 20  # of 32 MB


def test_a_full_disk_is_a_storage_error(index):
    index.database.fetch("PRAGMA max_page_count = 50")  # as if there were room for so many
    rows = ((f"{i}".encode(), "", b"x" * 1000) for i in range(1000))
    with pytest.raises(StorageError, match="TMPDIR"):
        index.database.add("INSERT INTO lines VALUES (?, ?, ?)", rows)
