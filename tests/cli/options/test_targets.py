"""What is differentiated, and in which space."""

import keras
import numpy as np
import pytest

from inputgrad_cli import api
from tests.cli import arrays, items


@pytest.fixture
def ask(call, samples):
    """Return the one item and the one array of a target."""

    def ask(target, *words, model="shapes.keras", file="inputs/shapes/00-cross.png"):
        label = "".join(letter if letter.isalnum() else "-" for letter in f"{target}{words}")
        common = ("--json", "--picture", "none", "-o", label[-80:])
        result = call("saliency", samples / model, samples / file, "-t", target, *common, *words)
        assert result.code == 0, result.err
        item = items(result)[0]
        return item, next(iter(arrays(item["arrays"]).values()))

    return ask


@pytest.fixture
def refuse(call, samples):
    """Return the message of a target that is refused."""

    def refuse(target, *words, model="shapes.keras", file="inputs/shapes/00-cross.png"):
        result = call("saliency", samples / model, samples / file, "-t", target, *words)
        assert result.code == 2
        assert "Traceback" not in result.err
        return result.err

    return refuse


def test_auto_top1_number_and_name_are_the_same_unit(ask):
    of_auto, first = ask("auto")
    for target in ("top1", "4", "class:4", "class:cross", "unit:4", "shape/top1"):
        item, array = ask(target)
        assert item["target"]["index"] == [4]
        assert item["target"]["label"] == "cross"
        assert item["target"]["asked"] == target
        np.testing.assert_array_equal(array, first)
    assert of_auto["score"] > 5


def test_a_margin_is_the_difference_of_two_gradients(ask):
    _, gradient = ask("class:4")
    _, two = ask("class:1")
    item, margin = ask("margin:4,1")
    np.testing.assert_allclose(margin, gradient - two, rtol=1e-3, atol=1e-5)
    assert item["score"] > 0


def test_sum_and_mean_differ_by_the_number_of_classes(ask):
    (total, of_sum), (mean, two) = ask("sum"), ask("mean")
    assert total["score"] == pytest.approx(5 * mean["score"], rel=1e-4)
    np.testing.assert_allclose(of_sum, 5 * two, rtol=1e-3, atol=1e-6)


def test_max_and_norm(ask):
    top, _ = ask("top1")
    assert ask("max")[0]["score"] == pytest.approx(top["score"], rel=1e-5)
    assert ask("norm")[0]["score"] >= top["score"]


def test_logit_and_probability(ask):
    logit, of_logit = ask("top1")
    probability, two = ask("top1", "--space", "probability")
    assert (logit["space"], probability["space"]) == ("logit", "probability")
    assert logit["score"] > 1 > probability["score"] > 0.99
    assert np.abs(two).max() < np.abs(of_logit).max()
    assert ask("top1", "--space", "logit")[0]["score"] == logit["score"]


def test_a_logit_that_the_model_lacks_is_refused(refuse):
    words = {"model": "sequential.keras", "file": "inputs/sequential.npy"}
    assert "--space" in refuse("auto", "--space", "logit", **words)


def test_a_regression_model_has_its_output_as_space(ask):
    item, _ = ask("auto", model="sequential.keras", file="inputs/sequential.npy")
    assert item["space"] == "output"


def test_two_heads_need_a_head_and_list_the_choices(refuse):
    message = refuse("auto", model="two_heads.keras", file="inputs/two_heads.npy")
    assert "kind" in message
    assert "size" in message


@pytest.mark.parametrize(("target", "output"), [("kind/top1", "kind"), ("size/sum", "size")])
def test_a_head_is_chosen_by_its_name(ask, target, output):
    item, array = ask(target, model="two_heads.keras", file="inputs/two_heads.npy")
    assert item["target"]["output"] == output
    assert item["target"]["asked"] == target
    assert array.shape[1:] == (6,)


def test_an_unknown_head_is_refused(refuse):
    refuse("nose/top1", model="two_heads.keras", file="inputs/two_heads.npy")


def test_a_target_between_vector_and_scalar_is_refused_with_choices(refuse):
    message = refuse("auto", model="sensors.keras", file="inputs/sensors_fault.npy")
    assert "loss:reconstruction" in message or "unit:" in message


@pytest.mark.parametrize("target", ["class:1", "top1", "1"])
def test_a_class_of_an_output_with_further_axes_points_to_units(refuse, target):
    message = refuse(target, model="sensors.keras", file="inputs/sensors_fault.npy")
    assert "unit:" in message


def test_reconstruction_is_the_mean_squared_difference(ask, samples):
    import keras

    item, array = ask("loss:reconstruction", model="sensors.keras", file="inputs/sensors_fault.npy")
    model = keras.saving.load_model(samples / "sensors.keras", compile=False)
    first = np.load(samples / "inputs/sensors_fault.npy")[:1].astype("float32")
    expected = float(np.mean((np.asarray(model(first)) - first) ** 2))
    assert item["score"] == pytest.approx(expected, rel=1e-4)
    assert array.shape[1:] == first.shape[1:]


@pytest.mark.parametrize("words", ["1.5", "t.npy"])
def test_truth_of_many_samples_gives_the_loss_of_each(call, samples, tmp_path, words):
    np.save(tmp_path / "t.npy", np.full((8, 1), 1.5, "float32"))
    call_ = ("saliency", samples / "sequential.keras", samples / "inputs/sequential.npy", "--json")
    plain = items(call(*call_, "-o", "plain"))
    result = call(*call_, "-t", "loss:mse", "--truth", words)
    assert result.code == 0, result.err
    losses = [item["score"] for item in items(result)]
    assert losses == pytest.approx([(item["score"] - 1.5) ** 2 for item in plain], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "input,value\nb.npy,2\na.npy,1\nc.npy,3\n"),
        ("t.txt", "1\n2\n3\n"),
    ],
)
def test_truth_of_single_samples_by_name_or_in_order(call, samples, tmp_path, name, text):
    (tmp_path / "in").mkdir()
    (tmp_path / name).write_text(text)
    for letter, row in zip("abc", np.load(samples / "inputs/sequential.npy"), strict=False):
        np.save(tmp_path / f"in/{letter}.npy", row)
    call_ = ("saliency", samples / "sequential.keras", "in", "--json")
    plain = {item["input"]: item["score"] for item in items(call(*call_, "-o", "plain"))}
    result = call(*call_, "-t", "loss:mse", "--truth", name)
    assert result.code == 0, result.err
    truth = {"a.npy": 1, "b.npy": 2, "c.npy": 3}
    for item in items(result):
        expected = (plain[item["input"]] - truth[item["input"]]) ** 2
        assert item["score"] == pytest.approx(expected, rel=1e-4)


def test_truth_of_another_count_is_no_silent_success(call, samples, tmp_path):
    np.save(tmp_path / "t.npy", np.zeros((3, 1), "float32"))
    words = (samples / "sequential.keras", samples / "inputs/sequential.npy")
    result = call("saliency", *words, "-t", "loss:mse", "--truth", "t.npy")
    assert result.code in (2, 3)
    assert "--truth" in result.err


def test_a_loss_that_keras_lacks_is_named(refuse):
    words = {"model": "sequential.keras", "file": "inputs/sequential.npy"}
    assert "no_such_loss" in refuse("loss:no_such_loss", "--truth", "1", **words)


def test_labels_by_option_as_lines_and_as_json(ask, tmp_path):
    (tmp_path / "l.txt").write_text("a\nb\nc\nd\ne\n")
    (tmp_path / "l.json").write_text('["a", "b", "c", "d", "e"]')
    for name in ("l.txt", "l.json"):
        assert ask("class:e", "--labels", name)[0]["target"]["index"] == [4]


@pytest.fixture
def sigmoid(tmp_path):
    import keras

    layers = [keras.Input((3,), name="x"), keras.layers.Dense(1, activation="sigmoid")]
    model = keras.Sequential(layers)
    model.set_weights([np.array([[1.0], [2.0], [3.0]]), np.array([0.5])])
    model.save(tmp_path / "sigmoid.keras")
    np.save(tmp_path / "x.npy", np.array([0.1, 0.2, 0.3], "float32"))
    return "sigmoid.keras", "x.npy"


@pytest.mark.parametrize(
    ("target", "sign"), [("auto", 1), ("class:1", 1), ("unit:0", 1), ("class:0", -1)]
)
def test_one_sigmoid_unit_is_two_classes(call, sigmoid, target, sign):
    (item,) = items(call("saliency", *sigmoid, "-t", target, "--json"))
    assert item["space"] == "logit"
    assert item["score"] == pytest.approx(sign * 1.9, rel=1e-4)
    np.testing.assert_allclose(arrays(item["arrays"])["x"], sign * np.array([1, 2, 3]), rtol=1e-5)


def test_class_0_in_probability_space_is_the_rest_to_one(call, sigmoid):
    words = ("--json", "--space", "probability", "-t", "class:0", "-t", "class:1")
    zero, of_one = items(call("saliency", *sigmoid, *words))
    assert zero["score"] + of_one["score"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("target", ["0", "1"])
def test_a_bare_number_of_one_sigmoid_unit_is_refused_with_choices(call, sigmoid, target):
    result = call("saliency", *sigmoid, "-t", target)
    assert result.code == 2
    for word in ("class:0", "class:1", "unit:0"):
        assert word in result.err


L = keras.layers


def two_heads(units=10):
    x = keras.Input((4,), name="x")
    hidden = L.Dense(8, activation="tanh")(x)
    return keras.Model(
        x, {"a": L.Dense(units, name="a")(hidden), "b": L.Dense(units, name="b")(hidden)}
    )


def test_many_targets_of_several_heads_are_each_of_their_own_head(call, tmp_path, rng):
    model = two_heads()
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", rng.normal(size=(3, 4)).astype(np.float32))
    targets = [f"{head}/{index}" for head in "ab" for index in range(10)]
    words = [word for target in [*targets, "a/margin:1,2"] for word in ("-t", target)]
    assert call("saliency", "m.keras", "x.npy", *words).code == 0
    for target in ("a/3", "b/3", "b/9"):
        word = target.replace("/", "-class")
        array = np.load(tmp_path / "inputgrad-out" / f"x.npy.gradient.{word}.npz")["x"]
        alone = api.explain(tmp_path / "m.keras", tmp_path / "x.npy", target=target)
        np.testing.assert_allclose(array, alone.values["x"], atol=1e-6)


def test_truth_goes_with_the_item_and_not_with_its_place(call, tmp_path, rng):
    keras.Sequential([keras.Input((3,), name="x"), L.Dense(1)]).save(tmp_path / "m.keras")
    for name in ("p", "q"):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=3).astype(np.float32))
    (tmp_path / "truth.txt").write_text("1\n5\n")
    words = ("-t", "loss:mse", "--truth", "truth.txt", "--json")
    first = items(call("saliency", "m.keras", "p.npy", "q.npy", *words))
    second = items(call("saliency", "m.keras", "q.npy", "p.npy", *words))
    assert [item["status"] for item in second] == ["ok", "ok"]
    assert first[0]["score"] != second[1]["score"]
    (tmp_path / "truth.txt").write_text("1\n5\n7\n")
    assert call("saliency", "m.keras", "p.npy", "q.npy", *words).code == 2


def test_the_two_classes_of_a_sigmoid_are_told_apart(call, tmp_path):
    model = keras.Sequential([keras.Input((3,), name="x"), L.Dense(1, activation="sigmoid")])
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", np.ones(3, np.float32))
    out = call("saliency", "m.keras", "x.npy", "-t", "class:0", "-t", "class:1").out
    assert "class 0" in out
    assert "class 1" in out


def test_targets_by_sample_may_be_named_as_the_tool_names_them(call, samples, tmp_path):
    rows = "".join(f"two_heads.npy#{n},kind/class:{n % 3}\n" for n in range(4))
    (tmp_path / "t.csv").write_text("input,target\n" + rows)
    words = (samples / "two_heads.keras", samples / "inputs" / "two_heads.npy")
    result = call("saliency", *words, "-t", "file:t.csv", "--json")
    assert [item["target"]["index"] for item in items(result)] == [[0], [1], [2], [0]]
