"""Maps that are none, columns that are named, layers of tables: as a user meets them."""

import json

import keras
import numpy as np
import pytest

from tests.cli import arrays, items, metadata

L = keras.layers


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a directory with a model of a table that has a column of words, and the table."""
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(1)
    colour = keras.Input((1,), dtype="string", name="colour")
    size = keras.Input((1,), name="size")
    code = L.CategoryEncoding(4, "one_hot", name="code")(
        L.StringLookup(vocabulary=["red", "blue", "green"])(colour)
    )
    y = L.Dense(1)(L.Concatenate()([code, size]))
    keras.Model({"colour": colour, "size": size}, y).save(folder / "table.keras")
    (folder / "table.csv").write_text("colour,size\nred,1\nblue,2\nnone,3\n")

    x = keras.Input((16,))
    y = L.Dense(16)(x)
    for _ in range(7):
        y = L.LayerNormalization()(L.Dense(16)(y))
    keras.Model(x, L.Dense(1)(y)).save(folder / "norms.keras")
    np.save(folder / "row.npy", np.linspace(0.1, 1, 16, dtype=np.float32)[np.newaxis])

    x = keras.Input((5,))
    keras.Model(x, L.Dense(1)(L.UnitNormalization()(x))).save(folder / "unit.keras")
    np.save(folder / "some.npy", np.array([np.zeros(5), np.ones(5)], np.float32))
    return folder


def test_a_column_of_words_is_explained_beside_numbers(call, folder, tmp_path):
    methods = ("-m", "integrated-gradients", "-m", "feature-ablation", "--strict")
    assert call("saliency", folder / "table.keras", folder / "table.csv", *methods).code == 0
    out = tmp_path / "inputgrad-out"
    values = arrays(out / "table.csv.integrated-gradients.npz")
    lost = arrays(out / "table.csv.feature-ablation.npz")
    assert {name: array.shape for name, array in values.items()} == {
        "colour": (3, 4),
        "size": (3, 1),
    }
    assert {name: array.shape for name, array in lost.items()} == {
        "colour": (3, 1),
        "size": (3, 1),
    }
    # To take a word away leaves a word that is not known: its own code has the weight taken back.
    whole = values["colour"].sum(axis=1)
    np.testing.assert_allclose(lost["colour"][:, 0], whole - whole[2], atol=1e-5)
    lines = (out / "table.csv.integrated-gradients.csv").read_text().splitlines()
    assert lines[0].split(",")[3:] == ["colour", "colour:attribution", "size", "size:attribution"]
    cells = [line.split(",")[3:] for line in lines[1:]]
    assert [(row[0], row[2]) for row in cells] == [("red", "1"), ("blue", "2"), ("none", "3")]
    np.testing.assert_allclose([float(row[1]) for row in cells], whole, atol=1e-5)


@pytest.mark.parametrize("baseline", ["zeros", "dataset"])
def test_a_layer_of_a_table_has_its_columns_and_its_baselines(call, folder, tmp_path, baseline):
    given = f"dataset:path={folder / 'table.csv'}" if baseline == "dataset" else baseline
    words = ("--wrt", "layer:code", "-m", "integrated-gradients", "--baseline", given, "--strict")
    assert call("saliency", folder / "table.keras", folder / "table.csv", *words).code == 0
    (path,) = (tmp_path / "inputgrad-out").glob("*.integrated-gradients.csv")
    header, *rows = path.read_text().splitlines()
    names = [f"layer:code[{unit}]" for unit in range(4)]
    assert header.split(",")[3::2] == names
    assert header.split(",")[4::2] == [f"{name}:attribution" for name in names]
    values = arrays(path.with_suffix(".npz"))["layer:code"]
    written = [[float(v) for v in row.split(",")[4::2]] for row in rows]
    np.testing.assert_allclose(written, values, rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "source", "kind"), [("norms", "row", "completeness"), ("unit", "some", "nonfinite")]
)
def test_a_map_that_is_none_is_a_failed_item_with_a_way_on(call, folder, model, source, kind):
    words = (folder / f"{model}.keras", folder / f"{source}.npy", "-m", "deeplift", "--json")
    result = call("saliency", *words)
    assert result.code == 3
    for item in items(result):
        assert item["status"] == "failed"
        assert item["error"]["kind"] == kind
        assert "--baseline" in item["error"]["message"]


def test_one_sample_that_has_no_map_fails_alone(call, folder, tmp_path):
    x = keras.Input((2,), name="x")
    root = keras.ops.sum(keras.ops.sqrt(x), axis=-1, keepdims=True)
    keras.Model(x, root).save(tmp_path / "root.keras")
    np.save(tmp_path / "x.npy", np.array([[1, 4], [0, 1], [4, 9]], np.float32))
    result = call("saliency", "root.keras", "x.npy", "--json")
    assert result.code == 3
    assert [item["status"] for item in items(result)] == ["ok", "failed", "ok"]
    values = arrays(tmp_path / "inputgrad-out/x.npy.gradient.npz")["x"]
    assert np.isnan(values[1]).all()
    np.testing.assert_allclose(values[[0, 2]], [[0.5, 0.25], [0.25, 1 / 6]], rtol=1e-5)
    record = metadata(tmp_path / "inputgrad-out/x.npy.gradient.npz")
    assert record["checks"][1] is None


def test_a_column_that_cannot_be_explained_is_named(call, tmp_path):
    value, amount = (keras.Input((1,), name=name) for name in ("value", "amount"))
    bins = keras.ops.cast(
        L.Discretization(bin_boundaries=[0.0, 2.0], name="bins")(value), "float32"
    )
    model = keras.Model([value, amount], L.Dense(1)(L.Concatenate()([bins, amount])))
    model.save(tmp_path / "m.keras")
    (tmp_path / "t.csv").write_text("value,amount\n3,1\n1,2\n")
    result = call("saliency", "m.keras", "t.csv", "--json")
    assert result.code == 0
    (warning,) = [e for e in map(json.loads, result.out.splitlines()) if e["type"] == "warning"]
    assert warning["code"] == "unexplained"
    for word in ("'value'", "bins", "feature-ablation"):
        assert word in warning["message"]
    record = metadata(tmp_path / "inputgrad-out/t.csv.gradient.npz")
    assert list(record["unexplained"]) == ["value"]
    assert record["disconnected"] == []
