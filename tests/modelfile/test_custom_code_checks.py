"""What a file from the internet may not do: run code, read files, reach out, fill the memory."""

import contextlib
import http.server
import json
import resource
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.modelfile.custom_code_checks import (
    find_custom_objects,
    find_dangers,
    refuse_missing_objects,
    refuse_unsafe,
    refuse_unsafe_loss,
)
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.safe_json import MAX_VALUES
from tests.modelfile.files import DENSE, archive, layer, sequential, weights
from tests.processor_cost import limit_cost


def function(name, module):
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def compiled(inner):
    """Return a nested model that brings an optimizer of its own."""
    return {**inner, "compile_config": {"optimizer": layer("Lambda", module="os")}}


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
HOSTILE = {
    "lambda": layer("Lambda", function=LAMBDA),
    "lambda-of-a-named-function": layer("Lambda", function=function("relu", "keras.activations")),
    "byte-code-as-activation": layer("Dense", units=3, activation=LAMBDA),
    "type-spec": layer("Dense", units=3, spec={"class_name": "__typespec__", "config": []}),
    "saved-model-layer": layer("TFSMLayer", filepath="/tmp/x"),
    "torch": layer("TorchModuleWrapper", module="x"),
    "jax": layer("JaxLayer"),
    "flax": layer("FlaxLayer"),
    "nested-in-a-wrapper": layer("TimeDistributed", layer=layer("Lambda")),
    "nested-model": sequential(layer("Lambda")),
    "os-function": layer("Dense", units=3, activation=function("system", "os")),
    "get-file": layer("Dense", units=3, activation=function("get_file", "keras.utils")),
    "resolver": layer("Dense", units=3, activation=function("deserialize", "keras.activations")),
    "class-that-is-a-function": layer("load_model", module="keras.models"),
    "unsafe-switch": layer("enable_unsafe_deserialization", module="keras.config"),
    "inner-module": layer("rmtree", module="keras.src.utils.file_utils"),
    "unknown-layer": layer("DenseV9"),
    "vocabulary-file": layer("StringLookup", vocabulary="/etc/passwd"),
    "vocabulary-address": layer("TextVectorization", vocabulary="https://127.0.0.1:9/words"),
    "vocabulary-of-numbers": layer("IntegerLookup", vocabulary="numbers.txt"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_could_run_code_needs_trust(name, tmp_path):  # cases 31, 32
    file = open_model(archive(tmp_path / "a.keras", sequential(HOSTILE[name])))
    with pytest.raises(ModelError) as caught:
        refuse_unsafe(file)
    assert caught.value.kind == "unsafe"
    assert "--trust-model" in caught.value.format_line()
    assert find_dangers(file)
    refuse_unsafe(file, trust=True)


def test_inner_models_lose_what_would_compile_them(tmp_path):
    for inner in (sequential(), layer("Dense", "d", units=3)):
        config = sequential(compiled(inner))
        file = open_model(archive(tmp_path / "a.keras", config))
        refuse_unsafe(file)
        assert file.rewritten
        assert "optimizer" not in json.dumps(file.config)


def test_nothing_that_would_compile_a_model_is_read_by_keras(tmp_path):
    """From a .keras file Keras leaves that of the whole model alone; from .h5 it builds it all."""
    settings = {"loss": {"class_name": "TypeSpec", "config": {}}}
    whole = {**sequential(), "compile_config": settings}
    file = open_model(archive(tmp_path / "a.keras", whole))
    assert (file.rewritten, file.compiled, file.compiled_loss) == (
        False,
        settings,
        settings["loss"],
    )
    assert "compile_config" not in file.config
    h5 = open_model(hdf5_model(tmp_path / "a.h5", whole))
    assert (h5.rewritten, h5.compiled_loss) == (True, None)
    assert "compile_config" not in h5.config
    inner = {**layer("Dense", "d", units=3), "compile_config": {"loss": "mse"}}
    refuse_unsafe(open_model(hdf5_model(tmp_path / "b.h5", sequential(inner))))


@pytest.mark.parametrize("depth", ["model", "layer", "deep"])
@pytest.mark.parametrize("kind", ["type-spec", "os-function", "code", "lambda"])
def test_what_would_compile_a_model_in_an_h5_file_is_scanned(kind, depth, tmp_path):
    own = layer("Thing", module="canary")
    settings = {"loss": [{"a": own if kind == "code" else HOSTILE[kind]}]}
    node = {**layer("Dense", "d", units=3), "compile_config": settings}
    if depth == "model":
        config = {**sequential(), "compile_config": settings}
    else:
        config = sequential(node if depth == "layer" else layer("TimeDistributed", layer=node))
    file = open_model(hdf5_model(tmp_path / "a.h5", config))
    with pytest.raises(ModelError, match="refused"):
        refuse_unsafe(file)
    assert "compile_config" not in json.dumps(file.config)


def test_what_is_called_like_that_without_an_object_is_scanned(tmp_path):
    own = {**layer("Own", "o", "mine"), "registered_name": "mine>Own"}
    own["config"]["compile_config"] = {"inner": {"x": layer("Lambda", "l")}}
    file = open_model(archive(tmp_path / "a.keras", sequential(own)))
    assert "compile_config" in json.dumps(file.config)
    with pytest.raises(ModelError, match="refused"):
        refuse_unsafe(file)


def registered(name, kind="Dense", **more):
    return {**layer(kind, **more), "registered_name": name}


def valued(dtype, kind="__numpy__"):
    value = {"class_name": kind, "config": {"value": ["a"], "dtype": dtype}}
    return layer("Discretization", bin_boundaries=value)


OTHER_NAMES = {
    "forbidden": registered("Lambda", units=3),
    "another-layer": registered("Conv2D", units=3),
    "another-in-a-package": registered("mine>Conv2D", units=3),
    "no-text": registered(["Dense"], units=3),
    "own-class-as-keras": {**registered("Dense", "Sine"), "module": "waves"},
    "function": layer("Dense", units=3, activation={**function("relu", "keras.activations"),
                                                    "registered_name": "deserialize"}),
    "function-of-builtins": layer("Dense", units=3, activation={
        **function("relu", "builtins"), "registered_name": "system"}),
    "shared-by-text": {**layer("Dense", units=3), "shared_object_id": "x"},
    "wide-texts": valued("<U500000000"),
    "wide-tensor": valued("S500000000", "__tensor__"),
    "records": valued([["a", "f4"]]),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_an_object_is_only_what_its_name_says(name, tmp_path):
    with pytest.raises(ModelError):
        refuse_unsafe(open_model(archive(tmp_path / "a.keras", sequential(OTHER_NAMES[name]))))


@pytest.mark.parametrize(
    "own",
    [
        registered("Dense", units=3),
        registered("mine>Dense", units=3),
        {**registered("mine>Wave", "Sine"), "module": "waves"},
        {**registered("Sine", "Sine"), "module": None},
        {**layer("Dense", units=3), "shared_object_id": 12},
        valued("float32"),
        valued("int64", "__tensor__"),
    ],
)
def test_the_names_that_keras_writes_open(own, tmp_path):
    refuse_unsafe(open_model(archive(tmp_path / "a.keras", sequential(own))))


@pytest.mark.parametrize("name", [n for n, node in HOSTILE.items() if "class_name" in node])
def test_a_loss_that_could_run_code_is_refused(name):
    with pytest.raises((UsageError, ModelError)):
        refuse_unsafe_loss({"a": [HOSTILE[name]]})


def test_losses_of_keras_and_of_the_users_are_none_of_these():
    refuse_unsafe_loss("mse")
    refuse_unsafe_loss([None, layer("Huber", module="keras.losses", delta=1.0)])
    refuse_unsafe_loss(function("mean_squared_error", "keras.losses"))
    refuse_unsafe_loss({**layer("Mine", module="mine"), "registered_name": "mine>Mine"})


ODD_NAMES = {"surrogate": "\ud800", "zero": "a\0b", "newline": "a\nb", "escape": "\x1b[2J",
             "turned": "a\u202eb", "long": "x" * 201}  # fmt: skip


@pytest.mark.parametrize("word", ODD_NAMES.values(), ids=ODD_NAMES)
@pytest.mark.parametrize(
    "position", ["layer", "input", "nested", "class", "module", "registered", "function", "key"]
)
def test_a_name_that_cannot_be_shown_is_refused_in_a_sentence(position, word, tmp_path):
    node, config = layer("Dense", "d", units=3), sequential()
    if position == "input":
        config["config"]["layers"][0]["config"]["name"] = word
    elif position == "key":
        config["config"]["input_layers"] = {word: ["x", 0, 0]}
    else:
        changes = {"layer": {"name": word}, "class": {"class_name": word}, "module": {
            "module": word}, "registered": {"registered_name": word}, "function": {
            "config": {"activation": function(word, "builtins")}},
            "nested": {"config": {"layer": layer("Dense", word)}}}  # fmt: skip
        config = sequential({**node, **changes[position]})
    with pytest.raises(ModelError) as caught:
        open_model(archive(tmp_path / "a.keras", config))
    sentence = caught.value.format_line()
    assert sentence.isprintable()
    assert len(sentence) < 600
    assert "name" in sentence


@pytest.mark.parametrize("word", ["\u00e9\u00e4", "\u5b57", "a/b:c d", "x" * 200, "\U0001f436"])
def test_names_in_any_script_open(word, tmp_path):
    config = sequential(layer("Dense", word, units=3))
    assert json.dumps(word) in json.dumps(open_model(archive(tmp_path / "a.keras", config)).config)


def test_a_users_class_is_named_and_not_refused(tmp_path):
    own = [
        {**layer("Sine", "s", "waves"), "registered_name": "mine>Sine"},
        {**layer("Local", "l"), "module": None, "registered_name": "Local"},
        layer("Dense", units=3, activation=function("wave", "builtins")),
    ]
    file = open_model(archive(tmp_path / "a.keras", sequential(*own)))
    refuse_unsafe(file)
    assert [item.name for item in find_custom_objects(file.config)] == ["Sine", "Local", "wave"]
    with pytest.raises(ModelError, match="Sine") as caught:
        refuse_missing_objects(file, ())
    assert "--code waves.py" in caught.value.format_line()
    refuse_missing_objects(file, ["mine>Sine", "Local", "wave"])


def test_the_operations_of_keras_are_all_its_own():
    """Any class of these modules may be named, so none may bring one from elsewhere."""
    import importlib
    import pkgutil

    import keras
    from keras.src import ops

    names = [f"keras.src.ops.{part.name}" for part in pkgutil.iter_modules(ops.__path__)]
    kinds = keras.src.saving.keras_saveable.KerasSaveable
    for name in names:
        if name.endswith("_test"):
            continue
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, kinds) and value is not kinds:
                assert value.__module__.startswith("keras.src.ops."), (name, value)


def test_keras_exports_no_layer_that_the_list_lacks():
    import inspect

    import keras

    from inputgrad_cli.modelfile import allowed_config_names

    names = {n for n, value in vars(keras.layers).items() if inspect.isclass(value)}
    assert names - set(allowed_config_names.UNSAFE_CLASSES) == set(allowed_config_names.LAYERS)
    functions = {n for n, f in vars(keras.activations).items() if inspect.isfunction(f)}
    assert functions - set(allowed_config_names.GETTERS) == set(allowed_config_names.ACTIVATIONS)


def spoil(kind, tmp_path):
    """Return what makes a weights file dangerous."""
    canary = tmp_path / "canary"
    canary.write_bytes(bytes(400))
    if kind == "external-data":
        return lambda f: f.create_dataset("x", (100,), "f4", external=[(str(canary), 0, 400)])
    if kind == "external-link":
        return lambda f: f.__setitem__("x", h5py.ExternalLink(str(canary), "/x"))
    if kind == "soft-link":
        return lambda f: f.__setitem__("x", h5py.SoftLink("/layers/dense/vars/0"))
    if kind == "virtual":
        layout = h5py.VirtualLayout((100,), "f4")
        layout[:] = h5py.VirtualSource(str(canary), "x", (100,))
        return lambda f: f.create_virtual_dataset("x", layout)
    return bomb


def bomb(file):
    """Declare 3.6 GB in a few kilobytes of well packed zeros."""
    big = file.create_dataset("x", (30000, 30000), "f4", chunks=(3000, 3000), compression="gzip")
    big[:3000, :3000] = 0


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("external-data", "lies in another file"),
        ("external-link", "link to another place"),
        ("soft-link", "link to another place"),
        ("virtual", "lies in another file"),
        ("bomb", "claims 3600000000 bytes"),
    ],
)
def test_weights_stay_in_the_file(kind, words, tmp_path):  # cases 32, 36
    data = weights(spoil(kind, tmp_path))
    path = archive(tmp_path / "a.keras", members={"model.weights.h5": data})
    with pytest.raises(ModelError, match=words) as caught:
        refuse_unsafe(open_model(path), trust=True)
    assert caught.value.kind == "unsafe"


def test_endless_hard_links_end(tmp_path):
    def loop(file):
        file["layers/again"] = file["/"]

    path = archive(tmp_path / "a.keras", members={"model.weights.h5": weights(loop)})
    assert len(open_model(path).weights) == 2


HUGE = {
    "units": layer("Dense", units=2_000_000_000),
    "units-without-a-shape": layer("Dense", "d", units=1e12),
    "filters": layer("Conv2D", filters=10**9, kernel_size=[3, 3]),
    "table": layer("Embedding", input_dim=10**6, output_dim=10**4),
    "cells": layer("LSTM", units=100_000),
    "wrapped": layer("Bidirectional", layer=layer("LSTM", units=100_000)),
    "built": {**layer("Dense", units=20_000), "build_config": {"input_shape": [None, 20_000]}},
    "nested": sequential(layer("Dense", units=2_000_000_000)),
}


@pytest.mark.parametrize("name", HUGE)
def test_layers_that_ask_for_the_moon_are_refused(name, tmp_path):  # case 35
    path = archive(tmp_path / "a.keras", sequential(HUGE[name]))
    with pytest.raises(ModelError, match="which the file lacks"):
        refuse_unsafe(open_model(path), trust=True)


def test_two_wide_layers_in_a_row_are_too_much(tmp_path):
    wide = [layer("Dense", f"d{i}", units=20_000) for i in range(2)]
    with pytest.raises(ModelError, match="layer 'd1' alone for 1,600,000,000"):
        refuse_unsafe(open_model(archive(tmp_path / "a.keras", sequential(*wide))))


def test_thousands_of_layers_without_weights_are_refused(tmp_path):
    many = [layer("Dense", f"d{index}", units=3) for index in range(4000)]
    path = archive(tmp_path / "a.keras", sequential(*many))
    words = "4001 layers need weights, the file has 2 arrays"
    with limit_cost(jobs=75), pytest.raises(ModelError, match=words):
        refuse_unsafe(open_model(path), trust=True)
    shared = [{**node, "shared_object_id": 7} for node in many]
    refuse_unsafe(open_model(archive(tmp_path / "b.keras", sequential(*shared))))


MEASURED = """
import sys, time
from pathlib import Path
from inputgrad_cli.errors import ModelError, UsageError
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from tests.processor_cost import check_cost
start = time.process_time()
try:
    refuse_unsafe(open_model(Path(sys.argv[1])))
except ModelError as error:
    print(error.format_line())
seconds = time.process_time() - start
check_cost(seconds, int(sys.argv[2]))
print(seconds)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)  # ru_maxrss would count the process that started this one
print("tensorflow" in sys.modules or "keras" in sys.modules)
"""


def bombs(kind, path):
    if kind == "config-of-spaces":
        spaces = b"{" + b" " * 300_000_000 + b"}"
        return archive(path, members={"config.json": spaces}, packing=zipfile.ZIP_DEFLATED)
    if kind == "config-of-lists":
        lists = b"[" + b"[]," * 4_500_000 + b"[]]"
        return archive(path, members={"config.json": lists})
    if kind == "weights-of-zeros":
        zeros = {"model.weights.h5": bytes(300_000_000)}
        return archive(path, members=zeros, packing=zipfile.ZIP_DEFLATED)
    if kind == "declared-arrays":
        return archive(path, members={"model.weights.h5": weights(bomb)})
    if kind == "units":
        return archive(path, sequential(HUGE["units"]))
    if kind == "wide":  # as much as may stand in a configuration at all
        table = layer("Discretization", bin_boundaries=[[]] * (MAX_VALUES // 2 - 100))
        return archive(path, sequential(table))
    config = sequential(*[{**layer("ReLU"), "build_config": DENSE["build_config"]}] * 60_000)
    return archive(path, config)


@pytest.mark.parametrize(
    "kind",
    [
        *("config-of-spaces", "config-of-lists", "weights-of-zeros", "declared-arrays", "units"),
        *("big", pytest.param("wide", marks=pytest.mark.slow)),
    ],
)
def test_bombs_cost_little_time_and_no_memory(kind, tmp_path):  # cases 33, 35, 36
    path = bombs(kind, tmp_path / "a.keras")
    honest = {"big": 150, "wide": 150}  # large, but not refused

    def bounded():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path), str(honest.get(kind, 8))],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        preexec_fn=bounded,
    )
    *sentence, seconds, megabytes, heavy = done.stdout.splitlines()
    print(kind, seconds, megabytes, sentence)
    assert len(sentence) == (0 if kind in honest else 1)
    assert int(megabytes) < (800 if kind == "wide" else 300)
    assert heavy == "False"


def test_refusing_touches_neither_network_nor_other_files(tmp_path):  # case 32
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        words = f"http://127.0.0.1:{server.server_port}/words"
        path = archive(tmp_path / "a.keras", sequential(layer("StringLookup", vocabulary=words)))
        with pytest.raises(ModelError, match="reads its vocabulary"):
            refuse_unsafe(open_model(path))
        time.sleep(0.05)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def hdf5_model(path, config=None):
    def described(file):
        file.attrs["model_config"] = json.dumps(config or sequential())

    path.write_bytes(weights(described))
    return path


PACKINGS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("packing", [*PACKINGS, None])
def test_random_bytes_never_give_a_traceback(packing, tmp_path):
    random = np.random.default_rng(0)
    ending = "h5" if packing is None else "keras"
    path = tmp_path / f"a.{ending}"
    built = hdf5_model(path) if packing is None else archive(path, packing=packing)
    healthy = built.read_bytes()
    path = tmp_path / f"b.{ending}"
    for _ in range(300):
        data = bytearray(healthy)
        for at in random.integers(len(data), size=random.integers(1, 8)):
            data[at] = random.integers(256)
        path.write_bytes(data[: len(data) - random.integers(3) * random.integers(500)])
        with contextlib.suppress(ModelError):
            refuse_unsafe(open_model(path))


def test_a_hostile_file_ends_a_run_at_once(spawn, tmp_path):
    path = archive(tmp_path / "a.keras", sequential(layer("Lambda", "l")))
    np.save(tmp_path / "x.npy", np.zeros(2, np.float32))
    result = spawn("saliency", path, "x.npy", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert result.code == 4
    lines = [line for line in result.err.splitlines() if not line.startswith("import time:")]
    assert len(lines) == 1
    assert "--trust-model" in lines[0]
    assert "| tensorflow" not in result.err
    assert not (tmp_path / "inputgrad-out").exists()
