"""MODEL.inputgrad.toml settles preprocessing, labels and names; the command line wins."""

import json
import os
import shutil
import tomllib

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import UsageError
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.sidecar_settings import read_sidecar
from tests.modelfile.files import archive
from tests.processor_cost import limit_cost


@pytest.fixture
def model(tmp_path):
    return archive(tmp_path / "net.keras")


def written(model, text):
    model.with_name("net.inputgrad.toml").write_text(text)
    return read_sidecar(model)


def test_without_a_file_nothing_is_settled(model):
    assert read_sidecar(model) is None


def test_all_keys_are_read(model):
    text = 'preprocess = "tf"\nlabels = ["a", "b"]\nclass_order = [1, 0]\n[inputs]\nmine = "x"\n'
    result = written(model, text)
    assert result.preprocess.name == "tf"
    assert result.preprocess.source == "sidecar"
    assert result.resolve_input_name("mine") == "x"
    assert result.resolve_input_name("other") == "other"
    assert api.read_class_names(open_model(model)) == ("b", "a")


def test_what_an_input_is_shown_as_is_read(model):
    assert written(model, '[show]\nx = "spectrogram"\n').show == {"x": "spectrogram"}
    assert written(model, "").show == {}


def test_labels_may_stand_in_a_file_beside_it(model, tmp_path):
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "net.labels.txt").write_text("never\n")
    written(model, 'labels = "classes.txt"\n')
    file = open_model(model)
    assert api.read_class_names(file) == ("cat", "dog")
    (tmp_path / "asked.txt").write_text("one\n")
    assert api.read_class_names(file, tmp_path / "asked.txt") == ("one",)


def test_an_option_wins_over_the_sidecar(model):
    written(model, 'preprocess = "caffe"\n')
    file = open_model(model)
    assert (
        api.resolve_preprocessing(file).other.name,
        api.resolve_preprocessing(file).other.source,
    ) == (
        "caffe",
        "sidecar",
    )
    assert api.resolve_preprocessing(file, "torch").other.name == "torch"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\n", "'a' is not known"),
        ("preprocess = 3\n", "'preprocess' must be a text"),
        ('preprocess = "sepia"\n', "'preprocess' is 'sepia', which is not known"),
        ("labels = [1, 2]\n", "'labels' must be a list of texts"),
        ("labels = 5\n", "'labels' must be a list of texts"),
        ('class_order = "ab"\n', "'class_order' must be a list of whole numbers"),
        ("class_order = [true]\n", "'class_order' must be a list of whole numbers"),
        ('labels = ["a"]\nclass_order = [1]\n', "'class_order' must name each of the 1 labels"),
        ('labels = "none.txt"\n', "none.txt: cannot be read"),
        ("inputs = 3\n", "'inputs' must be a table"),
        ("show = 3\n", "'show' must be a table"),
        ("[show]\nx = 3\n", "'show' must be a table"),
        ('[show]\nx = "film"\n', "'show.x' is not known"),
        ('[inputs]\na = "x"\nb = "x"\n', "'inputs' gives one input two names"),
        ("preprocess = \n", "cannot be read"),
        ('preprocess = "mean=1e400,std=1"\n', "which is not known"),
        ('preprocess = "mean=0,std=inf"\n', "which is not known"),
        ("class_order = [0]\n", "'class_order' is the order of labels, and there are none"),
        (f"class_order = [{'9' * 5000}]\n", "it has too long a number"),
        (f"labels = {'[' * 3000}", "it is nested too deep"),
        (f'labels = ["{"z" * 1001}"]\n', "'labels' has a name of more than 1000 characters"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(text, words, model):
    model.with_name("net.inputgrad.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        api.read_class_names(open_model(model))
    sentence = caught.value.format_line()
    assert words in sentence
    assert "net.inputgrad.toml" in sentence
    assert "\n" not in sentence


def test_inspect_writes_one_and_never_over_another(call, samples, tmp_path):
    shutil.copy(samples / "shapes.keras", tmp_path)
    shutil.copy(samples / "shapes.labels.txt", tmp_path)
    assert call("inspect", "shapes.keras", "--write-sidecar").code == 0
    text = (tmp_path / "shapes.inputgrad.toml").read_text()
    table = tomllib.loads(text)
    assert table["preprocess"] == "raw"
    assert table["labels"][:2] == ["circle", "square"]
    assert '# picture = "picture"' in text
    assert json.loads(call("inspect", "shapes.keras", "--json").out)["preprocess"] == {
        "name": "raw",
        "source": "sidecar",
    }
    again = call("inspect", "shapes.keras", "--write-sidecar")
    assert again.code == 2
    assert "exists already" in again.err


@pytest.mark.parametrize("name", ['a"b\\c', "ünï cödé", "tab\there", "a/b"])
def test_any_name_can_be_written_and_read_again(name, tmp_path):
    from inputgrad_cli.data.signature import InputSpec
    from inputgrad_cli.modelfile.sidecar_settings import write_sidecar

    model = tmp_path / "net.keras"
    path = write_sidecar(model, (InputSpec(name, (2,)),), None, (name,))
    assert read_sidecar(model).labels == (name,)
    lines = path.read_text().splitlines()
    given = next(line for line in lines[lines.index("[inputs]") + 1 :])
    assert tomllib.loads(given.lstrip("# "))


def test_saliency_takes_it_and_records_where_from(call, samples, tmp_path):
    for name in ("shapes.keras", "two_inputs.keras"):
        shutil.copy(samples / name, tmp_path)
    (tmp_path / "shapes.inputgrad.toml").write_text(
        'preprocess = "unit"\nlabels = ["a", "b", "c", "d", "e"]\n'
    )
    picture = next((samples / "inputs" / "shapes").glob("*.png"))
    result = call("saliency", "shapes.keras", picture, "--json")
    assert result.code == 0
    assert result.events("item")[0]["target"]["label"] in list("abcde")
    run = json.loads((tmp_path / "inputgrad-out" / "run.json").read_text())
    assert run["options"]["labels"] == {"value": list("abcde"), "source": "sidecar"}
    assert run["options"]["preprocess"] == {"value": "unit", "source": "sidecar"}


def test_inputs_may_be_called_by_names_of_ones_own(call, samples, tmp_path):
    shutil.copy(samples / "two_inputs.keras", tmp_path)
    (tmp_path / "two_inputs.inputgrad.toml").write_text('[inputs]\nleft = "input_a"\n')
    a, b = (samples / "inputs" / f"two_inputs_{end}.npy" for end in "ab")
    result = call(
        "saliency", "two_inputs.keras", "-i", f"left={a}", "-i", f"input_b={b}", "--wrt", "left"
    )
    assert result.code == 0, result.err
    (path,) = (tmp_path / "inputgrad-out").glob("*.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert any("input_a" in key for key in arrays.files)


def test_files_may_use_the_users_own_names(call, samples, tmp_path):
    """An input called by another name in an archive or a list of objects is found all the same."""
    (tmp_path / "m.keras").write_bytes((samples / "two_inputs.keras").read_bytes())
    (tmp_path / "m.inputgrad.toml").write_text('[inputs]\nleft = "input_a"\nright = "input_b"\n')
    with np.load(samples / "inputs" / "two_inputs.npz") as stored:
        named = {"left": stored["input_a"], "right": stored["input_b"]}
        np.savez(tmp_path / "model.npz", **stored)
    np.savez(tmp_path / "own.npz", **named)
    rows = [{n: a[i].tolist() for n, a in named.items()} for i in range(len(named["left"]))]
    (tmp_path / "own.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    assert call("saliency", "m.keras", "own.npz", "own.jsonl", "model.npz").code == 0
    result = [
        np.load(tmp_path / "inputgrad-out" / f"{name}.gradient.npz")["input_a"]
        for name in ("own.npz", "own.jsonl", "model.npz")
    ]
    np.testing.assert_allclose(result[0], result[1], atol=1e-6)
    np.testing.assert_array_equal(result[0], result[2])


def refused(model, text):
    model.with_name("net.inputgrad.toml").write_text(text)
    file = open_model(model)
    with pytest.raises(UsageError) as caught:
        api.read_class_names(file)
    sentence = caught.value.format_line()
    assert sentence.isprintable()
    assert len(sentence) < 600
    return sentence


def test_settings_name_only_regular_files_in_the_folder_of_the_model(model, tmp_path):
    outside = tmp_path.parent / f"{tmp_path.name}.txt"
    outside.write_text("a\nb\n")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to(outside)
    (tmp_path / "zeros.txt").symlink_to("/dev/zero")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    for name in (outside, f"../{outside.name}", "/dev/zero", "link.txt", "zeros.txt", "."):
        assert "does not lie in the folder" in refused(model, f'labels = "{name}"\n')
    for name in ("pipe", "folder", "gone.txt"):
        refused(model, f'labels = "{name}"\n')
    refused(model, 'labels = "a\\u0000b"\n')
    (tmp_path / "folder" / "in.txt").write_text("a\nb\n")
    (tmp_path / "near.txt").symlink_to("folder/in.txt")
    for name in ("folder/in.txt", "near.txt", f"{tmp_path}/folder/in.txt"):
        written(model, f'labels = "{name}"\n')
        assert api.read_class_names(open_model(model)) == ("a", "b")


DEEP = {
    "dots": ".".join(["a"] * 100_000) + " = 1",
    "quoted-dots": ".".join(['"a"'] * 100_000) + " = 1",
    "spaced-dots": " . ".join(["a"] * 100_000) + " = 1",
    "table": f"[{'.'.join(['a'] * 100_000)}]",
    "many-tables": "\n".join(f"[{'.'.join([f'a{n}'] * 300)}]" for n in range(300)),
    "lists": f"labels = {'[' * 50_000}",
    "inline": f"labels = {'{a=' * 50_000}",
    "behind-a-text": 'labels = ["."]\n' + ".".join(["a"] * 100_000) + " = 1",
    "digits": f"labels = {'9' * 100_000}",
    "large": "#" * ((4 << 20) + 1),
}


@pytest.mark.parametrize("kind", DEEP)
def test_deep_settings_are_refused_at_once(kind, model):
    with limit_cost(jobs=75):
        refused(model, DEEP[kind] + "\n")


def test_names_with_dots_are_no_deep_keys(model):
    names = ", ".join(f'"a.b.{index}"' for index in range(2000))
    assert len(written(model, f"labels = [{names}]  # one. two.\n").labels) == 2000


@pytest.mark.parametrize(
    "text", ['labels = ["a\\u001b"]', '[inputs]\n"a\\u0000" = "x"', 'columns = ["\\u202e"]']
)
def test_settings_hold_no_control_characters(text, model):
    assert "control character" in refused(model, text + "\n")


def test_settings_that_are_no_regular_file_are_none(model):
    os.mkfifo(model.with_name("net.inputgrad.toml"))
    os.mkfifo(model.with_name("net.labels.txt"))
    assert read_sidecar(model) is None
    assert api.read_class_names(open_model(model)) == ()
