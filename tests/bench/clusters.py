"""Runs on a Dask cluster: what they cost beside a run in one process, and what the driver bears."""

import subprocess
import time
from pathlib import Path

from tests.processes import started
from tests.runs.executors.clusters import Cluster, finish, watch_peak

from .jobs import MODEL, TOOL, paired, pictures, seconds

WORKERS = 2
NAMES = (2_000, 20_000, 200_000)


def overhead(folder, rounds):
    """Return pairs of rates: 2,000 pictures through two workers, and in one process.

    Start-up is part of both: a cluster of processes, or none.
    """
    source = pictures(folder / "in", 2000, 64)

    def rate(engine, index):
        out = folder / f"{engine}{index}"
        command = [*TOOL, "saliency", MODEL, source, "-q", "-o", out, "--engine", engine]
        return 1 / seconds(command)

    return paired(lambda n: rate("dask", n), lambda n: rate("local", n), rounds)


def table(folder):
    """Yield the lines of a table: what the driver hands out and holds if work takes no time."""
    yield "| names | seconds | items a second | chunks a second | driver, MB | a name more, bytes |"
    yield "|---|---|---|---|---|---|"
    before = None
    for count in NAMES:
        duration, chunks, peak = hand_out(Path(folder) / str(count), count)
        more = "" if before is None else f"{(peak - before[1]) * 1024 / (count - before[0]):.0f}"
        yield (
            f"| {count:,} | {duration:.1f} | {count / duration:.0f} | {chunks / duration:.0f} "
            f"| {peak / 1024:.0f} | {more} |"
        )
        before = count, peak


def hand_out(folder, count):
    """Return the seconds, the chunks and the driver's peak in kB of a run whose work is instant."""
    (folder / "in").mkdir(parents=True)
    (folder / "a.png").touch()
    for index in range(count):
        (folder / "in" / f"{index:06}.png").symlink_to(folder / "a.png")
    with started() as popen:
        cluster = Cluster(folder, popen)
        cluster.configure(instant=True)
        cluster.start_scheduler()
        for _ in range(WORKERS):
            cluster.start_worker()
        cluster.wait_for_workers(WORKERS)
        words = ("saliency", "m.keras", "in", "-q", "--picture", "none", "-v")
        began = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        process = cluster.start_call(*words, **quiet)
        peak = watch_peak(process)
        duration = time.perf_counter() - began
        errors = finish(process).err
    assert process.returncode == 0, errors
    size = int(errors.split(" samples a chunk")[0].split()[-1])
    return duration, -(-count // size), peak
