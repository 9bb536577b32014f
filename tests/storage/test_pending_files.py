"""The list of files that are being written: threads and processes may add to it at once."""

import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from inputgrad_cli.errors import StorageError, UsageError
from inputgrad_cli.storage.pending_files import PendingFiles


def test_names_are_there_until_they_are_removed(tmp_path):
    pending = PendingFiles(tmp_path, "")
    pending.remove(["a.npz"])  # there is no list yet
    pending.add(["a.npz", "b\udcff.npz"])
    pending.add(["c.npz"])
    assert pending.read_all() == {"a.npz", "b\udcff.npz", "c.npz"}
    pending.remove(["b\udcff.npz", "unknown.npz"])
    assert pending.read_all() == {"a.npz", "c.npz"}
    pending.remove(["a.npz", "c.npz"])
    assert not list(tmp_path.iterdir())


def test_a_copy_in_another_process_has_the_same_list(tmp_path):
    pending = PendingFiles(tmp_path, ".1-of-2")
    pickle.loads(pickle.dumps(pending)).add(["a.npz"])
    pending.add(["b.npz"])
    pending.remove(["b.npz"])
    assert pending.read_all() == {"a.npz"}


def test_no_name_is_lost_while_others_are_removed(tmp_path):
    def write(index):
        pending = PendingFiles(tmp_path, "")
        pending.add([f"{index}.npz"])
        if index % 2:
            pending.remove([f"{index}.npz"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(200)))
    assert PendingFiles(tmp_path, "").read_all() == {f"{index}.npz" for index in range(0, 200, 2)}


def test_a_name_that_was_cut_short_does_not_join_the_next(tmp_path):
    (tmp_path / ".pending").write_bytes(b"a.npz\0b.np")
    pending = PendingFiles(tmp_path, "")
    pending.add(["c.npz"])
    assert pending.read_all() == {"a.npz", "c.npz"}
    (tmp_path / ".pending").write_bytes(b"b.np")
    pending.remove(())
    assert not list(tmp_path.iterdir())


def test_a_list_that_cannot_be_written_ends_the_run(tmp_path):
    with pytest.raises(StorageError, match=r"journal\.jsonl: cannot be written"):
        PendingFiles(tmp_path / "missing", "").add(["a.npz"])
    os.symlink(tmp_path / "elsewhere", tmp_path / ".pending")
    with pytest.raises(UsageError, match="link"):
        PendingFiles(tmp_path, "").add(["a.npz"])
