"""Models of several inputs: -i, pairs of directories, archives by name."""

import numpy as np
import pytest

from tests.cli import arrays, files, items


@pytest.fixture
def model(samples):
    return samples / "two_inputs.keras"


@pytest.fixture
def pair(samples):
    folder = samples / "inputs"
    return (
        "-i",
        f"input_a={folder / 'two_inputs_a.npy'}",
        "-i",
        f"input_b={folder / 'two_inputs_b.npy'}",
    )


@pytest.fixture
def folders(tmp_path):
    """Make two directories with a partner for each sample."""
    rng = np.random.default_rng(0)
    for side in "ab":
        (tmp_path / side / "deep").mkdir(parents=True)
        for name in ("one", "two", "deep/three"):
            np.save(tmp_path / side / f"{name}.npy", rng.normal(size=5).astype("float32"))
    return "-i", "input_a=a", "-i", "input_b=b"


def test_an_archive_and_two_files_agree(call, model, samples, pair):
    of_archive = items(
        call("saliency", model, samples / "inputs/two_inputs.npz", "--json", "-o", "a")
    )
    two = items(call("saliency", model, *pair, "--json", "-o", "b"))
    assert [item["score"] for item in of_archive] == [item["score"] for item in two]
    assert {item["input"] for item in two} == {"two_inputs_a.npy"}
    first, second = arrays(of_archive[0]["arrays"]), arrays(two[0]["arrays"])
    assert set(first) == set(second) == {"input_a", "input_b"}
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_the_item_is_named_after_the_first_i(call, model, pair):
    result = call("saliency", model, *pair[2:], *pair[:2], "--json")
    assert {item["input"] for item in items(result)} == {"two_inputs_b.npy"}


def test_wrt_leaves_the_other_input_out(call, model, samples):
    words = (model, samples / "inputs/two_inputs.npz", "--json")
    every = items(call("saliency", *words, "-o", "a"))[0]["arrays"]
    only_b = items(call("saliency", *words, "-o", "b", "--wrt", "input_b"))[0]["arrays"]
    assert set(arrays(only_b)) == {"input_b"}
    np.testing.assert_array_equal(arrays(only_b)["input_b"], arrays(every)["input_b"])


def test_directories_are_paired_by_name(call, model, folders, tmp_path):
    result = call("saliency", model, *folders, "--json")
    assert result.code == 0
    names = sorted(item["input"] for item in items(result))
    assert names == ["deep/three.npy", "one.npy", "two.npy"]
    expected = {f"{name}.gradient.npz" for name in names}
    assert {name for name in files(tmp_path / "inputgrad-out") if name.endswith("npz")} == expected


def test_directories_are_paired_whatever_the_suffix(call, model, folders, tmp_path):
    values = np.load(tmp_path / "b/one.npy")
    (tmp_path / "b/one.npy").unlink()
    np.savez(tmp_path / "b/one.npz", input_b=values)
    result = call("saliency", model, *folders, "--json")
    assert {item["input"]: item["status"] for item in items(result)}["one.npy"] == "ok"


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_missing_partner_fails_that_item(call, model, folders, tmp_path, side):
    (tmp_path / side / "one.npy").unlink()
    result = call("saliency", model, *folders, "--json")
    assert result.code == 3
    statuses = {item["input"]: item["status"] for item in items(result)}
    assert statuses == {"one.npy": "failed", "two.npy": "ok", "deep/three.npy": "ok"}
    (failed,) = [item for item in items(result) if item["status"] == "failed"]
    assert "one" in failed["error"]["message"]


@pytest.mark.parametrize("side", ["a", "b"])
def test_two_files_of_one_stem_in_a_directory_are_2(call, model, folders, tmp_path, side):
    np.savez(tmp_path / side / "one.npz", **{f"input_{side}": np.zeros(5, "float32")})
    result = call("saliency", model, *folders)
    assert result.code == 2
    assert "one.npy" in result.err
    assert "one.npz" in result.err
    assert not (tmp_path / "inputgrad-out/two.npy.gradient.npz").exists()


def test_a_file_beside_a_directory_serves_every_item(call, model, folders, tmp_path):
    np.save(tmp_path / "fixed.npy", np.ones(5, "float32"))
    result = call("saliency", model, *folders[:2], "-i", "input_b=fixed.npy", "--json")
    assert result.code == 0
    assert sorted(item["input"] for item in items(result)) == [
        "deep/three.npy",
        "one.npy",
        "two.npy",
    ]


@pytest.mark.parametrize("count", [2, 3])
def test_a_file_of_many_beside_a_directory_says_that_all_are_combined(
    call, model, folders, tmp_path, count
):
    np.save(tmp_path / "rows.npy", np.ones((count, 5), "float32"))
    words = (*folders[:2], "-i", "input_b=rows.npy", "--json")
    result = call("saliency", model, *words)
    assert len(items(result)) == 3 * count  # a file beside a directory serves every item
    warnings = [line for line in result.events("warning") if line["code"] == "crossed"]
    assert {line["input"] for line in warnings} == {item["input"] for item in items(result)}
    assert f"{count} samples of 'input_b'" in warnings[0]["message"]
    two_files = call("saliency", model, "-i", "input_a=a/one.npy", *words[2:], "-o", "two")
    assert len(items(two_files)) == count
    assert not [line for line in two_files.events("warning") if line["code"] == "crossed"]


def test_a_file_of_one_row_beside_a_directory_says_nothing(call, model, folders, tmp_path):
    np.save(tmp_path / "rows.npy", np.ones((1, 5), "float32"))
    result = call("saliency", model, *folders[:2], "-i", "input_b=rows.npy", "--json")
    assert (len(items(result)), result.events("warning")) == (3, [])


OWN = """
import keras

@keras.saving.register_keras_serializable("two")
class Difference(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(2)

    def call(self, pair):
        return self.dense(pair[0]) - self.dense(pair[1])
"""


@pytest.mark.parametrize("name", ["a", "pair", "pair/2"])
def test_inputs_that_only_the_opened_model_names_are_asked_for_by_these(call, tmp_path, name):
    (tmp_path / "own.py").write_text(OWN)
    scope = {}
    exec(OWN, scope)
    model = scope["Difference"]()
    model([np.ones((1, 5), "float32")] * 2)
    model.save(tmp_path / "own.keras")
    np.save(tmp_path / "a.npy", np.ones(5, "float32"))
    result = call("saliency", "own.keras", "--code", "own.py", "-i", f"{name}=a.npy")
    assert result.code == 2
    assert "the model's inputs are: pair/0 (5,) float32, pair/1" in result.err


def test_unequal_counts_are_2(call, model, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 5), "float32"))
    np.save(tmp_path / "b.npy", np.zeros((4, 5), "float32"))
    result = call("saliency", model, "-i", "input_a=a.npy", "-i", "input_b=b.npy")
    assert result.code == 2
    assert "3" in result.err
    assert "4" in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "input_a=a.npy"],
        ["-i", "nose=a.npy", "-i", "input_b=a.npy"],
        ["-i", "input_a=a.npy", "-i", "input_a=a.npy"],
        ["-i", "input_a=a.npy", "-i", "input_b=nowhere.npy"],
        ["-i", "input_a"],
        ["-i", "input_a="],
        ["-i", "input_a=a.npy", "-i", "input_b=a.npy", "a.npy"],
    ],
)
def test_mistaken_pairs_are_2(call, model, tmp_path, words):
    np.save(tmp_path / "a.npy", np.zeros(5, "float32"))
    result = call("saliency", model, *words)
    assert result.code == 2
    assert "Traceback" not in result.err


def test_a_positional_array_for_two_inputs_is_no_traceback(call, model, samples):
    result = call("saliency", model, samples / "inputs/two_inputs_a.npy")
    assert result.code in (2, 3)
    assert "Traceback" not in result.err
    assert "-i" in result.err


def test_an_archive_that_lacks_an_input_fails_and_names_it(call, model, tmp_path):
    np.savez(tmp_path / "x.npz", input_a=np.zeros(5, "float32"))
    result = call("saliency", model, "x.npz", "--json")
    assert result.code == 3
    assert "input_b" in items(result)[0]["error"]["message"]


def test_an_i_serves_a_model_of_one_input_too(call, samples):
    file = samples / "inputs/sequential.npy"
    assert call("saliency", samples / "sequential.keras", "-i", f"features={file}").code == 0


def test_a_changed_partner_is_computed_again(call, model, folders, tmp_path):
    call("saliency", model, *folders)
    np.save(tmp_path / "b/one.npy", np.full(5, 3, "float32"))
    again = items(call("saliency", model, *folders, "--json"))
    assert {item["input"]: item["status"] for item in again}["one.npy"] == "ok"
    assert [item["status"] for item in again].count("skipped") == 2


def test_disconnected_inputs_alone_fail(call, tmp_path):
    import keras

    input_one, two = keras.Input((2,), name="one"), keras.Input((2,), name="two")
    first = keras.layers.Dense(1, name="first")(input_one)
    second = keras.layers.Dense(1, name="second")(two)
    keras.Model([input_one, two], [first, second]).save(tmp_path / "apart.keras")
    np.savez(tmp_path / "x.npz", one=np.ones(2, "float32"), two=np.ones(2, "float32"))
    result = call("saliency", "apart.keras", "x.npz", "-t", "first/sum", "--wrt", "two", "--json")
    assert result.code == 3
    assert items(result)[0]["status"] == "failed"
    assert call("saliency", "apart.keras", "x.npz", "-t", "first/sum", "-o", "b").code == 0
