"""What a careful reader found once: each of these was silently wrong, or fell over."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from inputgrad_cli import api
from inputgrad_cli.errors import ItemError, UsageError
from inputgrad_cli.modelfile.pixels.preprocessing import find_preprocessing
from tests.cli import items, metadata

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
    targets = [f"{head}/{number}" for head in "ab" for number in range(10)]
    words = [word for target in [*targets, "a/margin:1,2"] for word in ("-t", target)]
    assert call("saliency", "m.keras", "x.npy", *words).code == 0
    for target in ("a/3", "b/3", "b/9"):
        word = target.replace("/", "-class")
        found = np.load(tmp_path / "inputgrad-out" / f"x.npy.gradient.{word}.npz")["x"]
        alone = api.explain(tmp_path / "m.keras", tmp_path / "x.npy", target=target)
        np.testing.assert_allclose(found, alone.values["x"], atol=1e-6)


def as_saved(model):
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def told(model):
    """Return the preprocessing that the file of a model of one input tells."""
    (sight,) = find_preprocessing(as_saved(model)).values()
    return sight.preprocess.name


@pytest.mark.parametrize(
    ("name", "first", "expected"),
    [
        ("mobilenet_flowers", L.Rescaling(1 / 127.5, offset=-1), "raw"),
        ("resnet_cifar", L.ZeroPadding2D(), "unit"),
        ("vgg16", L.ZeroPadding2D(), "unit"),
    ],
)
def test_a_name_alone_settles_no_preprocessing(tmp_path, name, first, expected):
    layers = [keras.Input((32, 32, 3)), first, L.Conv2D(2, 3), L.Flatten(), L.Dense(2)]
    model = keras.Sequential(layers, name=name)
    assert told(model) == expected


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("MobileNetV2", "tf"),
        ("MobileNet", "tf"),
        ("ResNet50", "caffe"),
        ("ResNet50V2", "tf"),
        ("VGG16", "caffe"),
        ("DenseNet121", "torch"),
        ("InceptionV3", "tf"),
        ("Xception", "tf"),
        ("EfficientNetB0", "raw"),
        ("MobileNetV3Small", "raw"),
    ],
)
def test_a_known_backbone_is_known_by_name_and_layers(build, expected):
    base = getattr(keras.applications, build)(
        input_shape=(96, 96, 3), weights=None, include_top=False
    )
    nest = keras.Sequential([base, L.GlobalAveragePooling2D(), L.Dense(2)])
    for model in (base, nest):
        assert told(model) == expected


def test_other_labels_are_another_question(call, samples, tmp_path):
    names = (samples / "shapes.labels.txt").read_text().split()
    words = ("saliency", samples / "shapes.keras", samples / "inputs" / "shapes" / "00-cross.png")
    for order in (names, names[::-1]):
        (tmp_path / "labels.txt").write_text("\n".join(order))
        result = call(*words, "--labels", "labels.txt", "-t", "class:star", "--json")
        (item,) = items(result)
        assert item["status"] == "ok"
        assert item["target"]["index"] == [order.index("star")]


def test_edited_code_is_another_question(call, samples, tmp_path):
    code = (samples / "custom_layer.py").read_text()
    words = (samples / "custom_layer.keras", samples / "inputs" / "custom_layer.npy")
    for number in range(2):
        (tmp_path / "own.py").write_text(code + f"\nEDITED = {number}\n")
        result = call("saliency", *words, "--code", "own.py", "--json")
        assert {item["status"] for item in items(result)} == {"ok"}


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


def mixing_operation():
    x = keras.Input((3,), name="x")
    return keras.Model(x, L.Dense(1)(x - keras.ops.mean(x, axis=0, keepdims=True)))


def mixing_softmax():
    return keras.Sequential([keras.Input((3,), name="x"), L.Softmax(axis=0), L.Dense(1)])


@pytest.mark.filterwarnings("ignore:.*softmax over axis 0:UserWarning")  # of one sample alone
@pytest.mark.parametrize("build", [mixing_operation, mixing_softmax])
def test_mixing_by_keras_own_operations_is_found(explain, rng, build):
    model = build()
    x = rng.normal(size=(5, 3)).astype(np.float32)
    whole, one = explain(model, x), explain(model, x[3:4])
    np.testing.assert_array_equal(whole.values["x"][3], one.values["x"][0])


def test_a_reshape_behind_the_sigmoid_keeps_unit_and_logit_together(explain, rng):
    layers = [L.Dense(6), L.Reshape((2, 3)), L.Activation("sigmoid"), L.Reshape((3, 2))]
    model = keras.Sequential([keras.Input((4,)), *layers])
    x = rng.normal(size=(2, 4)).astype(np.float32)
    found = explain(model, x, target="unit:1,0")
    assert found.metadata["space"] == "logit"
    logistic = 1 / (1 + np.exp(-np.array(found.metadata["score"])))
    np.testing.assert_allclose(logistic, np.asarray(model(x))[:, 1, 0], rtol=1e-5)


@keras.saving.register_keras_serializable("nasty")
class Shaking(L.Layer):
    def call(self, x):
        return x * tf.random.normal(tf.shape(x))


@pytest.mark.parametrize("traced", [False, True])
def test_draws_of_tensorflows_own_are_seeded(explain, rng, traced):
    model = keras.Sequential([keras.Input((6,), name="x"), Shaking(), L.Dense(1)])
    x = rng.normal(size=(2, 6)).astype(np.float32)
    first, again, other = (
        explain(model, x, traced=traced, seed=seed).values["x"] for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_number_is_a_class_whatever_the_labels_are(call, samples, tmp_path):
    (tmp_path / "digits.txt").write_text("1\n2\n3\n4\n0\n")
    picture = samples / "inputs" / "shapes" / "00-cross.png"
    words = ("saliency", samples / "shapes.keras", picture, "--labels", "digits.txt", "--json")
    for target in ("2", "class:2"):
        assert items(call(*words, "-t", target, "-o", "o" + target[:1]))[0]["target"]["index"] == [
            2
        ]


def test_records_of_mixed_targets_are_each_samples_own(call, tmp_path, rng):
    two_heads(3).save(tmp_path / "m.keras")
    np.save(tmp_path / "x.npy", rng.normal(size=(4, 4)).astype(np.float32))
    rows = ["a/0", "b/1", "a/sum", '"a/margin:0,1"']
    (tmp_path / "t.csv").write_text("input,target\n" + "".join(f"x.npy,{row}\n" for row in rows))
    result = call("saliency", "m.keras", "x.npy", "-t", "file:t.csv", "--json")
    asked = [item["target"]["asked"] for item in items(result)]
    assert asked == ["a/0", "b/1", "a/sum", "a/margin:0,1"]
    assert [item["target"]["output"] for item in items(result)] == ["a", "b", "a", "a"]
    told = metadata(tmp_path / "inputgrad-out" / "x.npy.gradient.file-t-csv-63bcab.npz")
    assert told["target"]["asked"] == asked


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


def shared_embedding():
    a, b = (keras.Input((3,), dtype="int32", name=name) for name in "ab")
    table = L.Embedding(9, 2, name="table")
    return keras.Model([a, b], L.Dense(1)(L.Flatten()(table(a)) * 2.0 - L.Flatten()(table(b))))


def test_two_inputs_of_one_embedding(explain):
    inputs = {"a": np.array([[1, 2, 3]]), "b": np.array([[4, 5, 6]])}
    found = explain(shared_embedding(), inputs).values
    np.testing.assert_allclose(found["a"], -2 * found["b"], rtol=1e-6)


def test_a_layer_may_be_site_and_target_at_once(explain, rng):
    layers = [keras.Input((4,)), L.Dense(3, name="hidden"), L.Dense(1)]
    x = rng.normal(size=(1, 4)).astype(np.float32)
    found = explain(keras.Sequential(layers), x, wrt="layer:hidden", target="layer:hidden/unit:1")
    np.testing.assert_allclose(found.values["layer:hidden"], [[0, 1, 0]])


def test_logits_before_the_site_cannot_be_asked_for(explain, rng):
    layers = [keras.Input((4,)), L.Dense(3), L.Softmax(name="soft")]
    x = rng.normal(size=(1, 4)).astype(np.float32)
    with pytest.raises(UsageError, match="--space output"):
        explain(keras.Sequential(layers), x, wrt="layer:soft", target="class:1")


@pytest.mark.parametrize("traced", [False, True])
def test_texts_of_any_length(tmp_path, traced):
    layers = [L.Embedding(9, 2), L.GlobalAveragePooling1D(), L.Dense(1)]
    model = keras.Sequential([keras.Input((None,), dtype="int32", name="ids"), *layers])
    model.save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras", traced=traced)
    for length in (3, 5, 4):
        found = api.explain(opened, np.ones((2, length), np.int32))
        assert found.values["ids"].shape == (2, length, 2)


@pytest.mark.parametrize("traced", [False, True])
def test_masks_on_pictures_of_any_size(tmp_path, rng, traced):
    layers = [L.Conv2D(2, 3, padding="same", activation="softmax")]
    keras.Sequential([keras.Input((None, None, 3), name="x"), *layers]).save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras", traced=traced)
    for size in ((8, 10), (6, 6)):
        mask = np.zeros(size, bool)
        mask[2:4, 2:5] = True
        np.save(tmp_path / "mask.npy", mask)
        x = rng.normal(size=(1, *size, 3)).astype(np.float32)
        found = api.explain(opened, x, target=f"mask:{tmp_path}/mask.npy,class=1")
        assert found.values["x"].shape == x.shape


def test_one_target_without_way_does_not_spoil_the_other(call, tmp_path):
    x, z = keras.Input((2,), name="x"), keras.Input((2,), name="z")
    model = keras.Model([x, z], {"a": L.Dense(2, name="a")(x), "b": L.Dense(2, name="b")(z)})
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "s.npz", x=np.ones(2), z=np.ones(2))
    words = ("saliency", "m.keras", "s.npz", "--wrt", "x", "--json")
    assert call(*words, "-t", "a/0", "-t", "a/1").code == 0
    result = call(*words, "-t", "a/0", "-t", "a/1", "-t", "b/0")
    assert result.code == 3
    told = [(item["target"]["asked"], item["status"]) for item in items(result)]
    assert told == [("a/0", "skipped"), ("a/1", "skipped"), ("b/0", "failed")]


def test_tokens_and_blame_with_a_fixed_batch(explain):
    ids = keras.Input(batch_shape=(4, 5), dtype="int32", name="ids")
    table = keras.ops.reshape(L.Embedding(9, 2)(ids), (4, 10))
    found = explain(keras.Model(ids, L.Dense(1)(table)), np.ones((3, 5), np.int32))
    assert len(found.metadata["tokens"]) == 3
    x = keras.Input(batch_shape=(2, 3), name="x")
    wall = keras.Model(x, keras.ops.round(keras.ops.reshape(x, (2, 3))))
    with pytest.raises(ItemError, match="Round"):
        explain(wall, np.ones((3, 3), np.float32), target="sum")


def test_another_layer_may_be_asked_for_later(tmp_path, rng):
    layers = [keras.Input((4,)), L.Dense(3, name="hidden"), L.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    opened = api.load(tmp_path / "m.keras")
    x = rng.normal(size=(1, 4)).astype(np.float32)
    api.explain(opened, x)
    assert api.explain(opened, x, target="layer:hidden/unit:0").metadata["target"]["index"] == [[0]]
    with pytest.raises(UsageError, match="load it once more"):
        api.explain(opened, x, precision="model")
    with pytest.raises(UsageError, match="first axis is the sample"):
        api.explain(opened, x, target="loss:mse", truth=[0, 1, 0])


def test_the_temporary_files_of_a_run_inside_are_its_own(call, samples, tmp_path):
    inner = tmp_path / "out" / "inner"
    inner.mkdir(parents=True)
    (inner / ".lock").write_text("")
    (inner / ".ig-999-x.tmp").write_text("live")
    (tmp_path / "out" / ".ig-1-x.tmp").write_text("left")
    words = (samples / "sequential.keras", samples / "inputs" / "sequential.npy")
    assert call("saliency", *words, "-o", "out").code == 0
    assert (inner / ".ig-999-x.tmp").exists()
    assert not (tmp_path / "out" / ".ig-1-x.tmp").exists()
