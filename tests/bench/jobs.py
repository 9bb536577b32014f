"""Whole processes, timed beside what they are held against."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from .loops import Loop, saved

SAMPLES = Path(__file__).parents[2] / "sample_models"
MODEL, PICTURE = SAMPLES / "shapes.keras", SAMPLES / "inputs" / "shapes" / "00-cross.png"
PYTHON = sys.executable
TOOL = [PYTHON, "-m", "inputgrad_cli"]
BATCHES = 16  # of sixteen pictures: those that count, beside as many that start-up hides in


def seconds(command):
    """Return how long a command takes as a whole process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def paired(ours, theirs, rounds):
    """Return the figures of both, taken in turn after one run of each to warm up."""
    ours(0), theirs(0)
    return [(ours(n), theirs(n)) for n in range(1, rounds + 1)]


def one_picture(folder, rounds):
    """Return pairs of one call on one picture and of the straight script."""
    script = Path(__file__).with_name("straight.py")
    return paired(
        lambda n: seconds([*TOOL, "saliency", MODEL, PICTURE, "--out", folder / f"ours{n}"]),
        lambda n: seconds([PYTHON, script, "eager", MODEL, folder / f"theirs{n}", PICTURE]),
        rounds,
    )


def help_text(rounds):
    """Return pairs of `--help` and of importing Click alone."""
    return paired(
        lambda _: seconds([*TOOL, "--help"]),
        lambda _: seconds([PYTHON, "-c", "import click"]),
        rounds,
    )


def pictures(folder, count, side):
    """Write pictures with shapes and some noise, as PNG files; return their folder."""
    sys.path.insert(0, str(SAMPLES))
    from draw_shapes import draw_pictures

    folder.mkdir(parents=True)
    drawn = draw_pictures(count, seed=1).pixels.astype(np.uint8)
    for index, pixels in enumerate(drawn):
        large = np.asarray(Image.fromarray(pixels).resize((side, side)), np.int16)
        noise = np.random.default_rng(index).integers(-9, 10, large.shape)
        noisy = np.uint8(np.clip(large + noise * (side > 64), 0, 255))
        Image.fromarray(noisy).save(folder / f"{index:05d}.png")
    return folder


def whole_job(folder, name, rounds):
    """Return pairs of rates: pictures of a whole job, start-up left out, and the bare loop's."""
    model = saved(name, folder)
    few = pictures(folder / "few", 16 * BATCHES, 224)
    many = pictures(folder / "many", 2 * 16 * BATCHES, 224)

    def job(source, index):
        out = folder / f"out{source.name}{index}"
        asked = ["-q", "--preprocess", "unit", "-t", "class:0", "--out", out]
        return seconds([*TOOL, "saliency", model, source, *asked])

    with Loop(name, "bare", BATCHES) as bare:
        return paired(
            lambda n: 1 / (job(many, n) - job(few, n)), lambda _: 1 / bare.seconds(), rounds
        )


def small_pictures(folder, rounds):
    """Return pairs of rates: of a whole job, and of a script without any model."""
    source = pictures(folder / "in", 2000, 64)
    command = [PYTHON, "-m", "tests.bench.decode_only", source]
    return paired(
        lambda n: 1 / seconds([*TOOL, "saliency", MODEL, source, "-q", "-o", folder / f"o{n}"]),
        lambda n: 1 / seconds([*command, folder / f"d{n}"]),
        rounds,
    )


def peak_memory(folder, rounds):
    """Return pairs of the most memory that 2,000 files take, and 500."""
    sources = [pictures(folder / str(count), count, 64) for count in (2000, 500)]
    # Both have the same mode, and batches enough to be read, computed and written at once: what is
    # asked here is whether files pile up.
    samples = "smoothgrad:samples=8"

    def held(source, index):
        out = folder / f"out{source.name}{index}"
        command = [*TOOL, "saliency", MODEL, source, "-q", "-o", out, "-m", samples]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return usage.ru_maxrss

    return paired(lambda n: held(sources[0], n), lambda n: held(sources[1], n), rounds)
