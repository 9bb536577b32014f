"""`--max-memory`, as a user meets it: recorded, refused, and kept to."""

import json

import numpy as np
import pytest

from tests.cli import items, stream
from tests.modelfile.files import rewritten


@pytest.fixture
def model(tmp_path):
    """Write a small model and an input, and return their names."""
    import keras

    layers = keras.layers
    keras.Sequential([layers.Input((4,), name="x"), layers.Dense(3)]).save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.ones(4, "float32"))
    return "m.keras", "x.npy"


def grow(path, numbers):
    """Change numbers in a model file, and take away what it was built with."""

    def change(node):
        if isinstance(node, dict):
            return {key: change(v) for key, v in node.items() if key != "build_config"}
        if isinstance(node, list):
            return [change(item) for item in node]
        return numbers.get(node, node) if type(node) is int else node

    return rewritten(path, change, path.with_suffix(".new")).replace(path)


def attention(path, length):
    """Write a model whose scores take `length` squared times 16 bytes; nothing else is large."""
    import keras

    layers = keras.layers
    entry = keras.Input((2,), name="x")
    tensor = layers.RepeatVector(13)(entry)
    tensor = layers.MultiHeadAttention(2, 3)(tensor, tensor)
    keras.Model(entry, layers.GlobalAveragePooling1D()(tensor)).save(path)
    return grow(path, {13: length})


@pytest.mark.parametrize("text", ["much", "4", "-1G", "0", "1e9", ""])
def test_what_is_no_size_is_told_in_a_sentence(text, call, model):
    done = call("saliency", *model, "--max-memory", text)
    assert done.code == 2
    assert "--max-memory" in done.err
    assert "Traceback" not in done.err


def test_it_is_recorded_with_its_source_and_changes_no_result(call, model, tmp_path, monkeypatch):
    first = call("saliency", *model, "--json")
    assert items(first)[0]["status"] == "ok"
    monkeypatch.setenv("INPUTGRAD_SALIENCY_MAX_MEMORY", "3G")
    again = call("saliency", *model, "--json")
    assert (again.code, items(again)[0]["status"]) == (0, "skipped")
    done = call("saliency", *model, "-o", "other")
    record = json.loads((tmp_path / "other" / "run.json").read_bytes())
    assert (done.code, record["options"]["max_memory"]) == (
        0,
        {"value": "3G", "source": "environment"},
    )
    record = json.loads((tmp_path / "inputgrad-out" / "run.json").read_bytes())
    assert record["options"]["max_memory"] == {"value": "auto", "source": "default"}


def test_a_config_file_may_set_it(call, model, tmp_path):
    (tmp_path / "c.toml").write_text('[saliency]\nmax-memory = "3G"\n')
    assert call("saliency", *model, "--config", "c.toml").code == 0
    (tmp_path / "c.toml").write_text("[saliency]\nmax-memory = 3\n")
    assert call("saliency", *model, "--config", "c.toml").code == 2


def test_a_sample_larger_than_the_limit_ends_before_tensorflow(spawn, tmp_path):
    import keras

    layers = keras.layers
    path = tmp_path / "m.keras"
    keras.Sequential(
        [layers.Input((13, 11, 3)), layers.Rescaling(1.0), layers.GlobalAveragePooling2D()]
    ).save(path)
    grow(path, {13: 33_000, 11: 33_000})
    np.save(tmp_path / "x.npy", np.ones(4, "float32"))
    for words in (("saliency", "m.keras", "x.npy"), ("inspect", "m.keras", "--load")):
        done = spawn(*words, "--max-memory", "1G")
        assert done.code == 4
        assert "13,068,000,000 bytes" in done.err
        assert "--max-memory" in done.err
    done = spawn("inspect", "m.keras", env={"INPUTGRAD_INSPECT_MAX_MEMORY": "1G"})
    assert done.code == 0
    assert "cannot be used" in done.out


def test_less_than_the_libraries_take_is_told(spawn, model):
    done = spawn("saliency", *model, "--max-memory", "200M")
    assert done.code == 2
    assert "TensorFlow and Keras alone hold" in done.err


def test_opening_a_small_file_takes_little_even_of_a_large_machine(spawn, tmp_path):
    """Keras lists all lengths of word groups up to the longest: of a billion, in 40 GB."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((1,), dtype="string"),
            keras.layers.TextVectorization(vocabulary=["one"], ngrams=2, output_mode="multi_hot"),
            keras.layers.Dense(3),
        ]
    )
    model.save(tmp_path / "m.keras")
    grow(tmp_path / "m.keras", {2: 1_000_000_000})
    (tmp_path / "x.txt").write_text("one two")
    done = spawn("saliency", "m.keras", "x.txt")
    assert done.code == 4
    assert "m.keras: the model does not fit into memory; layer 'text_vectorization'" in done.err


COMPILED = ("-m", "integrated-gradients:steps=3000")


@pytest.mark.parametrize("more", [(), pytest.param(COMPILED, marks=pytest.mark.slow)])
def test_what_only_a_pass_can_tell_is_a_failed_item(more, spawn, tmp_path):
    attention(tmp_path / "m.keras", 12_000)
    np.save(tmp_path / "x.npy", np.ones(2, "float32"))
    words = ("saliency", "m.keras", "x.npy", "--json", "--max-memory", "1200M", *more)
    done = spawn(*words)
    assert done.code == 3
    (item,) = items(done)
    assert item["error"]["kind"] == "memory"
    assert "--max-memory" in item["error"]["message"]
    assert stream(done)[-1]["type"] == "summary"


@pytest.mark.slow
def test_the_same_model_is_computed_where_there_is_room(spawn, tmp_path):
    attention(tmp_path / "m.keras", 1200)
    np.save(tmp_path / "x.npy", np.ones(2, "float32"))
    assert spawn("saliency", "m.keras", "x.npy", "--max-memory", "1200M").code == 0


@pytest.mark.slow
def test_a_file_larger_than_the_limit_is_a_failed_item(spawn, model, tmp_path):
    with open(tmp_path / "x.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<U1000000", "fortran_order": False, "shape": (200, 1)}
        )
        file.truncate(file.tell() + 800_000_000)
    done = spawn("saliency", *model, "--max-memory", "700M", "--json")
    assert done.code == 3
    assert items(done)[0]["error"]["kind"] in ("memory", "dtype")
