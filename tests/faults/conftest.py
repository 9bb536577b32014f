"""The command without TensorFlow: by a server of fresh processes, or one process at a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Result
from tests.faults.engine import STUBS, save_model
from tests.faults.invariants import Whole
from tests.faults.server import SETTINGS
from tests.processes import started

IMPORTED = ("inputgrad_cli", "PIL", "matplotlib", "h5py", "encodings")
ROOT = Path(__file__).parents[2]
ENV = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}


class Server:
    """Runs requests, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, **ENV},
        )
        self._import_all()

    def _import_all(self) -> None:
        """Let the server import what a first run did, so that none of its children must."""
        save_model(self.folder / "m.keras")
        draw(self.folder / "a.png")
        words = ["saliency", "m.keras", "a.png", "--json"]
        done = self.run(words, self.folder, modules=str(self.folder / "modules"))
        assert done.code == 0, done.err
        names = json.loads((self.folder / "modules").read_text())
        wanted = [n for n in names if n.split(".")[0] in IMPORTED and n not in STUBS]
        self._ask({"import": wanted})

    def _ask(self, request) -> dict:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def run(self, words, cwd, env=None, **settings) -> Result:
        """Return what a call came to; a signal that ended it is a negative code."""
        out, err = self.folder / "out", self.folder / "err"
        request = {"words": [str(word) for word in words], "cwd": str(cwd), "env": env or {}}
        answer = self._ask({**request, "out": str(out), "err": str(err), "settings": settings})
        return Result(answer["status"], out.read_text(), err.read_text())

    def close(self) -> None:
        """End the server."""
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Hold the server for all tests."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    running.close()


@pytest.fixture
def folder(tmp_path):
    """Return an empty directory that holds the model `m.keras`."""
    save_model(tmp_path / "m.keras")
    return tmp_path


@pytest.fixture
def tool(server, folder):
    """Call the command in a fresh process without TensorFlow; keywords are its settings."""

    def tool(*words, cwd=folder, **settings):
        return server.run(words, cwd, **settings)

    return tool


@pytest.fixture
def start(folder):
    """Start the command in a process of its own; what still runs at the end is ended."""
    with started() as popen:

        def start(*words, before=(), env=None, **settings):
            line = [*before, sys.executable, "-m", "tests.faults.server", *map(str, words)]
            streams = ("stdin", "stdout", "stderr", "process_group")
            options = {k: settings.pop(k) for k in list(settings) if k in streams}
            variables = {**os.environ, **ENV, **(env or {}), SETTINGS: json.dumps(settings)}
            return popen(line, cwd=folder, env=variables, **options)

        yield start


@pytest.fixture
def whole(tool, folder, names, request):
    """Return what an uninterrupted run of the module's `WORDS` left, made elsewhere."""
    assert tool(*request.module.WORDS, "-o", "clean").code == 0
    return Whole.of(folder, folder / "out", folder / "clean", names)


def draw(path: Path, seed=0, side=8) -> Path:
    """Save a small picture far from black and white, in a JPEG too, and return its path."""
    pixels = np.random.default_rng(seed).integers(60, 180, (side, side, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def draw_many(folder: Path, count: int, folders=1, side=8) -> list[str]:
    """Save small pictures, spread over folders, and return their names."""
    digits = len(str(count - 1))
    names = [f"{i % folders}/{i:0{digits}}.png" for i in range(count)]
    for seed, name in enumerate(names):
        draw(folder / name, seed, side)
    return names
