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

import h5py
import numpy as np
import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.archive import open_model
from inputgrad_cli.modelfile.scan import custom_objects, dangers, refuse_missing, refuse_unsafe
from tests.modelfile.files import DENSE, archive, layer, sequential, weights


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
    assert "--trust-model" in caught.value.sentence()
    assert dangers(file)
    refuse_unsafe(file, trust=True)


def test_inner_models_lose_what_would_compile_them(tmp_path):
    config = sequential(compiled(sequential()))
    file = open_model(archive(tmp_path / "a.keras", config))
    refuse_unsafe(file)
    assert file.rewritten
    assert "optimizer" not in json.dumps(file.config)


def test_a_users_class_is_named_and_not_refused(tmp_path):
    own = [
        {**layer("Sine", "s", "waves"), "registered_name": "mine>Sine"},
        {**layer("Local", "l"), "module": None, "registered_name": "Local"},
        layer("Dense", units=3, activation=function("wave", "builtins")),
    ]
    file = open_model(archive(tmp_path / "a.keras", sequential(*own)))
    refuse_unsafe(file)
    assert [item.name for item in custom_objects(file.config)] == ["Sine", "Local", "wave"]
    with pytest.raises(ModelError, match="Sine") as caught:
        refuse_missing(file, ())
    assert "--code waves.py" in caught.value.sentence()
    refuse_missing(file, ["mine>Sine", "Local", "wave"])


def test_keras_exports_no_layer_that_the_list_lacks():
    import inspect

    import keras

    from inputgrad_cli.modelfile import allowed

    names = {n for n, value in vars(keras.layers).items() if inspect.isclass(value)}
    assert names - set(allowed.UNSAFE) == set(allowed.LAYERS)
    functions = {n for n, f in vars(keras.activations).items() if inspect.isfunction(f)}
    assert functions - set(allowed.GETTERS) == set(allowed.ACTIVATIONS)


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


MEASURED = """
import sys, time
from pathlib import Path
from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.archive import open_model
from inputgrad_cli.modelfile.scan import refuse_unsafe
start = time.process_time()
try:
    refuse_unsafe(open_model(Path(sys.argv[1])))
except ModelError as error:
    print(error.sentence())
print(time.process_time() - start)
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
    config = sequential(*[DENSE] * 60_000)
    return archive(path, config)


@pytest.mark.parametrize(
    "kind",
    ["config-of-spaces", "config-of-lists", "weights-of-zeros", "declared-arrays", "units", "big"],
)
def test_bombs_cost_half_a_second_and_no_memory(kind, tmp_path):  # cases 33, 35, 36
    path = bombs(kind, tmp_path / "a.keras")

    def bounded():
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        preexec_fn=bounded,
    )
    *sentence, seconds, megabytes, heavy = done.stdout.splitlines()
    print(kind, seconds, megabytes, sentence)
    assert len(sentence) == (0 if kind == "big" else 1)
    assert float(seconds) < (4.0 if kind == "big" else 0.5)
    assert int(megabytes) < 300
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


def hdf5_model(path):
    def described(file):
        file.attrs["model_config"] = json.dumps(sequential())

    path.write_bytes(weights(described))
    return path


PACKINGS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("packing", [*PACKINGS, None])
def test_random_bytes_never_give_a_traceback(packing, tmp_path):
    random = np.random.default_rng(0)
    ending = "h5" if packing is None else "keras"
    path = tmp_path / f"a.{ending}"
    made = hdf5_model(path) if packing is None else archive(path, packing=packing)
    healthy = made.read_bytes()
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
    told = [line for line in result.err.splitlines() if not line.startswith("import time:")]
    assert len(told) == 1
    assert "--trust-model" in told[0]
    assert "| tensorflow" not in result.err
    assert not (tmp_path / "inputgrad-out").exists()
