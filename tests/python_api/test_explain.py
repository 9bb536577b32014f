"""One call for several methods and targets, and for a Keras model that lives in this process."""

import gc
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

import inputgrad_cli
from inputgrad_cli import api
from inputgrad_cli.errors import ModelError, UsageError

L = keras.layers
X = np.linspace(-1, 1, 10, dtype=np.float32)[np.newaxis]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Return the file of a model of three classes."""
    keras.utils.set_random_seed(1)
    network = keras.Sequential([keras.Input((10,)), L.Dense(6, "tanh"), L.Dense(3)])
    path = tmp_path_factory.mktemp("model") / "m.keras"
    network.save(path)
    return path


@pytest.fixture(scope="module")
def model(path):
    return api.load(path)


def list_targets(attributions):
    return [(a.metadata["method"]["label"], a.metadata["target"]["asked"]) for a in attributions]


def assert_close(left, right):
    for site, values in right.values.items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(left.values[site], values, atol=1e-5 * scale)


def test_lists_give_a_list_with_methods_outermost(model):
    methods, targets = ["gradient", "input-x-gradient"], ["class:0", "class:1"]
    both = api.explain(model, X, method=methods, target=targets)
    pairs = [(m, t) for m in methods for t in targets]
    assert list_targets(both) == pairs
    for attribution, (method, target) in zip(both, pairs, strict=True):
        assert_close(attribution, api.explain(model, X, method=method, target=target))


def test_one_list_is_enough_and_a_list_of_one_is_a_list(model):
    assert list_targets(api.explain(model, X, target=("class:1",))) == [("gradient", "class:1")]
    twice = api.explain(model, X, method=["gradient", "smoothgrad:samples=2"])
    assert [method for method, _ in list_targets(twice)] == ["gradient", "smoothgrad"]
    assert len(api.explain(model, X, target=["top:2"])) == 2
    assert isinstance(api.explain(model, X), inputgrad_cli.Attribution)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": []}, "method is an empty list"),
        ({"target": ["class:0", 3]}, "target is a int, not text"),
        ({"target": "top:2"}, "makes 2 maps"),
    ],
)
def test_what_no_list_can_be_made_of_is_refused(model, arguments, message):
    with pytest.raises(UsageError, match=message):
        api.explain(model, X, **arguments)


def test_a_live_model_has_the_maps_of_its_file(path):
    live = keras.models.load_model(path)
    weights = [np.array(weight) for weight in live.get_weights()]
    assert_close(
        api.explain(live, X, method="integrated-gradients"),
        api.explain(path, X, method="integrated-gradients"),
    )
    for before, after in zip(weights, live.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    with pytest.raises(UsageError, match="9"):
        api.explain(live, X, target="class:9")


class Doubled(L.Layer):
    """A layer that is registered nowhere."""

    def call(self, x):
        return 2 * x


def test_layers_of_its_own_and_lambdas_are_those_of_this_process():
    class Inner(Doubled):
        pass

    live = keras.Sequential(
        [
            keras.Input((10,)),
            L.Lambda(lambda x: 3 * x),
            Doubled(),
            Inner(),
            L.Dense(1, use_bias=False),
        ]
    )
    (values,) = api.explain(live, X).values.values()
    np.testing.assert_allclose(values[0], 12 * np.asarray(live.layers[-1].kernel)[:, 0], rtol=1e-5)


def test_the_file_of_a_live_model_goes_with_it(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    live = keras.Sequential([keras.Input((10,)), L.Dense(2)])
    opened = api.load(live)
    live.layers[0].kernel.assign(np.zeros((10, 2)))
    assert np.abs(api.explain(opened, X).values[opened.signature.inputs[0].name]).max() > 0
    assert [path.name for path in tmp_path.rglob("*.keras")] == ["model.keras"]
    assert len(opened.file.sha256) == 64
    del opened
    gc.collect()
    assert not list(tmp_path.rglob("*.keras"))


def test_a_live_model_that_cannot_be_saved_is_refused_in_a_sentence():
    class Odd(L.Layer):
        def __init__(self, size):
            super().__init__()
            self.size = size

        def call(self, x):
            return x * self.size[0]

    live = keras.Sequential([keras.Input((10,)), Odd([2.0]), L.Dense(2)])
    with pytest.raises(ModelError) as caught:
        api.explain(live, X)
    assert "Traceback" not in caught.value.format_line()


def test_optimize_takes_a_live_model():
    live = keras.Sequential([keras.Input((10,)), L.Dense(2)])
    result = inputgrad_cli.optimize(live, X, goal="fgsm:eps=0.1", target="class:1")
    assert isinstance(result, inputgrad_cli.Optimization)


def test_the_interface_lists_its_verbs_and_nothing_else():
    names = {name for name in dir(inputgrad_cli) if not name.startswith("__")}
    assert names == {
        *("Attribution", "Model", "Optimization"),
        *("explain", "load", "optimize", "read", "render"),
    }


def test_a_path_may_be_text_or_a_path(path):
    assert_close(api.explain(str(path), X), api.explain(Path(path), X))
