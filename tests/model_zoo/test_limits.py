"""Cases 54 and 55, and targets that differ from item to item."""

import json
import resource

import keras
import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.preprocessing_detection.required_preprocessing import (
    find_preprocessing,
)
from tests.cli import arrays, items, metadata

L = keras.layers


def test_54_a_lambda_of_python_code_is_refused_and_works_when_trusted(tmp_path, rng):
    def by_python(x):
        return tf.ensure_shape(tf.py_function(lambda t: t * 2.0, [x], tf.float32), x.shape)

    layers = [keras.Input((3,)), L.Lambda(by_python, output_shape=(3,)), L.Dense(1)]
    model = keras.Sequential(layers)
    path = tmp_path / "m.keras"
    model.save(path)
    with pytest.raises(ModelError, match="--trust-model"):
        api.load(path)


def test_54_a_trusted_lambda_has_its_gradient(tmp_path, rng):
    layers = [keras.Input((3,)), L.Lambda(lambda x: x * 2.0), L.Dense(1, use_bias=False)]
    model = keras.Sequential(layers)
    model.save(tmp_path / "m.keras")
    with pytest.raises(ModelError):
        api.load(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras", trust=True)
    attribution = api.explain(opened, np.ones((1, 3), np.float32))
    kernel = model.layers[-1].kernel.numpy()[:, 0]
    np.testing.assert_allclose(next(iter(attribution.values.values()))[0], 2 * kernel, rtol=1e-6)


def test_55_a_batch_beyond_the_memory_leaves_no_half_file(tmp_path, spawn):
    """The process may be killed by its limit; what stands under a final name is whole."""
    layers = [L.Conv2D(64, 1, activation="relu") for _ in range(4)]
    ends = [L.GlobalAveragePooling2D(), L.Dense(2)]
    model = keras.Sequential([keras.Input((256, 256, 3)), *layers, *ends])
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.ones((128, 256, 256, 3), np.float32))
    np.save(tmp_path / "few.npy", np.ones((4, 256, 256, 3), np.float32))
    limit = 6 << 30

    def bounded():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    words = ("saliency", "m.keras", "x.npy", "--batch-size", 128, "--picture", "none")
    result = spawn(*words, preexec_fn=bounded)
    assert "Traceback" not in result.err
    assert result.code != 0 or "memory is too short" in result.err  # the limit was met
    out = tmp_path / "inputgrad-out"
    for path in out.rglob("*.npz"):
        assert arrays(path)
    words = ("saliency", "m.keras", "few.npy", "--batch-size", 2, "-t", "unit:0", "-o", "small")
    assert spawn(*words, preexec_fn=bounded).code == 0
    assert not list((tmp_path / "small").rglob(".ig-*"))


@pytest.fixture
def table(tmp_path, samples):
    (tmp_path / "targets.csv").write_text(
        "input,target\n00-cross.png,class:star\n01-star.png,class:2\n02-star.png,top1\n"
    )
    return samples / "shapes.keras", samples / "inputs" / "shapes"


def test_each_item_has_its_own_target(call, table, tmp_path):
    result = call("saliency", *table, "-t", "file:targets.csv", "--json", "--include", "0[0-3]*")
    assert result.code == 3  # the fourth picture has no row
    by_name = {item["input"]: item for item in items(result)}
    assert by_name["00-cross.png"]["target"]["label"] == "star"
    assert by_name["01-star.png"]["target"]["index"] == [2]
    assert by_name["02-star.png"]["target"]["label"] == "star"
    assert by_name["03-cross.png"]["error"]["kind"] == "target"
    plain = call("saliency", *table, "-t", "class:star", "--include", "00*", "-o", "plain")
    assert plain.code == 0
    names = ("inputgrad-out/{}.file-targets-csv-ac8459.npz", "plain/{}.class-star.npz")
    values, other = (arrays(tmp_path / name.format("00-cross.png.gradient")) for name in names)
    np.testing.assert_allclose(values["picture"], other["picture"], atol=1e-9)


def test_a_changed_row_is_computed_again(call, table, tmp_path):
    words = ("saliency", *table, "-t", "file:targets.csv", "--json", "--include", "0[0-2]*")
    assert call(*words).code == 0
    text = (tmp_path / "targets.csv").read_text().replace("class:star", "class:circle")
    (tmp_path / "targets.csv").write_text(text)
    status = {item["input"]: item["status"] for item in items(call(*words))}
    assert status == {"00-cross.png": "ok", "01-star.png": "skipped", "02-star.png": "skipped"}


def test_samples_of_one_file_have_targets_of_their_own(call, samples, tmp_path):
    rows = "".join(f"two_heads.npy,kind/class:{n}\n" for n in (0, 2, 1, 1))
    (tmp_path / "t.csv").write_text("input,target\n" + rows)
    words = (samples / "two_heads.keras", samples / "inputs" / "two_heads.npy")
    assert call("saliency", *words, "-t", "file:t.csv").code == 0
    path = tmp_path / "inputgrad-out" / "two_heads.npy.gradient.file-t-csv-63bcab.npz"
    assert metadata(path)["target"]["index"] == [[0], [2], [1], [1]]
    whole = arrays(path)["features"]
    for index in (0, 1, 2):
        call("saliency", *words, "-t", f"kind/class:{index}", "-o", f"c{index}")
    for row, index in enumerate((0, 2, 1, 1)):
        values = arrays(tmp_path / f"c{index}" / f"two_heads.npy.gradient.kind-class{index}.npz")[
            "features"
        ]
        np.testing.assert_allclose(whole[row], values[row], atol=1e-7)


def two_heads(units=10):
    x = keras.Input((4,), name="x")
    hidden = L.Dense(8, activation="tanh")(x)
    return keras.Model(
        x, {"a": L.Dense(units, name="a")(hidden), "b": L.Dense(units, name="b")(hidden)}
    )


def as_saved(model):
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def read_target(model):
    """Return the preprocessing that the file of a model of one input tells."""
    (sight,) = find_preprocessing(as_saved(model)).values()
    return sight.preprocess.name


def test_records_of_mixed_targets_are_each_samples_own(call, tmp_path, rng):
    two_heads(3).save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", rng.normal(size=(4, 4)).astype(np.float32))
    rows = ["a/0", "b/1", "a/sum", '"a/margin:0,1"']
    (tmp_path / "t.csv").write_text("input,target\n" + "".join(f"x.npy,{row}\n" for row in rows))
    result = call("saliency", "m.keras", "x.npy", "-t", "file:t.csv", "--json")
    asked = [item["target"]["asked"] for item in items(result)]
    assert asked == ["a/0", "b/1", "a/sum", "a/margin:0,1"]
    assert [item["target"]["output"] for item in items(result)] == ["a", "b", "a", "a"]
    record = metadata(tmp_path / "inputgrad-out" / "x.npy.gradient.file-t-csv-63bcab.npz")
    assert record["target"]["asked"] == asked


@pytest.mark.parametrize("row", ["all", "a/top:2", "margin:0,1", "file:x.csv", "nonsense"])
def test_a_row_that_is_not_one_target_is_refused_before_work(call, tmp_path, rng, row):
    two_heads(3).save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.ones(4, np.float32))
    (tmp_path / "t.csv").write_text(f"input,target\nx.npy,{row}\n")
    result = call("saliency", "m.keras", "x.npy", "-t", "file:t.csv")
    assert result.code == 2
    assert not (tmp_path / "inputgrad-out").exists()


def test_a_row_that_the_model_lacks_fails_its_item_alone(call, tmp_path):
    two_heads(3).save(tmp_path / "m.keras")
    for name in "pq":
        np.save(tmp_path / f"{name}.npy", np.ones(4, np.float32))
    (tmp_path / "t.csv").write_text("input,target\np.npy,a/99\nq.npy,a/1\n")
    result = call("saliency", "m.keras", "p.npy", "q.npy", "-t", "file:t.csv", "--json")
    assert result.code == 3
    assert {item["input"]: item["status"] for item in items(result)} == {
        "p.npy": "failed",
        "q.npy": "ok",
    }
