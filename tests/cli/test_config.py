"""Options from a file and from the environment."""

import json

import pytest


@pytest.fixture
def table(samples):
    return "saliency", samples / "sequential.keras", samples / "inputs/sequential.npy"


@pytest.fixture
def config(tmp_path):
    """Write a file and return the words that name it."""

    def config(text, name="c.toml"):
        (tmp_path / name).write_text(text)
        return ("--config", name)

    return config


def options(tmp_path, out="inputgrad-out"):
    return json.loads((tmp_path / out / "run.json").read_text())["options"]


def test_values_come_from_the_table(call, table, config, tmp_path):
    text = """
    [saliency]
    method = ["gradient", "smoothgrad:samples=2"]
    target = "sum"
    out = "there"
    seed = 3
    tolerance = 1
    batch-size = 2
    input-range = [0, 255]
    strict = true
    """
    assert call(*table, *config(text)).code == 0
    record = options(tmp_path, "there")
    assert record["method"] == {"value": ["gradient", "smoothgrad:samples=2"], "source": "config"}
    assert record["target"] == {"value": ["sum"], "source": "config"}
    assert record["tolerance"] == {"value": 1.0, "source": "config"}
    assert record["batch_size"] == {"value": 2, "source": "config"}
    assert record["strict"] == {"value": True, "source": "config"}
    assert record["config"] == {"value": "c.toml", "source": "commandline"}
    assert record["space"]["source"] == "default"


def test_the_command_line_wins_then_the_environment(call, table, config, tmp_path, monkeypatch):
    words = config('[saliency]\nseed = 3\nspace = "output"\nclip = 90\n')
    monkeypatch.setenv("INPUTGRAD_SALIENCY_SEED", "4")
    monkeypatch.setenv("INPUTGRAD_SALIENCY_SPACE", "auto")
    assert call(*table, *words, "--seed", "5").code == 0
    record = options(tmp_path)
    assert record["seed"] == {"value": 5, "source": "commandline"}
    assert record["space"] == {"value": "auto", "source": "environment"}
    assert record["clip"] == {"value": 90.0, "source": "config"}


def test_every_option_but_trust_can_come_from_the_environment(call, table, tmp_path, monkeypatch):
    values = {
        "METHOD": "gradient smoothgrad:samples=2",
        "PICTURE": "none",
        "STRICT": "1",
        "JUNIT": "j.xml",
        "OUT": "there",
        "JSON": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"INPUTGRAD_SALIENCY_{name}", value)
    result = call(*table)
    assert result.code == 0
    assert len(result.events("item")) == 16
    assert (tmp_path / "j.xml").exists()
    record = options(tmp_path, "there")
    assert {record[n.lower()]["source"] for n in values} == {"environment"}


def test_the_file_itself_may_be_named_by_the_environment(
    call, table, config, tmp_path, monkeypatch
):
    _, name = config("[saliency]\nseed = 3\n")
    monkeypatch.setenv("INPUTGRAD_SALIENCY_CONFIG", name)
    assert call(*table).code == 0
    assert options(tmp_path)["seed"] == {"value": 3, "source": "config"}


def test_no_file_is_read_that_is_not_named(call, table, config, tmp_path):
    for name in ("inputgrad.toml", "config.toml", "saliency.toml"):
        config("[saliency]\nseed = 3\n", name)
    assert call(*table).code == 0
    assert options(tmp_path)["seed"] == {"value": 0, "source": "default"}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[saliency]\nsede = 3\n", "sede"),
        ("seed = 3\n", "seed"),
        ("[render]\ncmap = 'x'\n", "render"),
        ("saliency = 3\n", "saliency"),
        ("[saliency]\nseed = '3'\n", "seed"),
        ("[saliency]\nseed = true\n", "seed"),
        ("[saliency]\nseed = 1.5\n", "seed"),
        ("[saliency]\nclip = '9'\n", "clip"),
        ("[saliency]\nstrict = 1\n", "strict"),
        ("[saliency]\nstrict = 'yes'\n", "strict"),
        ("[saliency]\nspace = 3\n", "space"),
        ("[saliency]\nmethod = 3\n", "method"),
        ("[saliency]\nmethod = ['gradient', 3]\n", "method"),
        ("[saliency]\nout = ['a']\n", "out"),
        ("[saliency]\nbatch-size = 2.5\n", "batch-size"),
        ("[saliency.seed]\nx = 1\n", "seed"),
        ("[saliency]\ntrust-model = true\n", "trust-model"),
        ("[saliency]\ntrust_model = true\n", "trust_model"),
        ("[saliency]\nconfig = 'd.toml'\n", "config"),
        ("[saliency\n", "TOML"),
        ("[saliency]\nseed = 1\nseed = 2\n", "TOML"),
    ],
)
def test_a_mistake_is_2_and_names_key_and_file(call, table, config, tmp_path, text, key):
    result = call(*table, *config(text, "my.toml"))
    assert result.code == 2
    assert key in result.err
    assert "my.toml" in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "inputgrad-out").exists()


@pytest.mark.parametrize(
    "text", ["space = 'other'", "seed = -1", "batch-size = 0", "input-range = [3, 1]"]
)
def test_a_value_out_of_range_is_2_and_names_the_file(call, table, config, text):
    result = call(*table, *config(f"[saliency]\n{text}\n", "my.toml"))
    assert result.code == 2
    assert "--" + text.split()[0] in result.err
    assert "my.toml" in result.err


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_file_that_cannot_be_read_is_2(call, table, name):
    result = call(*table, "--config", name)
    assert result.code == 2
    assert name in result.err
    assert "Traceback" not in result.err


def test_trust_never_comes_from_the_environment(call, table, tmp_path, monkeypatch):
    monkeypatch.setenv("INPUTGRAD_SALIENCY_TRUST_MODEL", "1")
    assert call(*table).code == 0
    assert options(tmp_path)["trust_model"] == {"value": False, "source": "default"}


def test_paths_are_relative_to_the_working_directory(call, table, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/c.toml").write_text('[saliency]\nout = "there"\n')
    assert call(*table, "--config", "deep/c.toml").code == 0
    assert (tmp_path / "there/run.json").exists()
    assert "as on the command line" in " ".join(call("saliency", "--help").out.split())
