"""Bounds processor time as a multiple of a fixed job, because machines and their load differ."""

import contextlib
import time
from statistics import median

FAST_SECONDS = 0.03  # of the job on a fast, idle machine; below it, the job need not be measured


def run_job():
    """Run the job that is the unit of cost: half a million calls, 0.07 s on a usual machine."""
    return sum(len(str(index)) for index in range(500_000))


def measure_job():
    """Return the processor seconds that the job takes now, the median of three."""
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        run_job()
        seconds.append(time.process_time() - begun)
    return median(seconds)


def check_cost(seconds, jobs):
    """Assert that processor seconds of this process are fewer than those of so many jobs."""
    if seconds > jobs * FAST_SECONDS:
        assert seconds < jobs * measure_job()


@contextlib.contextmanager
def limit_cost(jobs):
    """Assert that the block takes less processor time than so many jobs."""
    begun = time.process_time()
    yield
    check_cost(time.process_time() - begun, jobs)
