"""Commands methods, inspect, doctor, and the helps."""

import re

import numpy as np
import pytest

from tests.cli import strict

COMMANDS = ["saliency", "optimize", "inspect", "methods", "render", "report", "verify", "merge"]
COMMANDS += ["doctor"]
METHODS = [
    "blur-integrated-gradients",
    "expected-gradients",
    "gradient",
    "gradient-shap",
    "guided-integrated-gradients",
    "input-x-gradient",
    "integrated-directional-gradients",
    "integrated-gradients",
    "smoothgrad",
    "smoothgrad-squared",
    "vargrad",
]


@pytest.mark.parametrize("word", ["-h", "--help"])
@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_everywhere(call, command, word):
    result = call(*command, word)
    assert result.code == 0
    assert result.out.startswith("Usage: inputgrad")
    assert result.err == ""
    assert "\\b" not in result.out
    assert "\b" not in result.out


def test_help_lists_what_works_and_no_more(call):
    text = call("--help").out
    listed = re.findall(r"^  ([a-z]+)  ", text.split("Commands:")[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_version(call):
    result = call("--version")
    assert result.code == 0
    assert re.search(r"\d+\.\d+\.\d+", result.out)


@pytest.mark.parametrize("words", [[], ["nothing"], ["--nothing"], ["saliency"], ["methods", "x"]])
def test_a_mistake_is_2_and_on_stderr(call, words):
    result = call(*words)
    assert result.code == 2
    assert "Traceback" not in result.err
    assert result.err


def test_methods_lists_every_method_with_its_paper(call):
    text = call("methods").out
    for name in METHODS:
        (line,) = [line for line in text.splitlines() if line.split()[0] == name]
        assert re.search(r"\d{4}\.\d{4,5}", line)


@pytest.mark.parametrize("name", METHODS)
def test_methods_name_tells_parameters_defaults_and_laws(call, name):
    result = call("methods", name)
    assert result.code == 0
    assert "arXiv" in result.out
    assert "laws" in result.out
    record = strict(call("methods", name, "--json").out)
    assert record["name"] == name
    assert isinstance(record["parameters"], list)


def test_the_fixed_parameter_names(call):
    parameters = {
        name: {item["name"] for item in strict(call("methods", name, "--json").out)["parameters"]}
        for name in METHODS
    }
    assert parameters["gradient"] == set()
    assert parameters["smoothgrad"] >= {"samples", "noise", "of"}
    assert parameters["integrated-gradients"] >= {"steps", "max_steps", "rule"}


def test_methods_json_is_one_object(call):
    result = call("methods", "--json")
    assert len(result.out.splitlines()) == 1
    assert {item["name"] for item in strict(result.out)["methods"]} >= set(METHODS)


MODELS = ["sequential", "two_inputs", "custom_layer", "two_heads", "shapes", "sensors"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("load", [[], ["--load"]])
def test_inspect_json_is_one_object(call, samples, name, load):
    code = ["--code", samples / "custom_layer.py"] if name == "custom_layer" and load else []
    result = call("inspect", samples / f"{name}.keras", "--json", *load, *code)
    assert result.code == 0
    assert len(result.out.splitlines()) == 1
    record = strict(result.out)
    assert {"inputs", "outputs"} <= set(record)


def test_inspect_tells_names_shapes_and_heads(call, samples):
    text = call("inspect", samples / "two_inputs.keras").out
    assert "input_a" in text
    assert "input_b" in text
    assert "(5,)" in text
    text = call("inspect", samples / "two_heads.keras").out
    assert "kind" in text
    assert "size" in text
    assert "softmax" in text


def test_inspect_needs_no_code_and_names_what_is_missing(call, samples):
    result = call("inspect", samples / "custom_layer.keras")
    assert result.code == 0
    assert "Sine" in result.out
    assert "--code" in result.out


def test_inspect_load_proves_the_logits(call, samples):
    assert "proved" in call("inspect", samples / "shapes.keras", "--load").out


def test_inspect_of_no_model_is_4(call, samples, tmp_path):
    (tmp_path / "text.keras").write_text("hello")
    for name in ("nowhere.keras", "text.keras", samples / "inputs/sequential.npy"):
        result = call("inspect", name)
        assert result.code == 4
        assert "Traceback" not in result.err


def test_doctor(call):
    result = call("doctor")
    assert result.code == 0
    for word in ("tensorflow", "keras", "numpy", "CPU", "disk"):
        assert word in result.out
    assert isinstance(strict(call("doctor", "--json").out), dict)


def nan_weights(keras, path):
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1)])
    model.set_weights([np.full((4, 1), np.nan), np.zeros(1)])
    model.save(path)


def with_lambda(keras, path):
    layers = [keras.Input((4,), name="x"), keras.layers.Lambda(lambda x: x * 2)]
    keras.Sequential([*layers, keras.layers.Dense(1)]).save(path)


@pytest.mark.parametrize("make", [nan_weights, with_lambda])
def test_a_model_that_cannot_be_used_is_4(call, tmp_path, make):
    import keras

    make(keras, tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.zeros(4, "float32"))
    result = call("saliency", "m.keras", "x.npy", "--json")
    assert result.code == 4
    assert "Traceback" not in result.err
    assert [line["type"] for line in result.events()][-2:] == ["error", "summary"]
    assert call("inspect", "m.keras").code in (0, 4)


def test_a_file_with_a_layer_class_is_needed_by_a_custom_layer(call, samples, tmp_path):
    words = (samples / "custom_layer.keras", samples / "inputs/custom_layer.npy")
    result = call("saliency", *words)
    assert result.code == 4
    assert "Sine" in result.err
    assert "--code" in result.err
    assert call("saliency", *words, "--code", samples / "custom_layer.py").code == 0
    (tmp_path / "broken.py").write_text("def (")
    result = call("saliency", *words, "--code", "broken.py", "-o", "other")
    assert result.code in (2, 4)
    assert "broken.py" in result.err
    assert "Traceback" not in result.err


ENVIRONMENT = {"METHOD": "smoothgrad", "TARGET": "sum", "OUT": "there", "JSON": "1"}


@pytest.mark.parametrize("option", ENVIRONMENT)
def test_options_come_from_the_environment(call, samples, tmp_path, monkeypatch, option):
    monkeypatch.setenv(f"INPUTGRAD_SALIENCY_{option}", ENVIRONMENT[option])
    result = call("saliency", samples / "sequential.keras", samples / "inputs/sequential.npy")
    assert result.code == 0
    out = tmp_path / ("there" if option == "OUT" else "inputgrad-out")
    method = "smoothgrad" if option == "METHOD" else "gradient"
    target = ".sum" if option == "TARGET" else ""
    assert (out / f"sequential.npy.{method}{target}.npz").exists()
    if option == "JSON":
        assert strict(result.out.splitlines()[0])["type"] == "start"
    if option == "TARGET":
        assert '"target": "sum"' in (out / "journal.jsonl").read_text()


def test_a_bad_word_from_the_environment_names_the_variable(call, samples, monkeypatch):
    monkeypatch.setenv("INPUTGRAD_SALIENCY_SPACE", "outer")
    result = call("saliency", samples / "sequential.keras", samples / "inputs/sequential.npy")
    assert result.code == 2
    assert "INPUTGRAD_SALIENCY_SPACE" in result.err
