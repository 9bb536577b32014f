"""Why a model could not be opened is told by its cause, not by what Keras wraps around it."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError
from tests.modelfile.files import archive, layer, sequential

DATA = Path(__file__).with_name("data")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

HEAD = "import keras\nfrom keras import layers\n"
LAYER = """
class Own(layers.Layer):
    def __init__(self, units=3{more}):
        super().__init__({handed})
        self.units = units
    def call(self, x):
        {call}
    def get_config(self):
        return {config}
"""
MODEL = """
class Own(keras.Model):
    def __init__(self, units{default}):
        super().__init__()
        self.units, self.last = units, layers.Dense(units)
    def call(self, x):
        return self.last(x)
    def get_config(self):
        return {config}
"""
WHOLE = '{**super().get_config(), "units": self.units}'
WITHOUT = "{k: v for k, v in super().get_config().items()}"
PASS = "return x * 1.0"
# Source as saved, source as opened (where it differs), words of the cause, words of the mend.
FAULTS = {
    "layer-without-kwargs": (
        LAYER.format(more="", handed="", call=PASS, config=WHOLE), None,
        "unexpected keyword argument 'name'", "**kwargs",
    ),
    "model-without-kwargs": (
        MODEL.format(default="", config='{"units": 3, "trainable": True}'), None,
        "unexpected keyword argument 'trainable'", "**kwargs",
    ),
    "model-that-forgets": (
        MODEL.format(default="", config="{}"), None, "required positional argument: 'units'",
        "get_config return every argument",
    ),
    "layer-that-forgets": (
        LAYER.format(more=", **kwargs", handed="**kwargs", call=PASS, config=WITHOUT),
        LAYER.format(more=", **kwargs", handed="**kwargs", call=PASS, config=WITHOUT)
        .replace("units=3", "units"),
        "required positional argument: 'units'", "get_config return every argument",
    ),
    "call-that-fails": (
        LAYER.format(more=", **kwargs", handed="**kwargs", call=PASS, config=WHOLE),
        LAYER.format(more=", **kwargs", handed="**kwargs", call="return lost(x)", config=WHOLE),
        "name 'lost' is not defined", "--code",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_class_of_the_users_that_cannot_be_made_says_why(name, tmp_path):
    import keras

    from inputgrad_cli.engine.opening.user_code import import_code

    saved, opened, words, mend = FAULTS[name]
    word = name.replace("-", "_")
    for at, text in ((f"{word}_saved", saved), (f"{word}_opened", opened or saved)):
        (tmp_path / f"{at}.py").write_text(HEAD + text)
    own = import_code([str(tmp_path / f"{word}_saved.py")])["Own"]
    model = own(3) if "model" in name else keras.Sequential([keras.Input((4,)), own(3)])
    model(np.ones((1, 4), np.float32))
    model.save(tmp_path / "a.keras")
    with pytest.raises(ModelError) as caught:
        api.load(tmp_path / "a.keras", code=[str(tmp_path / f"{word}_opened.py")])
    sentence = caught.value.format_line()
    assert words in sentence
    assert mend in sentence
    assert not {"\n", "config=", "{'"} & set(sentence.split(" "))
    assert "..." not in sentence


def test_a_lambda_that_fails_while_shapes_are_inferred_says_where(tmp_path):
    import keras
    from keras import layers as k

    i = keras.Input((4,))
    output = k.Lambda(lambda x: x * 1.0, name="lam")(i)
    keras.Model(i, k.Dense(2)(output)).save(tmp_path / "a.keras")
    code = compile("lambda x: x.lost(1)", "script", "eval").co_consts[0]
    import codecs
    import marshal

    from tests.modelfile.files import rewritten

    def spoiled(config):
        (layer,) = (n for n in config["config"]["layers"] if n["class_name"] == "Lambda")
        packed = codecs.encode(marshal.dumps(code), "base64").decode()
        layer["config"]["function"]["config"]["code"] = packed
        return config

    path = rewritten(tmp_path / "a.keras", spoiled, tmp_path / "b.keras")
    with pytest.raises(ModelError) as caught:
        api.load(path, trust=True)
    assert "layer 'lam' (Lambda)" in caught.value.format_line()
    assert "'lost'" in caught.value.format_line()


ODD = {
    "RepeatVector": {"n": "3"},
    "Dropout": {"rate": "x"},
    "Reshape": {"target_shape": None},
    "Activation": {"activation": {"a": 1}},
    "EinsumDense": {"equation": "", "output_shape": 3},
}


@pytest.mark.parametrize("kind", ODD)
def test_a_layer_of_odd_settings_is_named_with_the_file(kind, tmp_path):
    odd = layer(kind, "odd", **ODD[kind])
    path = archive(tmp_path / "a.keras", sequential(odd))
    with pytest.raises(ModelError) as caught:
        api.load(path)
    sentence = caught.value.format_line()
    assert sentence.startswith(f"{path}: Keras cannot open the model; layer 'odd' ({kind})")
    assert "\n" not in sentence


def test_a_saved_model_of_keras_2_with_its_optimizer_says_what_opens_it(tmp_path, monkeypatch):
    import tensorflow as tf

    with zipfile.ZipFile(DATA / "keras2-savedmodel.zip") as packed:
        packed.extractall(tmp_path / "net")

    def fail(path):
        raise AttributeError("'_UserObject' object has no attribute 'add_slot'")

    monkeypatch.setattr(tf.saved_model, "load", fail)
    with pytest.raises(ModelError) as caught:
        api.load(tmp_path / "net", trust=True)
    assert "_UserObject" not in caught.value.format_line()
    assert "inputgrad-cli[legacy]" in caught.value.format_line()
