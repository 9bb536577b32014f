"""Work ahead of its need: in order, within bounds, with errors in their place."""

import threading
import time

import numpy as np
import pytest

from inputgrad_cli import prefetch as module
from inputgrad_cli.api import parse_methods
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.explanation.batch_attribution import explain_batch
from inputgrad_cli.explanation.request import ExplainRequest
from inputgrad_cli.prefetch import prefetch

from .formula_engines import Formula


def test_results_come_in_order_whatever_takes_longer():
    def work(index):
        time.sleep(0.002 * (index % 3))
        return index

    assert list(prefetch(work, range(50), 2, 48)) == list(range(50))


def test_threads_go_ahead_but_not_far():
    begun = []
    results = prefetch(lambda n: begun.append(n), range(100), 2, 5)
    next(results)
    time.sleep(0.05)
    assert 2 <= len(begun) <= 6
    results.close()


def test_what_is_heavy_is_not_piled_up(monkeypatch):
    monkeypatch.setattr(module, "MAX_PENDING_BYTES", 10)
    begun = []
    results = prefetch(lambda n: begun.append(n), range(100), 2, 48, lambda _: 11)
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 2
    results.close()


def test_an_error_comes_where_its_piece_would():
    def work(index):
        if index == 3:
            raise ValueError(index)
        return index

    results = prefetch(work, range(10), 2, 48)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="3"):
        next(results)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_an_error_of_what_is_given_comes_after_what_was_given(threads):
    def given():
        yield from range(3)
        raise ValueError("no more")

    results = prefetch(lambda n: n, given(), threads, 48)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no more"):
        next(results)


def test_without_threads_the_caller_works():
    (where,) = prefetch(lambda _: threading.current_thread(), [0], 0, 48)
    assert where is threading.current_thread()


@pytest.mark.parametrize("parallel", [False, True])
def test_only_a_batch_that_is_alone_asks_side_by_side(parallel):
    threads = set()

    class Noting(Formula):
        parallel_calls = 2

        def compute_gradients(self, inputs, target, sites):
            threads.add(threading.current_thread())
            return super().compute_gradients(inputs, target, sites)

    engine = Noting(
        lambda x: x["x"].sum(axis=1), lambda x: {"x": np.ones_like(x["x"])}, {"x": (3,)}
    )
    samples = Samples({"x": np.ones((5, 3), np.float32)}, many=True)
    question = ExplainRequest(
        parse_methods(["integrated-gradients:steps=9"]), (parse_target("auto"),)
    )
    (answer,) = explain_batch(engine, samples, question, parallel=parallel)
    np.testing.assert_allclose(answer.values["x"], 1.0, rtol=1e-6)
    assert (threads == {threading.current_thread()}) != parallel
