"""What only a process of its own can show."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from . import arrays, draw, items, stream

LOADED = """
import sys
from inputgrad_cli.cli.main import run
code = run(sys.argv[1:])
heavy = {name for name in ("tensorflow", "keras", "numpy") if name in sys.modules}
print("LOADED", code, *sorted(heavy), file=sys.stderr)
"""


@pytest.fixture
def loaded(tmp_path):
    """Tell which heavy packages a call imported."""

    def loaded(*words):
        command = [sys.executable, "-c", LOADED, *map(str, words)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
        )
        *_, line = done.stderr.splitlines()
        return line.removeprefix("LOADED ").split()

    return loaded


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], "0"),
        (["saliency", "--help"], "0"),
        (["verify", "--help"], "0"),
        (["merge", "--help"], "0"),
        (["--version"], "0"),
        (["nothing"], "2"),
    ],
)
def test_help_and_version_import_neither_tensorflow_nor_numpy(loaded, words, code):
    assert loaded(*words) == [code]


IMPORTED = """
import sys
from inputgrad_cli.cli.main import run
run(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
"""
# What is imported by help, by version and by nothing else that a call does before it is refused.
CHEAP_ROOMS = {
    "option_choices",
    "cli",
    "data",
    "errors",
    "expression_parser",
    "machine",
    "modelfile",
    "schema",
}
CHEAP_ROOMS |= {"optimization", "spelling_suggestions", "version"}
SLOW = ("hashlib", "tomllib", "tempfile", "inputgrad_cli.machine.process_memory_limit")
SLOW += ("inputgrad_cli.cli.reporters.reporter_protocol", "inputgrad_cli.cli.signals")


def list_imports(*words):
    """Return the names of the modules that a call imports."""
    command = [sys.executable, "-c", IMPORTED, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stderr.split())


def list_rooms(modules):
    return {name.split(".")[1] for name in modules if name.startswith("inputgrad_cli.")}


def test_the_help_of_all_commands_imports_none_of_them():
    modules = list_imports("--help")
    assert "inputgrad_cli.cli.lazy_group" in modules
    assert not [name for name in modules if "cli.commands" in name or "cli.options" in name]
    assert list_rooms(modules) <= {"option_choices", "cli", "errors", "machine", "version"}
    assert not modules & {*SLOW, "dataclasses", "pathlib"}


@pytest.mark.parametrize("command", ["saliency", "optimize"])
def test_the_help_of_a_run_imports_its_options_and_no_run(command):
    modules = list_imports(command, "--help")
    assert f"inputgrad_cli.cli.commands.{command}" in modules
    assert list_rooms(modules) <= CHEAP_ROOMS
    assert not modules & set(SLOW)


@pytest.mark.parametrize("name", SLOW)
def test_what_help_must_not_import_exists(name):
    assert importlib.util.find_spec(name) is not None


@pytest.mark.parametrize("shell", ["bash_source", "zsh_source", "bash_complete"])
def test_completion_imports_nothing_heavy_and_no_command(shell):
    code = "import sys; sys.argv = ['inputgrad']; from inputgrad_cli.cli.main import main; main()"
    env = {**os.environ, "_INPUTGRAD_COMPLETE": shell, "COMP_WORDS": "inputgrad sal"}
    words = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(
        words, capture_output=True, text=True, env={**env, "COMP_CWORD": "1"}, check=False
    )
    assert "saliency" in done.stdout or "inputgrad" in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & {"tensorflow", "keras", "numpy"}
    assert not [name for name in imported if "cli.commands" in name]


def test_what_needs_no_model_imports_no_tensorflow(loaded, samples, tmp_path):
    model, file = samples / "sequential.keras", samples / "inputs/sequential.npy"
    calls = [
        ["methods"],
        ["methods", "smoothgrad"],
        ["saliency", "nowhere.keras", file],
        ["saliency", model, "nowhere.npy"],
        ["saliency", model, file, "-m", "nothing"],
        ["saliency", model, file, "--dry-run"],
        ["inspect", model],
        ["render", tmp_path],
    ]
    for words in calls:
        assert "tensorflow" not in loaded(*words), words


def test_render_imports_no_tensorflow(call, loaded, samples, tmp_path):
    draw(tmp_path / "a.png")
    call("saliency", samples / "shapes.keras", "a.png")
    result = loaded("render", tmp_path / "inputgrad-out")
    assert result[0] == "0"
    assert "tensorflow" not in result
    assert "keras" not in result


def test_tensorflow_says_nothing_on_the_way_up(spawn, samples, tmp_path):
    draw(tmp_path / "a.png")
    result = spawn("saliency", samples / "shapes.keras", "a.png", "--json")
    assert result.code == 0
    assert result.err == ""
    assert [line["type"] for line in stream(result)] == ["start", "item", "summary"]


def test_the_users_keras_settings_change_nothing(spawn, samples, tmp_path):
    words = ("saliency", samples / "shapes.keras", samples / "inputs/shapes/00-cross.png")
    spawn(*words, "-o", "plain")
    home = tmp_path / "home"
    (home / ".keras").mkdir(parents=True)
    settings = {"floatx": "float16", "image_data_format": "channels_first", "backend": "torch"}
    (home / ".keras/keras.json").write_text(json.dumps({**settings, "epsilon": 0.1}))
    env = {"HOME": str(home), "KERAS_BACKEND": "jax", "KERAS_HOME": str(home / ".keras")}
    result = spawn(*words, "-o", "hostile", env=env)
    assert result.code == 0, result.err
    name = "00-cross.png.gradient"
    for suffix in ("npz", "png"):
        first, two = (tmp_path / out / f"{name}.{suffix}" for out in ("plain", "hostile"))
        assert first.read_bytes() == two.read_bytes()
    assert arrays(tmp_path / "hostile" / f"{name}.npz")["picture"].shape == (64, 64, 3)


def test_nothing_is_written_to_the_home(spawn, samples, tmp_path):
    (tmp_path / "home").mkdir()
    words = ("saliency", samples / "sequential.keras", samples / "inputs/sequential.npy")
    assert spawn(*words, env={"HOME": str(tmp_path / "home")}).code == 0
    assert not (tmp_path / "home/.keras").exists()


def shell(line, tmp_path, samples):
    tool = f"'{sys.executable}' -m inputgrad_cli"
    env = {**os.environ, "IG": tool, "S": str(samples)}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line.replace("IG", tool)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=env,
        timeout=120,
        check=False,
    )


def test_a_full_disk_behind_stdout_is_74(tmp_path, samples):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    for json_ in ("", "--json"):
        line = f'IG saliency "$S/sequential.keras" "$S/inputs/sequential.npy" {json_} > /dev/full'
        done = shell(line, tmp_path, samples)
        assert done.returncode == 74, json_
        assert "the output: cannot be used" in done.stderr, json_
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_a_closed_stdout_is_no_traceback(tmp_path, samples):
    line = 'IG saliency "$S/sequential.keras" "$S/inputs/sequential.npy" >&-'
    done = shell(line, tmp_path, samples)
    assert done.returncode in (0, 74)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert (tmp_path / "inputgrad-out/sequential.npy.gradient.npz").exists()


def test_a_reader_that_leaves_early_is_141_or_fine(tmp_path, samples):
    line = 'IG saliency "$S/sequential.keras" "$S/inputs/sequential.npy" --json | head -1'
    done = shell(line, tmp_path, samples)
    assert done.stdout.count("\n") == 1
    assert done.returncode in (0, 141)
    assert "Traceback" not in done.stderr
    assert "Broken pipe" not in done.stderr


def test_the_c_locale_prints_any_name(spawn, samples, tmp_path):
    draw(tmp_path / "ünï-日本.png")
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = spawn("saliency", samples / "shapes.keras", "ünï-日本.png", env=env)
    assert result.code == 0, result.err
    assert "Traceback" not in result.err


def test_a_missing_layer_class_is_4_in_a_fresh_process(spawn, samples):
    words = (samples / "custom_layer.keras", samples / "inputs/custom_layer.npy")
    result = spawn("saliency", *words, "--json")
    assert result.code == 4
    assert stream(result)[-1]["exit"] == 4
    assert items(result) == []


FROZEN = """
import gc, sys
from inputgrad_cli.cli.main import run
for out in ("one", "two"):
    run([*sys.argv[1:], "-o", out])
    print("FROZEN", gc.get_freeze_count(), file=sys.stderr)
"""


def test_what_lives_as_long_as_the_run_is_searched_for_garbage_once(samples, tmp_path):
    words = ["saliency", samples / "shapes.keras", samples / "inputs/shapes/00-cross.png"]
    command = [sys.executable, "-c", FROZEN, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    lines = [line.split() for line in done.stderr.splitlines() if line.startswith("FROZEN")]
    first, second = (int(count) for _, count in lines)
    assert first > 100_000  # TensorFlow's own
    assert second <= first  # a second run in this process adds none: garbage would stay for good
