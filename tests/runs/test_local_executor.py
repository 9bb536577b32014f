"""The steps of a run in threads: batches are written behind, and taken whole and in order."""

import threading
import time

import pytest

from inputgrad_cli.prefetch import MAX_PENDING_BYTES
from inputgrad_cli.runs.executors.local import LocalExecutor


@pytest.fixture
def executor():
    executor = LocalExecutor()
    yield executor
    executor.stop()


def write(value):
    return value


def test_batches_are_taken_whole_and_in_order(executor):
    for batch in range(4):
        executor.write(write, [(batch, n) for n in range(3)], nbytes=0)
    first = list(executor.take_written(wait=False))
    assert first == [[(batch, n) for n in range(3)] for batch in range(3)]
    assert list(executor.take_written(wait=False)) == []
    assert list(executor.take_written(wait=True)) == [[(3, 0), (3, 1), (3, 2)]]


def test_a_batch_too_large_to_keep_beside_the_next_is_waited_for(executor):
    executor.write(write, [1], nbytes=MAX_PENDING_BYTES)
    assert list(executor.take_written(wait=False)) == []
    executor.write(write, [2], nbytes=MAX_PENDING_BYTES + 1)
    assert list(executor.take_written(wait=False)) == [[1], [2]]


def test_stopping_waits_for_what_is_under_way():
    executor, done = LocalExecutor(), []
    executor.write(lambda n: (time.sleep(0.05), done.append(n)), [1], nbytes=0)
    executor.stop()
    assert done == [1]


def test_several_files_are_read_by_a_thread_and_a_single_one_by_the_caller(executor):
    def read(_):
        return threading.current_thread()

    caller = threading.current_thread()
    assert list(executor.load(read, [0], lambda _: 0)) == [caller]
    assert caller not in list(executor.load(read, [0, 1], lambda _: 0))


@pytest.mark.parametrize("threads", [0, 2])
def test_batches_are_explained_in_order_by_as_many_threads_as_named(executor, threads):
    def explain(batch):
        time.sleep(0.002 * (batch % 3))
        return batch, threading.current_thread()

    results = list(executor.explain(explain, iter(range(20)), lambda _: 0, threads=threads))
    assert [batch for batch, _ in results] == list(range(20))
    assert ({thread for _, thread in results} == {threading.current_thread()}) == (threads == 0)
