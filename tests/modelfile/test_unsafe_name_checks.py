"""Names that a model uses and does not bring: of Lambdas, of activations, of applications."""

import importlib
import inspect
import linecache
import pkgutil
import types

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile import allowed_config_names
from inputgrad_cli.modelfile.custom_code_checks import (
    find_custom_objects,
    find_dangers,
    refuse_missing_objects,
)
from inputgrad_cli.modelfile.model_file import open_model
from tests.modelfile.files import rewritten

X = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# What a Lambda may say of its input x, and what it then is.
USES = {
    "tf": ("lambda x: tf.square(x)", lambda x: x**2),
    "tf-alone": ("lambda x: tensorflow.square(x)", lambda x: x**2),
    "keras": ("lambda x: keras.ops.square(x)", lambda x: x**2),
    "keras-of-tf": ("lambda x: tf.keras.backend.square(x)", lambda x: x**2),
    "keras-backend": ("lambda x: keras.backend.square(x)", lambda x: x**2),
    "K": ("lambda x: K.square(x)", lambda x: x**2),
    "np": ("lambda x: x * np.float32(2.0)", lambda x: 2 * x),
    "layers": ("lambda x: x * len(layers.__name__)", lambda x: 12 * x),
    "inner": ("lambda x: sum([tf.abs(x) * k for k in (1.0, 2.0)])", lambda x: 3 * abs(x)),
    "inner-lambda": ("lambda x: (lambda y: tf.abs(y))(x)", abs),
    "default": ("lambda x, k=3.0: k * tf.abs(x)", lambda x: 3 * abs(x)),
    "closure": ("(lambda c: lambda x: c * tf.abs(x))(2.5)", lambda x: 2.5 * abs(x)),
    "builtin": ("lambda x: x * max(1, 2)", lambda x: 2 * x),
}
HOLDERS = ("plain", "time-distributed", "nested", "functional", "activation", "output-shape")


def lambda_of(text):
    """Return a lambda as a training script has it: with names that only the script knows."""
    import keras
    import tensorflow as tf

    script = {
        "tf": tf, "tensorflow": tf, "np": np, "layers": keras.layers, "keras": tf.keras,
        "K": tf.keras.backend, "SCALE": 4.0, "own": types.SimpleNamespace(f=lambda x: 4.0 * x),
    }  # fmt: skip
    linecache.cache[text] = (len(text), None, [f"{text}\n"], text)  # Keras looks at the source
    return eval(compile(text, text, "eval"), script)


def holding(holder, function):
    """Return a model of inputs (3,) or (2, 3) that gives what the function gives."""
    import keras
    from keras import layers

    x = keras.Input((2, 3) if holder == "time-distributed" else (3,))
    if holder == "time-distributed":
        return keras.Model(x, layers.TimeDistributed(layers.Lambda(function, name="lam"))(x))
    if holder == "nested":
        return keras.Sequential([x, keras.Sequential([layers.Lambda(function, name="lam")])])
    if holder == "functional":
        inner = keras.Input((3,))
        return keras.Model(x, keras.Model(inner, layers.Lambda(function, name="lam")(inner))(x))
    if holder == "activation":
        return keras.Model(x, layers.Activation(function, name="lam")(x))
    shape = (lambda shape: tuple(shape)) if holder == "output-shape" else None
    return keras.Sequential([x, layers.Lambda(function, output_shape=shape, name="lam")])


def answer(path, x, **options):
    """Return what the opened model gives."""
    return np.asarray(api.load(path, trust=True, **options).engine.adapter.model(x))


@pytest.mark.parametrize("use", USES)
def test_a_lambda_finds_the_usual_names_wherever_it_stands(use, tmp_path):
    text, meant = USES[use]
    for holder in HOLDERS:
        path = tmp_path / f"{holder}.keras"
        holding(holder, lambda_of(text)).save(path)
        x = np.stack([X, X], axis=1) if holder == "time-distributed" else X
        np.testing.assert_allclose(answer(path, x), meant(x), rtol=1e-6, err_msg=holder)


OWN = {
    "name": ("lambda x: x * SCALE", "'SCALE'", "SCALE = 4.0"),
    "renamed": ("lambda x: x * SCALE", "'SCALE'", "from elsewhere import four as SCALE"),
    "function": ("lambda x: own.f(x)", "'own'", "import elsewhere as own"),
}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("use", OWN)
def test_a_lambda_with_names_of_its_script_says_which_and_opens_with_code(use, holder, tmp_path):
    text, name, source = OWN[use]
    holding(holder, lambda_of(text)).save(tmp_path / "a.keras")
    (tmp_path / "elsewhere.py").write_text("four = 4.0\n\ndef f(x):\n    return 4.0 * x\n")
    (tmp_path / f"script_{use}.py").write_text(source + "\n")
    x = np.stack([X, X], axis=1) if holder == "time-distributed" else X
    with pytest.raises(ModelError) as caught:
        answer(tmp_path / "a.keras", x)
    assert caught.value.kind == "custom"
    assert f"'lam' uses the name {name}" in caught.value.format_line()
    assert "--code" in caught.value.format_line()
    opened = answer(tmp_path / "a.keras", x, code=[str(tmp_path / f"script_{use}.py")])
    np.testing.assert_allclose(opened, 4.0 * x, rtol=1e-6)


def test_a_lambda_without_its_name_is_exit_4(call, tmp_path):
    holding("plain", lambda_of("lambda x: x * SCALE")).save(tmp_path / "a.keras")
    np.save(tmp_path / "x.npy", X)
    for command in (
        ("saliency", "a.keras", "x.npy", "-t", "sum"),
        ("inspect", "a.keras", "--load"),
    ):
        result = call(*command, "--trust-model")
        assert result.code == 4, result.err
        assert "the Lambda 'lam' uses the name 'SCALE'" in result.err
        assert "Traceback" not in result.err


def test_byte_code_of_another_python_is_refused_in_a_sentence(tmp_path):
    holding("plain", lambda_of("lambda x: 2 * x")).save(tmp_path / "a.keras")

    def spoiled(config):
        (layer,) = (n for n in config["config"]["layers"] if n["class_name"] == "Lambda")
        layer["config"]["function"]["config"]["code"] = "AAAA"
        return config

    path = rewritten(tmp_path / "a.keras", spoiled, tmp_path / "b.keras")
    with pytest.raises(ModelError, match="another version of Python"):
        api.load(path, trust=True)


def elementwise(room):
    """Return the functions that give a row of three for a row of three, by their written name."""
    import tensorflow as tf

    results = {}
    for name, function in vars(room).items():
        if name.startswith("_") or not inspect.isfunction(inspect.unwrap(function)):
            continue
        try:
            y = function(tf.constant([[0.3, 0.2, 0.7]]))
            fits = tuple(y.shape) in ((1, 3), (1, 6)) and y.dtype == "float32"
        except Exception:  # it takes other arguments
            continue
        if fits:
            results.setdefault(function.__name__, function)
    return results


@pytest.mark.parametrize("room", ["nn", "math"])
def test_every_activation_of_tensorflow_opens_by_its_private_name(room, tmp_path):
    import keras
    import tensorflow as tf

    functions = elementwise(getattr(tf, room))
    assert len(functions) > 10
    x = keras.Input((3,))
    scale = [keras.layers.Dense(3, kernel_initializer="identity", activation=f, name=f"at_{n}")
             for n, f in functions.items()]  # fmt: skip
    whole = keras.Model(x, [layer(x) for layer in scale])
    whole.save(tmp_path / "a.keras")
    refuse_missing_objects(open_model(tmp_path / "a.keras"), ())
    opened = api.load(tmp_path / "a.keras")
    values = np.array([[0.3, 0.2, 0.7]], np.float32)
    for name, actual, want in zip(
        functions, opened.engine.adapter.model(values), whole(values), strict=True
    ):
        np.testing.assert_allclose(actual, want, rtol=1e-6, atol=1e-7, err_msg=name)


def test_a_function_that_may_be_the_users_is_told_and_code_comes_first(tmp_path):
    import keras
    import tensorflow as tf

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation=tf.nn.swish)])
    model.layers[0].kernel.assign(np.tile([1.0, -1.0], (3, 1)))  # one of the two is below zero
    model.save(tmp_path / "a.keras")
    (tmp_path / "mine.py").write_text("import tensorflow as tf\nswish = tf.nn.relu\n")
    guessed = api.load(tmp_path / "a.keras")
    assert "--code" in guessed.engine.notes["name-assumed"]
    mine = api.load(tmp_path / "a.keras", code=[str(tmp_path / "mine.py")])
    assert "name-assumed" not in mine.engine.notes
    assert mine.engine.adapter.model(X).numpy().min() == 0.0


@pytest.mark.parametrize(
    "source",
    ["def wave(x): return 2 * x", "from beside import wave", "from beside import wave as other",
     "import beside\nwave = beside.wave",
     "import tensorflow as tf\nwave = tf.function(lambda x: 2 * x)"],
)  # fmt: skip
def test_code_gives_a_name_wherever_it_has_it_from(source, tmp_path):
    import keras

    def wave(x):
        return 2 * x

    (tmp_path / "beside.py").write_text("def wave(x):\n    return 2 * x\n")
    (tmp_path / "given.py").write_text(source + "\n")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation=wave)])
    model.save(tmp_path / "a.keras")
    opened = api.load(tmp_path / "a.keras", code=[str(tmp_path / "given.py")])
    np.testing.assert_allclose(opened.engine.adapter.model(X), model(X), rtol=1e-6)


def test_code_gives_classes_of_packages_that_it_imports(tmp_path, monkeypatch):
    from inputgrad_cli.engine.opening.user_code import find_wanted, import_modules
    from inputgrad_cli.modelfile.custom_code_checks import CustomObject

    (tmp_path / "parcel").mkdir()
    (tmp_path / "parcel" / "__init__.py").write_text("")
    (tmp_path / "parcel" / "inner.py").write_text("class Deep:\n    pass\n")
    (tmp_path / "giver.py").write_text("import os\nimport parcel\nfrom os import system\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    wanted = [CustomObject("Deep", "parcel.inner", None), CustomObject("system", "os", None),
              CustomObject("popen", "os", None)]  # fmt: skip
    modules = import_modules([str(tmp_path / "giver.py")])
    assert set(find_wanted(modules, wanted)) == {"Deep"}  # no file decides that system() is called


def test_code_that_lacks_the_name_is_not_asked_for_again(tmp_path):
    import keras
    from keras import layers

    def preprocess_input(x):
        return x

    keras.Sequential([keras.Input((3,)), layers.Lambda(preprocess_input)]).save(
        tmp_path / "a.keras"
    )
    (tmp_path / "none.py").write_text("")
    with pytest.raises(ModelError, match="has nothing called preprocess_input"):
        api.load(tmp_path / "a.keras", trust=True, code=[str(tmp_path / "none.py")])


def test_every_layer_that_applications_define_is_harmless():
    import keras
    from keras.src import applications

    for room in pkgutil.iter_modules(applications.__path__):
        if room.name.endswith("_test"):
            continue
        home = f"{applications.__name__}.{room.name}"
        for name, kind in vars(importlib.import_module(home)).items():
            if inspect.isclass(kind) and issubclass(kind, keras.Layer) and kind.__module__ == home:
                assert allowed_config_names.is_keras_class(name, home), f"{home}.{name}"


def test_a_small_convnext_opens_without_trust(tmp_path):
    from keras.src.applications.convnext import ConvNeXt

    for ending, rate in (("keras", 0.2), ("h5", 0.0)):
        net = ConvNeXt([1, 1, 1, 1], [4, 4, 4, 4], drop_path_rate=rate, input_shape=(32, 32, 3),
                       weights=None, classes=2, name="net", weights_name="net")  # fmt: skip
        net.save(tmp_path / f"a.{ending}")
        file = open_model(tmp_path / f"a.{ending}")
        assert (find_dangers(file), find_custom_objects(file.config)) == ([], [])
        if ending == "h5":  # Keras 3.15 itself does not open the .h5 of a ConvNeXt again
            continue
        x = np.random.default_rng(0).random((1, 32, 32, 3), np.float32) * 255
        opened = api.load(file)
        np.testing.assert_allclose(outputs(opened.engine.adapter.model, x), outputs(net, x), 1e-5)


def outputs(model, x):
    """Return what a model gives, compiled where eager kernels cannot be trusted."""
    from inputgrad_cli.engine.adapter.cpu_kernel_selection import make_safe

    return np.asarray(make_safe(lambda y: model(y, training=False), autograph=False)(x))


def families():
    """Return one model of every family of keras.applications: its smallest."""
    import keras

    smallest = {}
    for name, make in vars(keras.applications).items():
        if inspect.isfunction(make):
            smallest.setdefault(make.__module__, name)
    return smallest


@pytest.mark.slow
def test_every_family_of_applications_opens_without_trust(tmp_path):
    import keras

    for name in families().values():
        keras.backend.clear_session()
        net = getattr(keras.applications, name)(weights=None)
        net.save(tmp_path / "a.keras")
        file = open_model(tmp_path / "a.keras")
        assert (find_dangers(file), find_custom_objects(file.config)) == ([], []), name
        size = next((dim for dim in net.input_shape[1:3] if dim), 224)
        x = np.random.default_rng(0).random((1, size, size, 3), np.float32)
        opened = api.load(file).engine.adapter.model
        np.testing.assert_allclose(
            outputs(opened, x), outputs(net, x), rtol=1e-4, atol=1e-6, err_msg=name
        )
