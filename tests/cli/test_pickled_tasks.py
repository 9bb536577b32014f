"""What is to be written, and what became of it, travels as values that can be pickled."""

import pickle

import numpy as np

from inputgrad_cli.runs.executors.local import LocalExecutor
from inputgrad_cli.runs.record import Recorder

from . import draw, files, items

WORDS = (
    "-m",
    "gradient",
    "-m",
    "integrated-gradients:steps=4",
    "-t",
    "auto",
    "-t",
    "all",
    "--json",
)


def copy(value):
    return pickle.loads(pickle.dumps(value))


def test_a_run_whose_tasks_and_results_are_pickled_is_the_same(
    call, samples, tmp_path, monkeypatch
):
    for seed, name in enumerate("abc"):
        draw(tmp_path / "in" / f"{name}.png", seed=seed)
    (tmp_path / "in/broken.png").write_bytes(b"no picture")
    np.save(tmp_path / "in/many.npy", np.full((3, 64, 64, 3), 90, "float32"))
    call_words = ("saliency", samples / "shapes.keras", "in", *WORDS)
    plain = call(*call_words, "-o", "plain")
    kinds, write, record = [], LocalExecutor.write, Recorder.record

    def write_copies(self, verb, tasks, *, nbytes):
        def write_copy(task):
            kinds.append(type(task).__name__)
            return copy(verb(task))

        write(self, write_copy, [copy(task) for task in tasks], nbytes=nbytes)

    def record_copy(self, outcome):
        kinds.append(type(outcome).__name__)
        return copy(record(self, copy(outcome)))

    monkeypatch.setattr(LocalExecutor, "write", write_copies)
    monkeypatch.setattr(Recorder, "record", record_copy)
    copied = call(*call_words, "-o", "copied")
    skipped = call(*call_words, "-o", "copied")
    assert set(kinds) == {"WriteTask", "WriteResult", "FailedItem", "SkippedMap"}

    assert plain.code == copied.code == skipped.code == 3
    assert [item["status"] for item in items(copied)] == [item["status"] for item in items(plain)]
    assert {item["status"] for item in items(skipped)} == {"skipped", "failed"}
    names = files(tmp_path / "plain")
    assert files(tmp_path / "copied") == names
    for name in (name for name in names if str(name).endswith((".npz", ".png"))):
        assert (tmp_path / "copied" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
