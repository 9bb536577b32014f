"""`inspect` tells what the archive knows without TensorFlow, and the rest with --load."""

import json
import random
import resource
from pathlib import Path

import pytest

from inputgrad_cli.describe.model import describe_model
from inputgrad_cli.describe.model_description import find_common_layer
from inputgrad_cli.errors import InputgradError
from tests.modelfile.files import archive, layer, sequential

DATA = Path(__file__).with_name("data")
KEYS = {
    "path", "form", "kind", "name", "size", "sha256", "keras_version", "inputs", "outputs",
    "preprocess", "labels", "sidecar", "weights", "custom", "unsafe", "problem", "blocks",
    "cam_layer", "cam_layers", "layers", "loaded", "trusted",
}  # fmt: skip


def asked(call, *argv):
    result = call("inspect", *argv, "--json")
    return json.loads(result.out), result


def test_the_keys_are_stable(call, samples):
    about, result = asked(call, samples / "shapes.keras")
    assert set(about) == KEYS
    assert about["inputs"] == [{"name": "picture", "shape": [64, 64, 3], "dtype": "float32"}]
    assert about["outputs"] == [{"name": "shape", "shape": [5], "activation": "softmax"}]
    assert about["preprocess"] == {"name": "raw", "source": "model:Rescaling"}
    assert about["cam_layer"] == "relu6"
    assert about["labels"][0] == "circle"
    assert about["layers"][2] == {"name": "conv1", "class": "Conv2D", "shape": [32, 32, 16]}
    assert result.err == ""


def test_columns_stand_under_one_another(call, samples):
    lines = call("inspect", samples / "shapes.keras", "--layers").out.splitlines()
    rows = [line for line in lines if "  Conv2D" in line]
    assert len({line.index("Conv2D") for line in rows}) == 1


def test_many_layers_are_counted_and_the_page_fits_a_terminal(call, samples):
    lines = call("inspect", samples / "shapes.keras").out.splitlines()
    assert len(lines) <= 20
    assert any("layers (--layers lists them)" in line for line in lines)
    assert any("Conv2D, " in line for line in lines)
    assert "Conv2D" in call("inspect", samples / "shapes.keras", "--layers").out


def cpu_of_children():
    """Return the seconds of CPU that ended children used: other tests at work do not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_it_takes_no_tensorflow_and_half_a_second(spawn, samples):
    before = cpu_of_children()
    result = spawn("inspect", samples / "shapes.keras", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert result.code == 0
    assert cpu_of_children() - before < 1.0  # writing the profile included
    assert "| tensorflow" not in result.err
    assert "| keras" not in result.err


@pytest.mark.parametrize(
    ("name", "cam"),
    [
        ("keras3.8-transfer.keras", "base/batch_normalization"),
        ("keras3.8-shared.keras", "base/batch_normalization_1"),
        ("keras2-nested.keras", "base/c"),
        ("keras2-lstm.keras", None),
    ],
)
def test_the_layer_of_a_cam_may_be_nested(name, cam):
    assert find_common_layer(describe_model(DATA / name).cam_layers) == cam


def test_it_tells_of_what_is_unsafe_or_missing_and_does_not_fail(call, tmp_path):
    own = {**layer("Sine", "s", "waves"), "registered_name": "mine>Sine"}
    path = archive(tmp_path / "a.keras", sequential(layer("Lambda", "l"), own))
    about, result = asked(call, path)
    assert result.code == 0
    assert about["unsafe"] == ["a Lambda layer holds Python code (layer 'l')"]
    assert about["custom"] == [{"name": "Sine", "module": "waves", "registered_name": "mine>Sine"}]
    page = call("inspect", path).out
    assert "refused without --trust-model" in page
    assert "needs --code for" in page


def test_it_tells_of_weights_that_cannot_be_used(tmp_path):
    path = archive(tmp_path / "a.keras", sequential(layer("Dense", units=2_000_000_000)))
    assert "which the file lacks" in (describe_model(path).problem or "")


def test_load_of_a_refused_model_tells_all_the_rest_and_is_4(call, tmp_path):
    path = archive(tmp_path / "a.keras", sequential(layer("Lambda", "l")))
    about, result = asked(call, path, "--load")
    assert result.code == 4
    assert "--trust-model" in about["loaded"]["problem"]
    assert about["inputs"][0]["name"] == "x"
    assert "refused" in result.err


def test_load_proves_logits_and_names_the_layers(call, samples):
    about, _ = asked(call, samples / "two_heads.keras", "--load")
    loaded = about["loaded"]
    kinds = {head["name"]: (head["activation"], head["logits"]) for head in loaded["outputs"]}
    assert kinds == {"kind": ("softmax", True), "size": (None, False)}
    assert loaded["blocks"] == []
    assert [row["shape"] for row in loaded["layers"]][1:] == [[32], [3], [1]]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_load_names_what_blocks_a_gradient(call, tmp_path):  # cases 18, 19
    import keras
    from keras import layers, ops

    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    rounded = ops.round(y)
    keras.Model([x, y], layers.Dense(1)(layers.Add()([x, rounded]))).save(tmp_path / "a.keras")
    about, result = asked(call, tmp_path / "a.keras", "--load")
    assert result.code == 0
    (block,) = about["loaded"]["blocks"]
    assert block["input"] == "y"
    assert "Round" in block["reason"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_layers_that_pass_no_gradient_are_named_from_the_archive(tmp_path):
    import keras
    from keras import layers

    x = keras.Input((1,), name="x")
    y = layers.Discretization([0.0, 1.0], output_mode="one_hot", name="bins")(x)
    keras.Model(x, layers.Dense(1)(y)).save(tmp_path / "a.keras")
    assert describe_model(tmp_path / "a.keras").blocks == ["Discretization 'bins'"]


def test_names_stay_apart_and_safe_on_a_terminal(call, tmp_path):  # case 56
    inner = layer("Dense", "same", units=3)
    nested = [
        {**sequential(inner), "config": {**sequential(inner)["config"], "name": n}} for n in "ab"
    ]
    odd = layer("Dense", "wörld", units=3)
    path = archive(tmp_path / "a.keras", sequential(*nested, odd))
    names = [row.name for row in describe_model(path).layers]
    assert {"a/same", "b/same"} <= set(names)
    assert len(set(names)) == len(names)
    assert "wörld" in call("inspect", path).out
    red = archive(tmp_path / "b.keras", sequential(layer("Dense", "wörld \x1b[31m", units=3)))
    refused = call("inspect", red)
    assert refused.code == 4
    assert "\x1b" not in refused.out + refused.err


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_without_weights_is_a_model(call, tmp_path):  # case 57
    import keras
    from keras import ops

    x = keras.Input((4,), name="x")
    keras.Model(x, ops.sum(ops.sin(x), axis=1)).save(tmp_path / "a.keras")
    about, result = asked(call, tmp_path / "a.keras", "--load")
    assert result.code == 0
    assert about["weights"] == {"arrays": 0, "numbers": 0}
    assert about["loaded"]["blocks"] == []


def test_a_saved_model_is_told_for_what_it_is(tmp_path):
    import zipfile

    with zipfile.ZipFile(DATA / "keras2-savedmodel.zip") as packed:
        packed.extractall(tmp_path / "net")
    about = describe_model(tmp_path / "net")
    assert about.form == "saved_model"
    assert about.inputs is None
    assert "a program of TensorFlow's" in about.unsafe[0]


def mutated(node, rng):
    """Return a configuration with one thing in it replaced by another."""
    odd = [None, 1, -1, "x", [], {}, [[]], {"class_name": 3}, {"class_name": "Dense"}, True, 1e300]
    if isinstance(node, dict) and node and rng.random() < 0.85:
        key = rng.choice(list(node))
        return {**node, key: mutated(node[key], rng)}
    if isinstance(node, list) and node and rng.random() < 0.85:
        at = rng.randrange(len(node))
        return [*node[:at], mutated(node[at], rng), *node[at + 1 :]]
    return rng.choice(odd)


@pytest.mark.parametrize("name", ["keras3.8-shared", "keras3.8-transfer", "keras2-nested"])
def test_no_configuration_gives_a_traceback(name, tmp_path):
    import zipfile

    rng = random.Random(0)
    with zipfile.ZipFile(DATA / f"{name}.keras") as packed:
        config = json.loads(packed.read("config.json"))
        version = json.loads(packed.read("metadata.json"))["keras_version"]
    for _ in range(400):
        odd = config
        for _ in range(rng.randrange(1, 4)):
            odd = mutated(odd, rng)
        path = archive(tmp_path / "a.keras", {"": 0} if odd is None else odd, version=version)
        try:
            describe_model(path)
        except InputgradError as error:
            shown = error.format_line()
        else:
            shown = ""
        assert "\n" not in shown
