"""What a worker must have is found out by the worker itself; anything else is in a table."""

import pytest

from inputgrad_cli.errors import StorageError, UsageError
from inputgrad_cli.runs.executors import worker_compatibility
from inputgrad_cli.runs.executors.dask_cluster import refuse_misfits
from inputgrad_cli.runs.executors.run_token_file import SharedRun
from inputgrad_cli.runs.executors.worker_compatibility import (
    Misfit,
    WorkerRequest,
    find_misfits,
    hash_model,
    list_versions,
)


@pytest.fixture
def request_here(tmp_path):
    """Return what a worker on this machine has."""
    (tmp_path / "m.keras").write_bytes(b"model")
    run = SharedRun.create(tmp_path / ".cluster", b"context")
    facts = {**list_versions(), "model": hash_model(tmp_path / "m.keras")}
    return WorkerRequest(str(tmp_path), "m.keras", run, facts)


def test_a_worker_on_the_same_machine_fits(request_here):
    assert find_misfits(request_here, "w") == []


def test_another_model_under_the_same_name_does_not_fit(request_here, tmp_path):
    (tmp_path / "m.keras").write_bytes(b"other")
    assert [misfit.fact for misfit in find_misfits(request_here, "w")] == ["model"]


def test_another_directory_under_the_same_name_does_not_fit(request_here, tmp_path):
    """T10: the commonest way to lose results in silence."""
    SharedRun.create(tmp_path / ".cluster", b"context")
    assert [misfit.fact for misfit in find_misfits(request_here, "w")] == ["output directory"]


def test_a_worker_without_the_working_directory_does_not_fit(request_here, tmp_path):
    moved = WorkerRequest(str(tmp_path / "none"), "m.keras", request_here.run, request_here.facts)
    assert [misfit.fact for misfit in find_misfits(moved, "w")] == ["model", "working directory"]


def test_too_little_disk_does_not_fit(request_here, monkeypatch):
    monkeypatch.setattr(worker_compatibility, "MIN_FREE_BYTES", 1 << 60)
    misfits = find_misfits(request_here, "w")
    with pytest.raises(StorageError) as caught:
        refuse_misfits(misfits)
    assert "free disk" in caught.value.log


def test_the_table_has_a_line_for_each_fact_and_worker():
    misfits = [Misfit("a:1", "Keras", "3.0", "3.15"), Misfit("b:1", "NumPy", "1.26", "2.0")]
    with pytest.raises(UsageError, match="2 workers do not fit this run: Keras, NumPy") as caught:
        refuse_misfits(misfits)
    rows = caught.value.log.splitlines()
    assert [row.split() for row in rows] == [
        ["worker", "what", "there", "needed"],
        ["a:1", "Keras", "3.0", "3.15"],
        ["b:1", "NumPy", "1.26", "2.0"],
    ]


def test_the_token_is_that_of_one_run_and_the_context_that_of_the_driver(tmp_path):
    first = SharedRun.create(tmp_path / ".cluster", b"one")
    assert first.is_current()
    assert first.read_context() == b"one"
    second = SharedRun.create(tmp_path / ".cluster", b"two")
    assert second.is_current()
    assert not first.is_current()
    first.remove()  # leaves the file of the other run
    assert second.read_context() == b"two"
    (tmp_path / ".cluster").write_bytes(second.token.encode() + b"forged")
    with pytest.raises(ValueError, match="not the file of this run"):
        second.read_context()
    second.remove()
    assert not second.is_current()
