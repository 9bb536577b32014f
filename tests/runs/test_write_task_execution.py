"""Writing the maps of a batch: what was written before an error is kept beside it."""

from types import SimpleNamespace

import pytest

from inputgrad_cli.errors import StorageError
from inputgrad_cli.runs import write_task_execution as module
from inputgrad_cli.runs.tasks.write_tasks import WriteTask
from inputgrad_cli.runs.write_task_execution import write
from inputgrad_cli.runs.written_maps import WriteResult, WrittenMap, join_results

FIRST, SECOND = WrittenMap("a", {}, []), WrittenMap("b", {}, [])


@pytest.mark.parametrize("kind", [StorageError, SystemExit])
def test_an_error_stands_beside_the_maps_that_were_written(monkeypatch, kind):
    def write_maps(task):
        yield FIRST
        raise kind("full")

    monkeypatch.setattr(module, "_write_maps", write_maps)
    map_task = SimpleNamespace(loaded=SimpleNamespace(item=SimpleNamespace(name="a.png")))
    result = write(WriteTask([map_task], None, 0.1))
    assert result.maps == [FIRST]
    assert isinstance(result.error, kind)


def test_a_batch_has_all_maps_of_its_tasks_and_the_first_error():
    errors = StorageError("first"), StorageError("second")
    results = [WriteResult([FIRST]), WriteResult([], errors[0]), WriteResult([SECOND], errors[1])]
    assert join_results(results) == WriteResult([FIRST, SECOND], errors[0])
    assert join_results(results[:1]).error is None
