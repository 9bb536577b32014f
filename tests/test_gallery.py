"""The gallery has a picture of every kind, and shows it with the call that draws it."""

import json
from pathlib import Path

import numpy as np
import pytest
from gallery import FIGURES, GALLERY, copy_picture, draw_entry
from PIL import Image

from inputgrad_cli.interfaces.picture import class_pictures, search_pictures
from inputgrad_cli.option_choices import SHOWN
from inputgrad_cli.rendering import pictures

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "inputgrad_cli" / "rendering" / "README.md"
NAMES = [entry.name for entry in GALLERY]
SUMMARY = "summary"  # drawn of a whole table, so that no registry has it
# Bytes of a picture, and of all with their films: a palette would be smaller, with wrong colours.
LARGEST, LARGEST_TOGETHER = 120_000, 1_100_000
QUICK = ("logo", "volume")


def read_text(path):
    """Return what a picture says of itself."""
    with Image.open(path) as picture:
        return json.loads(picture.info["inputgrad"])


def read_pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.int16)


def test_every_kind_of_picture_has_an_entry():
    kinds = {
        cls.name for registry in (pictures, class_pictures, search_pictures) for cls in registry
    }
    drawn = {read_text(FIGURES / f"{name}.png")["kind"] for name in NAMES}
    missing = sorted((kinds | {SUMMARY}) - drawn)
    assert missing == [], "add an entry to sample_models/gallery.py, and run `make gallery`"


def test_whatever_an_input_can_be_shown_as_has_an_entry():
    assert set(SHOWN) - {"image"} <= set(NAMES)


@pytest.mark.parametrize("entry", GALLERY, ids=NAMES)
def test_the_page_shows_each_picture_with_its_call(entry):
    page = " ".join(PAGE.read_text().split())
    assert f"sample_models/figures/{entry.name}.png" in page
    assert f"inputgrad {entry.words}" in page


def test_pictures_are_small_and_each_belongs_to_an_entry():
    files = [path for path in FIGURES.iterdir() if path.stem in NAMES]
    assert {path.stem for path in files} == set(NAMES)
    sizes = {path.name: path.stat().st_size for path in files}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}
    assert sum(sizes.values()) <= LARGEST_TOGETHER


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, marks=() if entry.name in QUICK else pytest.mark.slow, id=entry.name)
        for entry in GALLERY
    ],
)
def test_a_picture_is_what_its_call_draws(entry, call, tmp_path):
    """Pixels may differ in a last digit; what the picture says of itself may not."""
    (tmp_path / "sample_models").symlink_to(ROOT / "sample_models")
    path = draw_entry(entry, tmp_path / "out")
    copy_picture(path, tmp_path / "copy.png")
    shown = FIGURES / f"{entry.name}.png"
    ours, stored = read_text(path), read_text(shown)
    assert read_text(tmp_path / "copy.png") == ours
    assert {key: ours.get(key) for key in ("kind", "method", "label", "item")} == {
        key: stored.get(key) for key in ("kind", "method", "label", "item")
    }
    drawn, kept = read_pixels(path), read_pixels(shown)
    assert drawn.shape == kept.shape
    assert np.mean(np.abs(drawn - kept)) < 2
