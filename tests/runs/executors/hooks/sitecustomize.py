"""Changes the processes of a cluster for a test; Python imports this if PYTHONPATH has its folder.

The file that `INPUTGRAD_TEST_HOOKS` names holds the settings as JSON. `engine` has the arguments of
the closed form that takes the place of TensorFlow; without it TensorFlow computes. The log gets a
line for each model that is opened and each file that is written. A file cannot be `largest` bytes
long. A worker lacks the libraries `missing` and needs `free` bytes of disk; if it is `instant` it
computes nothing and answers at once. A driver waits `wait` seconds for workers, and sends at most
`chunk` items together.
"""

import importlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

VARIABLE = "INPUTGRAD_TEST_HOOKS"
COMPUTING, WORKING = "inputgrad_cli.runs.executors.chunk_process", "distributed.cli.dask_worker"


def prepare_computing(settings):
    """Change a process that computes chunks."""
    from inputgrad_cli.runs import map_file_writer
    from tests.faults import engine

    def log(*words):
        with open(settings["log"], "a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    if "engine" in settings:
        engine.install(**settings["engine"])
    module = importlib.import_module("inputgrad_cli.engine.opening.checked_model_load")
    load, write = module.load, map_file_writer.write_atomically

    def load_and_log(*words, **options):
        log("load", os.getpid())
        return load(*words, **options)

    def write_and_log(path, *words, **options):
        write(path, *words, **options)
        log("write", path)

    module.load, map_file_writer.write_atomically = load_and_log, write_and_log
    if largest := settings.get("largest"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


def prepare_working(settings):
    """Change a worker."""
    from inputgrad_cli.runs.executors import worker_compatibility

    for name in settings.get("missing", ()):
        worker_compatibility.LIBRARIES[name] = ()
    worker_compatibility.MIN_FREE_BYTES = settings.get("free", worker_compatibility.MIN_FREE_BYTES)
    if settings.get("instant"):
        from inputgrad_cli.runs.executors import dask_worker_processes
        from tests.runs.executors.instant import answer_at_once

        dask_worker_processes.run_chunk = answer_at_once


def prepare_driving(settings):
    """Change a driver."""
    from inputgrad_cli.runs.executors import chunks, worker_watch

    worker_watch.WAIT_SECONDS = settings.get("wait", worker_watch.WAIT_SECONDS)
    chunks.MAX_CHUNK = settings.get("chunk", chunks.MAX_CHUNK)


if VARIABLE in os.environ and Path(os.environ[VARIABLE]).exists():
    hooks = json.loads(Path(os.environ[VARIABLE]).read_text())
    if COMPUTING in sys.orig_argv:
        prepare_computing(hooks)
    elif WORKING in sys.orig_argv:
        prepare_working(hooks)
    elif "tests.faults.server" in sys.orig_argv:
        prepare_driving(hooks)
