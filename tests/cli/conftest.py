"""Runs that several tests copy, and damage."""

import os
import shutil
import sys

import numpy as np
import pytest

from tests.damaged_records import OUTSIDE, note_outside

from . import draw


@pytest.fixture(scope="session")
def honest_runs(samples, tmp_path_factory):
    """Make a run of a picture and of a file of two, one in two shares, and a folder beside them."""
    from inputgrad_cli.cli.main import run

    home = tmp_path_factory.mktemp("honest")
    shutil.copy(samples / "shapes.keras", home / "m.keras")
    for seed, name in enumerate("abcd"):
        draw(home / "in" / f"{name}.png", seed=seed)
    np.save(home / "in/m.npy", np.full((2, 64, 64, 3), 90, "float32"))
    draw(home / OUTSIDE / "secret.png")
    here = os.getcwd()
    os.chdir(home)
    words = ["saliency", "m.keras", "-q", "--zoom", "1"]
    try:
        assert run([*words, "in/a.png", "in/m.npy", "-o", "run"]) == 0
        for share in ("0/2", "1/2"):
            assert run([*words, "in", "--shard", share, "-o", "shared"]) == 0
    finally:
        os.chdir(here)
    shutil.copy(home / "run/a.png.gradient.npz", home / OUTSIDE / "a.npz")
    shutil.copy(home / "run/journal.jsonl", home / OUTSIDE / "j.jsonl")
    shutil.copy(home / "run/run.json", home / OUTSIDE / "r.json")
    sys.addaudithook(note_outside)
    return home
