"""What is drawn is what is stored: the end of every colour scale is a value of the file.

For every method and every kind of picture: under `--clip 100` the scale ends at the largest
absolute value of the stored array, its channels reduced to one value a place; channels that are
copies of one value count once. Where several maps are on one scale, that of `top:K` for example, it
ends at the largest value of the maps on it (`tests/cli/pictures/test_scale_of_top.py`).
"""

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api
from inputgrad_cli.data.map_record import MapRecord
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.errors import UsageError
from inputgrad_cli.methods import methods
from inputgrad_cli.option_choices import REDUCTIONS
from inputgrad_cli.rendering import pictures

FEW = {"grid": 2, "samples": 16, "stride": 4, "window": 4, "steps": 16}
LOOSE = 1e6  # what is drawn is no less what is stored where few steps miss the sum
REDUCED = {
    "sum": lambda v: v.sum(-1),
    "l2": lambda v: np.sqrt((v**2).sum(-1)),
    "max-abs": lambda v: np.abs(v).max(-1),
    "mean-abs": lambda v: np.abs(v).mean(-1),
    "positive": lambda v: np.maximum(v, 0).sum(-1),
    "negative": lambda v: np.maximum(-v, 0).sum(-1),
}


def quick(cls):
    """Return a method as written, with parameters that make it quick."""
    least = {f.name: f.metadata["least"] or 0 for f in dataclasses.fields(cls) if f.metadata}
    words = [f"{n}={value}" for n, value in FEW.items() if value >= least.get(n, np.inf)]
    return cls.name + (":" + ",".join(words) if words else "")


METHODS = [
    *(quick(cls) for cls in methods),
    *(f"{cls.name}:relu=false" for cls in methods if hasattr(cls, "relu")),
    "rise:samples=16,centred=true",
    "smoothgrad:samples=2,of='occlusion:window=4,stride=4'",
    "feature-ablation:segments=features",
    "feature-ablation:segments=superpixels,grid=2",
]


def save(path, order="channels_last", words=0):
    """Save a small classifier of pictures, or of squares of ids that are looked up first."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    shape = (16, 16) if words else (16, 16, 3) if order == "channels_last" else (3, 16, 16)
    x = start = keras.Input(shape, name="x", dtype="int32" if words else "float32")
    x = layers.Embedding(words, 5)(x) if words else x
    x = layers.Permute((2, 3, 1))(x) if order == "channels_first" else x
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.Conv2D(4, 3, strides=2, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    keras.Model(start, layers.Dense(3, activation="softmax")(x)).save(path)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Return the attribution of a picture by every method."""
    home = tmp_path_factory.mktemp("models")
    save(home / "m.keras")
    rng = np.random.default_rng(5)
    x = rng.random((1, 16, 16, 3), np.float32)
    np.save(home / "some.npy", rng.random((3, 16, 16, 3), np.float32))
    model = api.load(home / "m.keras")
    cache = {}
    for text in METHODS:
        needs = methods.get(text.partition(":")[0]).needs
        baseline = f"dataset:path={home / 'some.npy'}" if needs == "dataset" else None
        options = {"target": "1", "baseline": baseline, "tolerance": LOOSE}
        cache[text] = api.explain(model, {"x": x[0]}, method=text, **options)
    return cache


def reduce_map(attribution, reduction=None):
    """Return the map (H, W) that is to be drawn, worked out from what is stored alone."""
    ((site, values),) = attribution.values.items()
    own = (
        MapRecord.from_json(attribution.metadata)
        .axes.to_channels_last(values, site)
        .astype(np.float64)
    )
    if own.shape[-1] > 1 and np.array_equal(own, np.broadcast_to(own[..., :1], own.shape)):
        own = own[..., :1]
    return REDUCED[reduction or attribution.metadata["reduce"]](own)


def text_of(drawing):
    with Image.open(io.BytesIO(drawing.png)) as picture:
        return json.loads(picture.text["inputgrad"])


SEEN = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)


@pytest.mark.parametrize("kind", pictures.list_names())
@pytest.mark.parametrize("method", METHODS)
def test_the_scale_ends_at_the_largest_stored_value(maps, method, kind, bars):
    flat = reduce_map(maps[method])
    largest = np.abs(flat).max()
    assert largest > 0, "nothing is shown by a map of zeros"
    text = text_of(api.render(maps[method], SEEN, style=Style(kind=kind, clip=100)))
    assert text["scale"]["high"] == pytest.approx(largest, rel=1e-6)
    assert text["scale"]["low"] in (0.0, -text["scale"]["high"])
    if kind == "panel":
        low, *_, high = bars.pop()
        assert float(high) == pytest.approx(largest, rel=5e-4)
        assert float(low) == pytest.approx(text["scale"]["low"], rel=5e-4)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_so_it_does_under_every_reduction(maps, method, reduction):
    largest = np.abs(reduce_map(maps[method], reduction)).max()
    drawing = api.render(maps[method], SEEN, style=Style(reduce=reduction, clip=100))
    assert drawing.scale.limit == pytest.approx(largest, rel=1e-6)


@pytest.mark.parametrize("space", ["logit", "probability"])
@pytest.mark.parametrize("method", METHODS)
def test_zero_is_in_the_middle_where_the_method_can_go_below_it(maps, method, space):
    """The values at hand decide nothing; a mean of scores is signed unless it is a probability."""
    attribution = maps[method]
    if attribution.metadata["sign"] == "either":
        values = {site: np.abs(array) for site, array in attribution.values.items()}
        metadata = {**attribution.metadata, "space": space}
        attribution = dataclasses.replace(attribution, values=values, metadata=metadata)
    metadata, reduction = attribution.metadata, attribution.metadata["reduce"]
    is_signed = {"signed": True, "positive": False, "either": space == "logit"}[metadata["sign"]]
    scale = api.render(attribution, style=Style(clip=100)).scale
    assert scale.signed == (is_signed and reduction == "sum")
    if not scale.signed:
        assert (reduce_map(attribution) >= 0).all()


def test_those_that_cannot_be_negative_say_so(maps):
    for name in ("grad-cam", "score-cam", "sobol:grid=2,samples=16", "vargrad:samples=16"):
        assert maps[name].metadata["sign"] == "positive"
        assert (reduce_map(maps[name]) >= 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_panel_says_what_a_value_is(maps, method):
    meta = maps[method].metadata
    text = text_of(api.render(maps[method], style=Style(kind="heatmap")))
    assert text["quantity"] == meta["quantity"].replace("{space}", meta["space"])
    assert text["bar"].startswith(text["quantity"])
    assert "{" not in text["bar"]


@pytest.mark.parametrize(("order", "words"), [("channels_first", 0), ("channels_last", 9)])
def test_so_it_does_where_channels_come_first_and_at_embeddings(tmp_path, order, words):
    save(tmp_path / "m.keras", order, words)
    rng = np.random.default_rng(5)
    x = rng.integers(1, words, (16, 16)) if words else rng.random((3, 16, 16), np.float32)
    model, copies = api.load(tmp_path / "m.keras", traced=True), set()
    for text in METHODS:
        try:
            cache = api.explain(model, {"x": x}, method=text, target="1", tolerance=LOOSE)
        except UsageError:  # it needs something else, a dataset or a picture
            continue
        largest = np.abs(reduce_map(cache)).max()
        drawing = api.render(cache, style=Style(clip=100))
        assert drawing.scale.limit == pytest.approx(largest, rel=1e-6), text
        copies |= {cache.metadata["method"]["name"]} if cache.metadata.get("copied") else set()
    assert {"occlusion", "feature-ablation", "lime", "kernel-shap", "rise", "sobol"} <= copies


@pytest.fixture
def bars(monkeypatch):
    """Note what every upright colour bar names, from its lower end to its upper end."""
    from inputgrad_cli.rendering.images import named_tiles

    noted, draw_bar = [], named_tiles.draw_upright_bar

    def noting(canvas, bar, box):
        texts, write = [], canvas.write

        def keep(point, text, *args, **kwargs):
            texts.append((point[1], text.replace("\u2212", "-")))
            write(point, text, *args, **kwargs)

        monkeypatch.setattr(canvas, "write", keep)
        draw_bar(canvas, bar, box)
        noted.append([text for _, text in sorted(texts, reverse=True) if text[-1].isdigit()])

    monkeypatch.setattr(named_tiles, "draw_upright_bar", noting)
    return noted


@pytest.mark.parametrize("method", ["gradient", "input-x-gradient"])
def test_the_bar_of_a_flat_map_names_zero_alone(maps, method, bars):
    zeros = {site: np.zeros_like(a) for site, a in maps[method].values.items()}
    flat = dataclasses.replace(maps[method], values=zeros)
    assert api.render(flat, style=Style(kind="panel")).flat
    assert bars == [["0"]]


def test_a_scale_of_zero_stays_on_the_side_of_its_sign():
    from inputgrad_cli.data.pictures.picture_style import Scale

    assert Scale(2.0, signed=True).low == -2.0
    assert Scale(2.0, signed=False).low == 0.0
    assert str(Scale(0.0, signed=True).low) == "0.0"  # a label of -0 would name two zeros
