"""The law: class and score for a picture are those of `model.predict` on its pixels.

Where training must have fed something else, as nothing in the model scales, a warning says so.
"""

import json
import re

import keras
import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.interfaces.reader import ReadOptions
from tests.cli import metadata, strict
from tests.modelfile.preprocessing_detection.zoo import build, flips, kinds, picture

L = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
# Steps that share no factor with the twelve scalings, so that each of them comes up.
QUICK = [*kinds()[::7], *kinds()[3::5]]
CALLED = [kind for kind in kinds() if kind[:2] in {
    ("sequential", "255"), ("own layer", "lambda"), ("lambda", "own layer"),
    ("pipeline", "preprocess caffe"), ("lambda", "none"),
}]  # fmt: skip


@pytest.fixture
def shown(tmp_path):
    """Return the pixels of a picture file, and its path."""
    pixels = picture(3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return pixels.astype("float32")[np.newaxis], tmp_path / "a.png"


def saved(tmp_path, kind):
    keras.utils.set_random_seed(0)
    model = build(*kind)
    model.save(tmp_path / "m.keras")
    return model, tmp_path / "m.keras"


def predicted(model, pixels):
    return np.asarray(model(pixels, training=False))[0]


def fed(path, picture):
    """Return what the opened model is fed with for a picture file, the choice, and the doubts."""
    opened = api.load(path, trust=True)
    pixels = opened.resolve_preprocessing()
    options = ReadOptions(opened.signature.inputs, pixels.other, input_preprocess=pixels.inputs)
    samples = read_samples({None: picture.read_bytes()}, {None: picture}, options)
    return samples.arrays["picture"], pixels.get("picture"), pixels.doubts


def obey(tmp_path, shown, kind):
    pixels, path = shown
    model, file = saved(tmp_path, kind)
    given, preprocess, doubts = fed(file, path)
    if kind[1] == "none":
        assert (preprocess.name, preprocess.source) == ("unit", "assumed"), kind
        assert re.search(r"'\w+' \((Conv2D|Dense)\)", doubts["picture"]), kind
        np.testing.assert_allclose(given, pixels / 255, atol=1e-6)
    else:
        assert preprocess.name == "raw", (kind, preprocess, doubts)
        assert not doubts, kind
        np.testing.assert_allclose(
            predicted(model, given), predicted(model, pixels), atol=1e-5, err_msg=str(kind)
        )


def test_what_the_model_is_fed_gives_the_prediction_for_the_pixels(tmp_path, shown):
    assert len(QUICK) >= 40
    for kind in QUICK:
        obey(tmp_path, shown, kind)


@pytest.mark.slow
def test_the_whole_zoo_obeys(tmp_path, shown):
    for kind in kinds():
        obey(tmp_path, shown, kind)


@pytest.mark.parametrize("kind", CALLED, ids=" ".join)
def test_all_ways_to_ask_give_one_answer(call, tmp_path, shown, kind):
    pixels, path = shown
    model, file = saved(tmp_path, kind)
    code = ("--trust-model", "--code", "tests.modelfile.preprocessing_detection.zoo", "--json")
    words = ("saliency", file, path, "--space", "probability", *code)
    result = call(*words)
    assert result.code == 0, result.err
    (item,) = result.events("item")
    record = metadata(tmp_path / item["arrays"])["preprocess"]["picture"]
    run = strict((tmp_path / "inputgrad-out" / "run.json").read_text())["pixels"]["inputs"]
    looked = json.loads(call("inspect", file, "--load", *code).out)
    python = api.explain(api.load(file, trust=True), path, space="probability")
    records = [
        record,
        run["picture"],
        looked["loaded"]["preprocess"],
        python.metadata["preprocess"]["picture"],
    ]
    assert len({(record["name"], record["source"]) for record in records}) == 1
    assert python.metadata["score"] == pytest.approx(item["score"], abs=1e-6)
    codes = [event["code"] for event in result.events("warning")]
    assert ("preprocess-assumed" in codes) == (kind[1] == "none")
    scores = predicted(model, pixels if kind[1] != "none" else pixels / 255)
    assert item["target"]["index"] == [int(scores.argmax())]
    assert item["score"] == pytest.approx(float(scores.max()), abs=1e-5)
    again = call(*words)
    assert {event["status"] for event in again.events("item")} == {"skipped"}


def test_what_a_run_was_told_is_not_asked_again(spawn, tmp_path, shown):
    _, path = shown
    _, file = saved(tmp_path, ("none", "lambda", "plain"))
    words = ("saliency", file, path, "--trust-model", "--json")
    assert spawn(*words).code == 0
    again = spawn(*words, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert again.events("summary")[0]["skipped"] == 1
    assert "| tensorflow" not in again.err


def test_python_warns_where_pixels_are_a_guess(tmp_path, shown):
    _, path = shown
    _, file = saved(tmp_path, ("none", "none", "plain"))
    with pytest.warns(UserWarning, match="Conv2D.*0..1 is assumed.*preprocess="):
        api.explain(file, path)


class Net(keras.Model):
    """A subclassed model, whose file says nothing of its layers."""

    def __init__(self, factor):
        super().__init__()
        self.scale = L.Rescaling(factor)
        self.deep = L.Conv2D(4, 3)
        self.ends = keras.Sequential([L.GlobalAveragePooling2D(), L.Dense(3)])

    def call(self, inputs):
        return self.ends(self.deep(self.scale(inputs)))


def looked(model, name=None):
    """Return what computing shows of a model in memory."""
    from inputgrad_cli.engine.preprocessing_probe import probe_pixels
    from tests.small_networks import tape

    engine = tape(model)
    return probe_pixels(engine, name or engine.adapter.input_specs[0].name)


@pytest.mark.parametrize(("factor", "expected"), [(1 / 255.0, "raw"), (255.0, "unit")])
def test_a_subclassed_model_tells_by_computing(factor, expected):
    model = Net(factor)
    model(np.zeros((1, 24, 24, 3), "float32"))
    assert looked(model).preprocess.name == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x, "unit"),
        (lambda x: x[..., ::-1], "unit"),
        (lambda x: x + keras.random.normal((1, 24, 24, 3), stddev=8.0), "unit"),
        (lambda x: keras.ops.image.rgb_to_grayscale(x), "unit"),
        (lambda x: keras.ops.pad(x, [[0, 0], [9, 9], [9, 9], [0, 0]]), "unit"),
        (lambda x: x * 2.0 - 1.0, "unit"),
        (lambda x: keras.ops.clip(x, 0.0, 1.0), "unit"),
        (lambda x: x / 255.0, "raw"),
        (lambda x: x - 110.0, "raw"),
        (lambda x: x * 2.0, "raw"),
        (lambda x: keras.ops.log1p(x), "raw"),
        (lambda x: x - keras.ops.mean(x, axis=(1, 2), keepdims=True), "raw"),
    ],
)
def test_a_lambda_is_known_by_what_it_does_to_pixels(function, expected):
    own = L.Lambda(function, name="mine")
    view = looked(keras.Sequential([keras.Input((24, 24, 3)), own, L.Conv2D(2, 3), L.Flatten()]))
    assert view.preprocess.name == expected
    if expected == "unit":
        assert "'mine' (Lambda)" in view.doubt


class Weighing(L.Layer):
    """A layer of one's own that scales pixels and weighs them, which no look from outside tells."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 4))

    def call(self, inputs):
        return keras.ops.matmul(inputs / 255.0, self.kernel)


def test_a_layer_that_cannot_be_looked_into_is_said_to_be_one():
    view = looked(keras.Sequential([keras.Input((24, 24, 3)), Weighing(name="mine"), L.Flatten()]))
    assert view.preprocess.source == "assumed"
    assert "'mine' (Weighing) may scale them in code of its own" in view.doubt


def test_a_lambda_before_a_backbone_leaves_the_choice_to_it():
    base = keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, include_top=False
    )
    start = keras.Input((32, 32, 3))
    mine = L.Lambda(lambda x: x)(keras.Sequential(flips())(start))
    assert looked(keras.Model(start, base(mine))).preprocess.name == "tf"
    halved = L.Lambda(lambda x: x / 127.5 - 1)(mine)
    assert looked(keras.Model(start, base(halved))).preprocess.name == "raw"


def test_each_input_is_looked_at_by_itself():
    a, b = (keras.Input((24, 24, 3), name=name) for name in "ab")
    row = keras.Input((4,), name="row")
    parts = [
        L.Dense(2)(row),
        L.Flatten()(L.Conv2D(2, 3)(L.Lambda(lambda x: x)(a))),
        L.Flatten()(L.Conv2D(2, 3)(L.Lambda(lambda x: x / 255.0)(b))),
    ]
    model = keras.Model([row, a, b], parts)
    assert [looked(model, name).preprocess.name for name in "ab"] == ["unit", "raw"]


def test_computing_and_reading_the_file_agree():
    from inputgrad_cli.modelfile.preprocessing_detection.required_preprocessing import (
        find_preprocessing,
    )

    for kind in kinds()[1::5]:
        model = build(*kind)
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
        (read,) = find_preprocessing(config).values()
        if not read.opaque:
            assert looked(model).preprocess.name == read.preprocess.name, kind
