"""Every task of a run and every result is a value, which another process can be sent."""

import json
import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest

from inputgrad_cli.formats.streaming import hash_checked_file, lazy_row_loading
from inputgrad_cli.numeric import lazy_array
from inputgrad_cli.runs import spill_buffer
from inputgrad_cli.runs.executors import local_runner
from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.journal_recorder import Recorder
from inputgrad_cli.runs.tasks.run_context import PROCESS
from tests.cli import draw, items

LINES = [[1, 2, 3], [4, 5, 6, 7, 8], [2, 2, 9], [7], [1, 1, 1]]
PARTS = [
    (hash_checked_file, "LARGE_BYTES", 0),
    (spill_buffer, "MAX_MEMORY_BYTES", 0),
    (hash_checked_file, "BLOCK_BYTES", 600),
    (lazy_array, "BLOCK_BYTES", 400),
    (lazy_row_loading, "MAX_CELLS", 40),
]
# The words of each call, and whether its files are read in parts and its maps put aside on disk.
CALLS = {
    "a folder of pictures": (
        ("pictures.keras", "in", "-m", "gradient", "-m", "grad-cam", "-t", "auto", "-t", "all"),
        False,
    ),
    "a table": (("vectors.keras", "t.csv", "-t", "class:0", "-m", "integrated-gradients"), False),
    "lines of unequal lengths": (("ids.keras", "a.jsonl"), False),
    "large files": (("vectors.keras", "v.npy", "t.csv", "--batch-size", "7"), True),
    "large files of pictures": (("pictures.keras", "in/many.npy", "--batch-size", "2"), True),
}


@pytest.fixture
def folder(tmp_path):
    """Make models and files of all kinds, some with parts that cannot be used."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = [layers.Input((8, 8, 3), name="x"), layers.Conv2D(4, 3, activation="relu")]
    keras.Sequential([*image, layers.Flatten(), layers.Dense(3, "softmax")]).save("pictures.keras")
    keras.Sequential([layers.Input((4,), name="x"), layers.Dense(3)]).save("vectors.keras")
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = layers.GlobalAveragePooling1D()(layers.Embedding(12, 3)(ids))
    keras.Model(ids, layers.Dense(2)(hidden)).save("ids.keras")
    rng = np.random.default_rng(0)
    for seed, name in enumerate("abcde"):
        draw(tmp_path / "in" / f"{name}.png", size=(8, 8), seed=seed)
    (tmp_path / "in/broken.png").write_bytes(b"no picture")
    pictures, vectors = rng.random((9, 8, 8, 3), np.float32), rng.normal(size=(50, 4))
    pictures[4, 0, 0], vectors[[0, 9, 49]] = np.inf, np.nan
    np.save("in/many.npy", pictures)
    np.save("v.npy", vectors)
    rows = [",".join(map(str, row)) for row in rng.normal(size=(50, 4))]
    rows[3] = "1,2,x,4"
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,d", *rows]))
    lines = [*(json.dumps({"ids": line}) for line in LINES), '{"ids": [1, "x"]}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    return tmp_path


def copy(value):
    return pickle.loads(pickle.dumps(value))


class Copies(LocalExecutor):
    """Sends tasks to the verbs, and results back, as another process would see them."""

    kinds: set[str]

    def start(self, context, model):
        super().start(copy(context), model)

    def carry_out(self, verb, task):
        sent = copy(task)
        result = copy(verb(sent))
        for value in (sent, *(result if isinstance(result, list) else [result])):
            self.kinds.add(type(value).__name__)
        return result

    def load(self, verb, tasks, weight):
        return super().load(partial(self.carry_out, verb), tasks, weight)

    def explain(self, verb, tasks, weight, *, threads):
        return super().explain(partial(self.carry_out, verb), tasks, weight, threads=threads)

    def write(self, verb, tasks, *, nbytes):
        super().write(partial(self.carry_out, verb), tasks, nbytes=nbytes)


def begin(context, folder, parts):
    """Begin to work on a run in another process."""
    os.chdir(folder)
    if parts:
        for module, name, value in PARTS:
            setattr(module, name, value)
    PROCESS.start(context)


class OtherProcess(Copies):
    """Loads and writes in another process, which is started for the run."""

    def start(self, context, model):
        super().start(context, model)
        given = (context, os.getcwd(), spill_buffer.MAX_MEMORY_BYTES == 0)
        spawn = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, spawn, initializer=begin, initargs=given)

    def carry_out(self, verb, task):
        if verb.__name__ == "explain":  # TensorFlow is imported here already
            return super().carry_out(verb, task)
        return self.pool.submit(verb, task).result()

    def stop(self):
        super().stop()
        self.pool.shutdown()


@pytest.fixture
def through(call, folder, monkeypatch):
    """Return a function that makes a call with an executor, and returns it and its files."""

    def through(executor, name):
        words, in_parts = CALLS[name]
        out = folder / "-".join([executor.__name__, *name.split()])
        with monkeypatch.context() as patched:
            for module, constant, value in PARTS if in_parts else ():
                patched.setattr(module, constant, value)
            patched.setattr(local_runner, "LocalExecutor", executor)
            done = call("saliency", *words, "-o", out, "--json")
        return done, out

    return through


def content(out):
    """Return the bytes of a run's files, its journal among them."""
    return {
        path.relative_to(out): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("run.json", ".lock") and path.suffix != ".tmp"
    }


def read_untimed_lines(done, out):
    text = done.out.replace(str(out), "out")
    return [{**item, "seconds": 0} for item in map(json.loads, text.splitlines())]


@pytest.mark.parametrize("name", CALLS)
def test_a_run_whose_tasks_and_results_are_copies_is_the_same(through, call, monkeypatch, name):
    Copies.kinds, record = set(), Recorder.record

    def record_copy(self, outcome):
        return copy(record(self, copy(outcome)))

    plain, first = through(LocalExecutor, name)
    monkeypatch.setattr(Recorder, "record", record_copy)
    copied, second = through(Copies, name)
    assert {"LoadTask", "LoadedItem", "ExplainTask", "BatchResult"} <= Copies.kinds
    assert {"WriteTask", "WriteResult"} <= Copies.kinds
    assert plain.code == copied.code == 3
    assert len(content(first)) > 1
    assert content(second) == content(first)
    assert read_untimed_lines(copied, second) == read_untimed_lines(plain, first)
    if name == "a folder of pictures":
        skipped, _ = through(Copies, name)
        assert {item["status"] for item in items(skipped)} == {"skipped", "failed", "ok"}
        assert {"SkippedMap", "FailedItem"} <= Copies.kinds


@pytest.mark.parametrize("name", ["a folder of pictures", "large files"])
def test_a_run_that_another_process_loads_and_writes_is_the_same(through, name):
    Copies.kinds = set()
    plain, first = through(LocalExecutor, name)
    apart, second = through(OtherProcess, name)
    assert Copies.kinds - {"FailedItem"} == {"ExplainTask", "BatchResult"}
    assert plain.code == apart.code == 3
    assert content(second) == content(first)
    assert read_untimed_lines(apart, second) == read_untimed_lines(plain, first)
