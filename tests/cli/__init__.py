"""Tests of the command line as a user meets it: words in; files, lines and exit codes out."""

import json
import zipfile

import numpy as np
from PIL import Image


def arrays(path):
    """Return the arrays of a result, by site."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files if name != "metadata.json"}


def metadata(path):
    """Return what a result says about itself."""
    with zipfile.ZipFile(path) as archive:
        return strict(archive.read("metadata.json"))


def strict(text):
    """Parse JSON as a strict reader does: NaN and Infinity are no numbers."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def stream(result):
    """Return the objects of a --json call, each line read strictly."""
    return [strict(line) for line in result.out.splitlines()]


def items(result):
    """Return the item lines of a --json call."""
    return [line for line in stream(result) if line["type"] == "item"]


def journal(out):
    """Return the lines of a run's journal."""
    return [strict(line) for line in (out / "journal.jsonl").read_text().splitlines()]


def files(out):
    """Return the names of a run's results: all files but the run's own records."""
    own = {"run.json", "journal.jsonl"}
    names = (path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    return {name for name in names if name not in own and not name.startswith(".")}


def draw(path, size=(64, 64), mode="RGB", seed=0, **options):
    """Save a coloured picture and return its path; `size` is (width, height)."""
    low = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(low).resize(size, Image.Resampling.BICUBIC).convert(mode)
    picture.save(path, **options)
    return path
