"""What a model's file tells of how it takes pixels, without TensorFlow's help."""

import json

import keras
import numpy as np
import pytest

from inputgrad_cli.data.preprocessing import LinearMap
from inputgrad_cli.model import resolve_preprocessing
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.preprocessing_detection.required_preprocessing import (
    find_preprocessing,
)
from tests.cli import draw, items
from tests.modelfile.preprocessing_detection.zoo import build, convolved, flips, kinds

L = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
OPAQUE = ("lambda", "own layer")


def sights(model):
    return find_preprocessing(json.loads(json.dumps(keras.saving.serialize_keras_object(model))))


def sight(model):
    (only,) = sights(model).values()
    return only


def chained(*layers):
    return keras.Sequential([keras.Input((24, 24, 3)), *layers, L.Conv2D(2, 3), L.Flatten()])


def test_every_scaling_is_seen_behind_every_augmentation():
    for augmentation, scaling, backbone in kinds():
        view = sight(build(augmentation, scaling, backbone))
        words = (augmentation, scaling, backbone, view)
        if augmentation in OPAQUE or scaling in OPAQUE:
            assert view.opaque, words
            assert view.preprocess.source == "assumed", words
        elif scaling == "none":
            assert (view.preprocess.source, view.opaque) == ("assumed", False), words
            assert "Conv2D" in view.doubt or "Dense" in view.doubt, words
        else:
            assert view.preprocess.name == "raw", words
            assert view.preprocess.source.startswith("model:"), words


def test_a_model_without_weights_scales_all_the_same():
    model = keras.Sequential([keras.Input((8, 8, 3)), L.Rescaling(1 / 255), L.Flatten()])
    assert sight(model).preprocess.source == "model:Rescaling"
    plain = keras.Sequential([keras.Input((8, 8, 3)), L.Flatten()])
    assert sight(plain).preprocess.source == "assumed"


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.Rescaling(2.0, offset=-1.0),
        lambda: L.Rescaling(255.0),
        lambda: L.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05, 0.05, 0.05]),
    ],
)
def test_scaling_that_fits_pixels_of_0_to_1_is_never_taken_for_raw(layer):
    view = sight(chained(layer()))
    assert view.preprocess.name == "unit"
    assert "0..1" in view.doubt


@pytest.mark.parametrize("layer", [L.BatchNormalization, L.LayerNormalization, L.Conv2DTranspose])
def test_a_layer_with_weights_is_no_preprocessing_and_is_named(layer):
    first = layer(3, 3, name="first") if layer is L.Conv2DTranspose else layer(name="first")
    view = sight(chained(L.ZeroPadding2D(), first, L.Rescaling(1 / 255.0)))
    assert view.preprocess.source == "assumed"
    assert f"'first' ({layer.__name__})" in view.doubt


@pytest.mark.parametrize(
    ("mean", "variance", "expected", "word"),
    [
        (0.45, 0.07, "unit", "mean of 0.45, as of pixels 0..1"),
        (118.0, 4500.0, "raw", "mean of 118, as of pixels 0..255"),
        (0.0, 1.0, "unit", "takes them as they come"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_moving_statistics_of_pixels_are_read(tmp_path, mean, variance, expected, word, nested):
    first, other = L.BatchNormalization(name="first"), L.BatchNormalization()
    parts = [first, L.Conv2D(2, 3), other, L.Flatten()]
    if nested:
        parts = [keras.Sequential(flips()), keras.Sequential(parts)]
    model = keras.Sequential([keras.Input((24, 24, 3)), *parts, L.Dense(2)])
    first.moving_mean.assign([mean] * 3)
    first.moving_variance.assign([variance] * 3)
    model.save(tmp_path / "m.keras")
    pixels = resolve_preprocessing(open_model(tmp_path / "m.keras"))
    (preprocess,), (doubt,) = pixels.inputs.values(), pixels.doubts.values()
    assert (preprocess.name, preprocess.source) == (expected, "assumed")
    assert "first' (BatchNormalization)" in doubt
    assert word in doubt


@pytest.mark.parametrize(("scale", "expected"), [(1.0, "unit"), (255.0, "raw")])
def test_what_a_normalization_was_adapted_to_is_read(tmp_path, scale, expected):
    adapted = L.Normalization()
    adapted.adapt(scale * np.random.default_rng(0).random((8, 24, 24, 3)).astype("float32"))
    chained(L.RandomFlip(), adapted).save(tmp_path / "m.keras")
    pixels = resolve_preprocessing(open_model(tmp_path / "m.keras"))
    assert [preprocess.name for preprocess in pixels.inputs.values()] == [expected]
    assert bool(pixels.doubts) == (expected == "unit")


def test_each_picture_input_has_its_own():
    a, b, c = (keras.Input((24, 24, 3), name=name) for name in "abc")
    tower = keras.Sequential([keras.Input((24, 24, 3)), *flips(), L.Conv2D(2, 3)])
    parts = [tower(L.Rescaling(1 / 255.0)(a)), tower(b), convolved(c - 100.0)]
    views = sights(keras.Model([a, b, c], [L.Flatten()(part) for part in parts]))
    names = {name: view.preprocess.name for name, view in views.items()}
    assert names == {"a": "raw", "b": "unit", "c": "raw"}
    assert "Conv2D" in views["b"].doubt


def test_a_shared_tower_scales_each_of_its_inputs():
    a, b = (keras.Input((24, 24, 3), name=name) for name in "ab")
    tower = keras.Sequential([keras.Input((24, 24, 3)), *flips(), L.Rescaling(1 / 255.0)])
    model = keras.Model([a, b], L.Subtract()([convolved(tower(a)), convolved(tower(b))]))
    assert {view.preprocess.name for view in sights(model).values()} == {"raw"}


def test_pictures_that_are_compared_before_they_are_scaled_are_raw():
    a, b = (keras.Input((24, 24, 3), name=name) for name in "ab")
    model = keras.Model([a, b], convolved(L.Rescaling(1 / 255.0)(L.Subtract()([a, b]))))
    assert {view.preprocess.name for view in sights(model).values()} == {"raw"}


def test_the_way_goes_on_behind_what_is_spread_over_time():
    video = keras.Input((4, 24, 24, 3))
    scaled = L.TimeDistributed(keras.Sequential([*flips(), L.Rescaling(1 / 255.0)]))(video)
    model = keras.Model(video, L.TimeDistributed(L.Conv2D(2, 3))(scaled))
    assert sight(model).preprocess.name == "raw"


def test_what_comes_behind_the_first_weights_is_not_looked_at():
    start = keras.Input((24, 24, 3))
    noise = L.Conv2D(3, 3, padding="same", name="first")(start)
    view = sight(keras.Model(start, L.Rescaling(255.0)(L.Subtract()([start, noise]))))
    assert view.preprocess.source == "assumed"
    assert "'first' (Conv2D)" in view.doubt


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_a_backbone_is_known_behind_nested_augmentation(depth):
    base = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, include_top=False
    )
    x = start = keras.Input((32, 32, 3))
    nest = keras.Sequential([keras.Input((32, 32, 3)), *flips()])
    for _ in range(depth):
        nest = keras.Sequential([nest])
    x = nest(x)
    assert sight(keras.Model(start, base(x))).preprocess.name == "tf"
    scaled = keras.applications.mobilenet_v2.preprocess_input(x)
    assert sight(keras.Model(start, base(scaled))).preprocess.name == "raw"


def reference(name):
    return [[[name, 0, 0, {}]]]


def test_graphs_and_operations_as_keras_2_wrote_them_are_followed():
    start = {"batch_shape": [None, 24, 24, 3], "name": "x"}
    nodes = [
        {"class_name": "InputLayer", "config": start, "name": "x", "inbound_nodes": []},
        {
            "class_name": "SlicingOpLambda",
            "config": {"name": "s", "function": "__operators__.getitem"},
            "name": "s",
            "inbound_nodes": [["x", 0, 0, {"slice_spec": 1}]],
        },
        {
            "class_name": "TFOpLambda",
            "config": {"name": "d", "function": "math.truediv"},
            "name": "d",
            "inbound_nodes": [["s", 0, 0, {"y": 127.5, "name": None}]],
        },
        {"class_name": "Conv2D", "config": {"name": "c"}, "inbound_nodes": reference("d")},
    ]
    config = {"layers": nodes, "input_layers": [["x", 0, 0]], "output_layers": [["c", 0, 0]]}
    for scaled in (True, False):
        if not scaled:
            nodes[3]["inbound_nodes"] = reference("s")
        (view,) = find_preprocessing({"class_name": "Functional", "config": config}).values()
        assert view.preprocess.name == ("raw" if scaled else "unit")
        assert scaled or "'c' (Conv2D)" in view.doubt


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([LinearMap(1 / 255)], False),
        ([LinearMap(1 / 127.5), LinearMap(1, -1)], False),
        ([LinearMap(1 / 255), LinearMap(1, -0.45), LinearMap(1 / 0.22)], False),
        ([LinearMap(1, -110.0)], False),
        ([LinearMap(2.0)], False),
        ([LinearMap(2.0), LinearMap(1, -1)], True),
        ([LinearMap(1, -0.5)], True),
        ([LinearMap(255.0)], True),
        ([LinearMap(1, -0.485), LinearMap(1 / 0.229)], True),
    ],
)
def test_what_fits_pixels_of_0_to_1_is_told_by_the_line(steps, expected):
    line = LinearMap()
    for step in steps:
        line = line.combine(step)
    assert line.expects_unit_range == expected


def as_saved(model):
    return json.loads(json.dumps(keras.saving.serialize_keras_object(model)))


def read_name(model):
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
    assert read_name(model) == expected


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
        assert read_name(model) == expected


def picture_and_table():
    image, meta = keras.Input((8, 8, 3), name="image"), keras.Input((2,), name="meta")
    seen = L.Flatten()(L.Rescaling(1 / 255.0)(image))
    return keras.Model([image, meta], L.Dense(2)(L.Concatenate()([meta, seen])))


def test_a_rescaling_is_found_behind_one_of_two_inputs(call, tmp_path):
    model = picture_and_table()
    model.save(tmp_path / "m.keras")
    draw(tmp_path / "a.png", (8, 8))
    np.save(tmp_path / "meta.npy", np.ones(2, np.float32))
    words = ("m.keras", "-i", "image=a.png", "-i", "meta=meta.npy", "-t", "unit:1", "--json")
    result = call("saliency", *words)
    assert result.code == 0
    assert not result.events("warning")
    from PIL import Image

    pixels = np.asarray(Image.open(tmp_path / "a.png"), np.float32)[None]
    expected = float(model([pixels, np.ones((1, 2), np.float32)])[0, 1])
    assert items(result)[0]["score"] == pytest.approx(expected, rel=1e-5)
