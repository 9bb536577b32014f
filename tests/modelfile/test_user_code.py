"""The user's own layers and functions, brought by --code or named by what is missing (29, 30)."""

import sys
from pathlib import Path

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.modelfile.custom_code_checks import find_custom_objects, refuse_missing_objects
from inputgrad_cli.modelfile.model_file import open_model

OWN = str(Path(__file__).with_name("own_code.py"))
X = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def own():
    from inputgrad_cli.engine.opening.user_code import import_code

    return import_code([OWN])


def model_with(*layers):
    import keras

    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2)])


def gradient(path, **options):
    return next(iter(api.explain(api.load(path, **options), X, target="sum").values.values()))


KINDS = ("Registered", "Unregistered", "Configless")


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_come_with_code(kind, ending, own, tmp_path):  # case 29
    path = tmp_path / f"a.{ending}"
    model_with(own[kind]()).save(path)
    assert gradient(path, code=[OWN]).shape == (2, 4)


@pytest.mark.parametrize("kind", ["Unregistered", "Configless"])
def test_missing_layers_are_named_from_the_archive(kind, own, tmp_path):  # case 29
    path = tmp_path / "a.keras"
    model_with(own[kind]()).save(path)
    with pytest.raises(ModelError, match=f"needs code for custom objects: {kind}") as caught:
        refuse_missing_objects(open_model(path), ())
    assert "--code own_code.py" in caught.value.format_line()
    assert caught.value.kind == "custom"


def test_an_unregistered_activation_comes_with_code(own, tmp_path):  # case 29
    import keras

    path = tmp_path / "a.keras"
    model_with(keras.layers.Dense(3, activation=own["wave"])).save(path)
    assert [item.name for item in find_custom_objects(open_model(path).config)] == ["wave"]
    assert gradient(path, code=[OWN]).shape == (2, 4)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_losses_and_metrics_of_the_users_are_not_needed(ending, own, tmp_path):  # case 30
    path = tmp_path / f"a.{ending}"
    model = model_with()
    model.compile("adam", own["own_loss"], metrics=[own["own_metric"]])
    model.fit(X, np.zeros((2, 2)), verbose=0)
    model.save(path)
    assert find_custom_objects(open_model(path).config) == []
    assert gradient(path).shape == (2, 4)


def test_a_subclassed_model_comes_with_code(own, tmp_path):
    path = tmp_path / "a.keras"
    model = own["Tracked"]()
    model(X)
    model.save(path)
    assert gradient(path, code=[OWN]).shape == (2, 4)


def test_code_may_be_split_over_files_and_modules(own, tmp_path, monkeypatch):
    import keras

    from inputgrad_cli.engine.opening.user_code import import_code

    layer = (
        "import keras\nclass {}(keras.layers.Layer):\n    def call(self, x):\n        return x\n"
    )
    (tmp_path / "first.py").write_text(layer.format("First"))
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "__init__.py").write_text(layer.format("Second"))
    monkeypatch.syspath_prepend(str(tmp_path))
    code = [str(tmp_path / "first.py"), "second"]
    classes = import_code(code)
    assert set(classes) == {"First", "Second"}
    path = tmp_path / "a.keras"
    model_with(classes["First"](), classes["Second"](), keras.layers.Dense(3)).save(path)
    with pytest.raises(ModelError, match="Second"):
        api.load(path, code=code[:1])
    assert gradient(path, code=code).shape == (2, 4)


def test_the_registered_name_need_not_be_registered_again(own, tmp_path):
    import keras

    from tests.modelfile.files import rewritten

    path = tmp_path / "a.keras"
    model_with(own["Unregistered"]()).save(path)

    def renamed(config):
        config["config"]["layers"][1]["registered_name"] = "lost>Unregistered"
        return config

    assert keras.saving.get_registered_object("lost>Unregistered") is None
    assert gradient(rewritten(path, renamed, tmp_path / "b.keras"), code=[OWN]).shape == (2, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_the_kind", "in line 2 of broken.py; ModuleNotFoundError"),
        ("1 / 0", "in line 2 of broken.py; ZeroDivisionError: division by zero"),
        ("def f(:", "in line 2; SyntaxError"),
        ("raise SystemExit(3)", "it ended the program"),
    ],
)
def test_faults_in_the_users_file_are_told_in_one_sentence(text, words, tmp_path):
    from inputgrad_cli.engine.opening.user_code import import_code

    path = tmp_path / "broken.py"
    path.write_text(f"# mine\n{text}\n")
    with pytest.raises(UsageError) as caught:
        import_code([str(path)])
    assert words in caught.value.format_line()
    assert "\n" not in caught.value.format_line()
    assert "broken" not in sys.modules


def test_what_the_users_file_prints_is_not_a_result(tmp_path, capsys):
    from inputgrad_cli.engine.opening.user_code import import_code

    (tmp_path / "loud.py").write_text("print('hello')\n")
    import_code([str(tmp_path / "loud.py")])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [("none.py", "there is no such file"), ("no_such_module", "a file ends in .py")],
)
def test_code_that_is_not_there_says_so(source, words):
    from inputgrad_cli.engine.opening.user_code import import_code

    with pytest.raises(UsageError) as caught:
        import_code([source])
    assert words in caught.value.format_line()


def test_a_lambda_opens_with_trust_alone(tmp_path):  # case 31
    import keras

    path = tmp_path / "a.keras"
    model_with(keras.layers.Lambda(lambda x: 2.0 * x)).save(path)
    with pytest.raises(ModelError, match="a Lambda layer holds Python code") as caught:
        api.load(path)
    assert caught.value.kind == "unsafe"
    assert gradient(path, trust=True).shape == (2, 4)


def test_trust_cannot_come_from_the_environment(spawn, samples, tmp_path):
    import keras

    path = tmp_path / "a.keras"
    model_with(keras.layers.Lambda(lambda x: 2.0 * x)).save(path)
    np.save(tmp_path / "x.npy", X[0])
    env = {"INPUTGRAD_SALIENCY_TRUST_MODEL": "1"}
    refused = spawn("saliency", path, "x.npy", "-t", "sum", env=env)
    assert refused.code == 4
    assert "--trust-model" in refused.err
    assert spawn("saliency", path, "x.npy", "-t", "sum", "--trust-model").code == 0


def test_the_users_keras_settings_do_not_matter(spawn, samples, tmp_path):  # case 53
    home = tmp_path / "home" / ".keras"
    home.mkdir(parents=True)
    (home / "keras.json").write_text(
        '{"floatx": "float16", "image_data_format": "channels_first", "backend": "jax"}'
    )
    env = {"KERAS_BACKEND": "jax", "HOME": str(home.parent), "KERAS_HOME": str(home)}
    call = ("saliency", samples / "sequential.keras", samples / "inputs" / "sequential.npy")
    plain, odd = spawn(*call, "-o", "plain"), spawn(*call, "-o", "odd", env=env)
    assert (plain.code, odd.code) == (0, 0)
    name = "sequential.npy.gradient.npz"
    here, there = (np.load(tmp_path / folder / name) for folder in ("plain", "odd"))
    maps = [key for key in here.files if isinstance(here[key], np.ndarray)]
    assert maps
    assert all(np.array_equal(here[key], there[key]) for key in maps)


@pytest.mark.parametrize("fault", ["RuntimeError: my own\\nin two lines", "TypeError: odd"])
def test_faults_of_the_users_layers_are_told_in_one_sentence(fault, tmp_path):
    from inputgrad_cli.engine.opening.user_code import import_code

    kind, text = fault.split(": ")
    source = (
        "import keras\n"
        "class Faulty(keras.layers.Layer):\n"
        "    armed = False\n"
        "    def build(self, shape):\n"
        f"        if Faulty.armed: raise {kind}('{text}')\n"
        "    def call(self, x):\n"
        "        return x\n"
    )
    code = tmp_path / f"faulty_{kind.lower()}.py"
    code.write_text(source)
    faulty = import_code([str(code)])["Faulty"]
    model_with(faulty()).save(tmp_path / "a.keras")
    faulty.armed = True
    with pytest.raises(ModelError) as caught:
        api.load(tmp_path / "a.keras", code=[str(code)])
    sentence = caught.value.format_line()
    assert "\n" not in sentence
    assert text.split("\\")[0] in sentence
    assert "WARNING" not in caught.value.log
