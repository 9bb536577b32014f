"""Class names of every kind on the command line: in targets, files, fingerprints and resume."""

import json

import keras
import numpy as np
import pytest

from tests.cli import arrays, files, items

L = keras.layers
NAMES = [
    "red cross",
    "a,b",
    "a:b",
    "a/b",
    "a=b",
    "#1",
    'say "hi"',
    "it's",
    "🐶",
    "🐱",
    "קשת",
    " cat",
    "cat ",
    "all",
    "top1",
    "top:2",
    "sum",
    "auto",
    "3",
    "football",
    "x,class=1",
]


@pytest.fixture
def model(tmp_path):
    """Save a linear model of as many classes as there are names, and one row."""
    x = keras.Input((4,), name="x")
    built = keras.Model(x, L.Dense(len(NAMES), name="y")(x))
    built.save(tmp_path / "m.keras")
    np.save(tmp_path / "row.npy", np.ones(4, np.float32))
    (tmp_path / "l.json").write_text(json.dumps(NAMES))
    (tmp_path / "turned.json").write_text(json.dumps(NAMES[::-1]))
    return built.layers[-1].kernel.numpy()


WORDS = ("saliency", "m.keras", "row.npy", "--json", "--picture", "none")


def quoted(name):
    return '"' + name.replace('"', '\\"') + '"'


def test_every_name_is_a_target_with_files_and_a_fingerprint_of_its_own(call, model, tmp_path):
    targets = [word for name in NAMES for word in ("-t", f"class:{quoted(name)}")]
    whole = items(call(*WORDS, *targets, "--labels", "l.json"))
    assert [item["target"]["index"] for item in whole] == [[n] for n in range(len(NAMES))]
    assert [item["target"]["label"] for item in whole] == NAMES
    for index, item in enumerate(whole):
        np.testing.assert_allclose(arrays(item["arrays"])["x"], model[:, index], rtol=1e-6)
    assert len(files(tmp_path / "inputgrad-out")) == len(NAMES)

    again = items(call(*WORDS, *targets, "--labels", "l.json"))
    assert {item["status"] for item in again} == {"skipped"}

    turned = items(call(*WORDS, *targets, "--labels", "turned.json"))
    same = [item["target"]["asked"] for item in turned if item["status"] == "skipped"]
    assert same == [targets[1::2][len(NAMES) // 2]]  # it stands where it stood
    for item in turned:
        if item["status"] != "skipped":
            index = NAMES[::-1].index(item["target"]["label"])
            assert item["target"]["asked"] == f"class:{quoted(NAMES[::-1][index])}"
            assert item["target"]["index"] == [index]
            np.testing.assert_allclose(arrays(item["arrays"])["x"], model[:, index], rtol=1e-6)


def test_names_stand_in_tables_of_targets_and_in_margins(call, model, tmp_path):
    rows = [f'row.npy,"class:{quoted("a,b")}"'.replace('"a,b"', '""a,b""')]
    (tmp_path / "t.csv").write_text("input,target\n" + "\n".join(rows) + "\n")
    margin = f"margin:{quoted('a,b')},{quoted(' cat')}"
    of_table, two = items(call(*WORDS, "-t", "file:t.csv", "-t", margin, "--labels", "l.json"))
    assert of_table["target"]["index"] == [1]
    assert two["target"]["index"] == [[1], [11]]


def test_a_label_told_of_a_number_or_of_auto_is_never_an_old_one(call, model):
    for target in ("2", "auto", "top1"):
        for file in ("l.json", "turned.json"):
            (item,) = items(call(*WORDS, "-t", target, "--labels", file))
            assert item["status"] == "ok"
            names = NAMES if file == "l.json" else NAMES[::-1]
            assert item["target"]["label"] == names[item["target"]["index"][0]]


def test_a_name_that_another_targets_file_has_is_not_replaced(call, tmp_path, model):
    (tmp_path / "two.json").write_text(json.dumps(["a b", "a-b", *NAMES[2:]]))
    words = (*WORDS, "--labels", "two.json")
    (first,) = items(call(*words, "-t", "class:a b"))
    for _ in range(2):
        result = call(*words, "-t", "class:a-b")
        assert result.code == 3
        assert items(result)[0]["error"]["kind"] == "exists"
    np.testing.assert_allclose(arrays(first["arrays"])["x"], model[:, 0], rtol=1e-6)
    assert items(call(*words, "-t", "class:a b"))[0]["status"] == "skipped"
    both = items(call(*words, "-t", "class:a b", "-t", "class:a-b", "-o", "both"))
    assert len({item["arrays"] for item in both}) == 2


def test_the_same_target_in_other_words_is_the_same_file(call, model):
    call(*WORDS, "-t", "2", "--labels", "l.json")
    result = call(*WORDS, "-t", "class:2", "--labels", "l.json")
    assert result.code == 0, result.err


def test_several_numbers_that_nothing_calls_classes_are_no_silent_choice(call, model):
    assert "takes the largest" in call("saliency", "m.keras", "row.npy").err
    quiet = ("-o", "named", "--labels", "l.json")
    assert "takes the largest" not in call("saliency", "m.keras", "row.npy", *quiet).err
    assert "takes the largest" not in call("saliency", "m.keras", "row.npy", "-t", "unit:1").err


def test_two_units_of_a_layer_are_two_maps(call, tmp_path):
    layers = [keras.Input((5,), name="x"), L.Dense(4, name="hidden"), L.Dense(1)]
    built = keras.Sequential(layers)
    built.save(tmp_path / "n.keras")
    np.save(tmp_path / "x.npy", np.ones(5, np.float32))
    targets = ["hidden/unit:0", "hidden/unit:1", "hidden#0/unit:2", "hidden/sum", "hidden/norm"]
    words = [word for target in targets for word in ("-t", f"layer:{target}")]
    result = call("saliency", "n.keras", "x.npy", "--json", *words)
    assert result.code == 0, result.err
    kernel = built.layers[0].kernel.numpy()
    expected = [kernel[:, 0], kernel[:, 1], kernel[:, 2], kernel.sum(axis=1)]
    for item, gradient in zip(items(result), expected, strict=False):
        np.testing.assert_allclose(arrays(item["arrays"])["x"], gradient, rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "label"), [("auto", "class 1"), ("class:1", "class 1"), ("class:0", "class 0")]
)
def test_one_sigmoid_unit_has_a_label_without_names(call, tmp_path, target, label):
    x = keras.Input((3,), name="x")
    keras.Model(x, L.Dense(1, activation="sigmoid")(x)).save(tmp_path / "s.keras")
    np.save(tmp_path / "x.npy", np.ones(3, np.float32))
    (item,) = items(call("saliency", "s.keras", "x.npy", "-t", target, "--json"))
    assert item["target"]["label"] == label
    assert item["probability"] is not None
    (tmp_path / "l.txt").write_text("no\nyes\n")
    words = ("-t", target, "--json", "--labels", "l.txt", "-o", "named")
    (item,) = items(call("saliency", "s.keras", "x.npy", *words))
    assert item["target"]["label"] == ("yes" if label == "class 1" else "no")


def test_a_number_is_a_class_whatever_the_labels_are(call, samples, tmp_path):
    (tmp_path / "digits.txt").write_text("1\n2\n3\n4\n0\n")
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    words = ("saliency", samples / "shapes.keras", picture, "--labels", "digits.txt", "--json")
    for target in ("2", "class:2"):
        assert items(call(*words, "-t", target, "-o", "o" + target[:1]))[0]["target"]["index"] == [
            2
        ]


def test_labels_of_another_number_are_refused(call, samples, tmp_path):
    (tmp_path / "four.txt").write_text("a\nb\nc\nd\n")
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    result = call("saliency", samples / "shapes.keras", picture, "--labels", "four.txt")
    assert result.code == 2
    assert "4 class names, and 5 classes" in result.err
