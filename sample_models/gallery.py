"""Draws the gallery: a picture of each kind, by the command line, from the sample models.

`python sample_models/gallery.py` (or `make gallery`) draws all of them in `inputgrad-out/gallery`
and copies each to `figures/`, next to this file, under the name of its entry; names as arguments
(such as `volume`) draw only those. `inputgrad_cli/rendering/README.md` shows them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, PngImagePlugin

from inputgrad_cli.cli.main import run

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "sample_models" / "figures"
OUT = Path("inputgrad-out") / "gallery"
INPUTS = "sample_models/inputs"
CROSS = f"sample_models/shapes.keras {INPUTS}/shapes/06-cross.png"
LOAN = f"sample_models/loan.keras {INPUTS}/loan"
SENSORS = f"sample_models/sensors.keras {INPUTS}/sensors_fault.npy"
IG = "integrated-gradients"


@dataclass(frozen=True)
class Entry:
    """A picture of the gallery: its name, the words of the call, and the pattern of its file.

    What the call draws beside the PNG, such as an animation, is copied as well.
    """

    name: str
    words: str
    pattern: str = "*.png"


GALLERY = (
    Entry("overlay", f"saliency {CROSS} -m {IG}"),
    Entry("heatmap", f"saliency {CROSS} -m {IG} --picture heatmap"),
    Entry("panel", f"saliency {CROSS} -m {IG} --picture panel"),
    Entry("contours", f"saliency {CROSS} -m grad-cam --picture contours"),
    Entry("percentile", f"saliency {CROSS} -m {IG} --picture percentile --smooth --keep 15"),
    Entry("smooth", f"saliency {CROSS} --picture panel --smooth"),
    Entry(
        "original",
        f"saliency sample_models/shapes.keras {INPUTS}/large-cross.jpg -m grad-cam --on original",
    ),
    Entry("grid", f"saliency {CROSS} -m gradient -m {IG} -m grad-cam --picture grid"),
    Entry("class-strip", f"saliency {CROSS} -m {IG} -t all"),
    Entry(
        "segmentation",
        f"saliency sample_models/outline.keras {INPUTS}/shapes/06-cross.png -m {IG}"
        " -t mask:sample_models/masks/06-cross.png,class=shape --picture panel",
    ),
    Entry(
        "bars",
        f"saliency sample_models/flats.keras {INPUTS}/flats/flats.csv -m {IG}",
        "*.09.png",
    ),
    Entry(
        "heat-table",
        f"saliency sample_models/two_heads.keras {INPUTS}/two_heads.npy -m {IG} -t kind/all",
        "*.3.png",
    ),
    Entry(
        "inputs",
        f"saliency sample_models/two_inputs.keras {INPUTS}/two_inputs.npz -m {IG}"
        " --show input_b=signal --picture inputs",
        "*.0.png",
    ),
    Entry(
        "waterfall",
        f"saliency {LOAN}_refused.csv -m {IG} --picture waterfall"
        f" --baseline dataset:path={INPUTS}/loan_known.csv",
        "*.1.png",
    ),
    Entry("summary", f"saliency {LOAN}.csv -m {IG} -t class:granted", "*.summary.png"),
    Entry("text", f"saliency sample_models/reviews.keras {INPUTS}/review.txt -m {IG}"),
    Entry("signal", f"saliency {SENSORS} -t loss:reconstruction", "*.00.png"),
    Entry("sound", f"saliency sample_models/beep.keras {INPUTS}/beep/high-beep.wav -m {IG}"),
    Entry(
        "spectrogram",
        f"saliency sample_models/chirp.keras {INPUTS}/chirp/rising.npy -m {IG}"
        " --show spectrogram=spectrogram",
    ),
    Entry(
        "logo",
        f"saliency sample_models/promoter.keras {INPUTS}/promoter/promoter.npy -m {IG}"
        " --show dna=logo --alphabet ACGT",
    ),
    Entry(
        "strip",
        f"saliency {SENSORS} -t loss:reconstruction --show window=strip",
        "*.00.png",
    ),
    Entry("volume", f"saliency sample_models/scan.keras {INPUTS}/scan/nodule.npy -m {IG}"),
    Entry("video", f"saliency sample_models/clip.keras {INPUTS}/clip/moves-right.gif -m {IG}"),
    Entry("search-panel", f"optimize {CROSS} --goal pgd:eps=8/255", "*.panel.png"),
    Entry(
        "search-row",
        f"optimize {LOAN}_refused.csv --goal counterfactual -t class:granted"
        f" --data {INPUTS}/loan_known.csv --ranges {INPUTS}/loan_ranges.csv --freeze children",
        "*.0.panel.png",
    ),
    Entry(
        "search-signal",
        f"optimize {SENSORS} --goal reconstruct -t loss:reconstruction --until 0.01",
        "*.00.panel.png",
    ),
)


def main(names: list[str]) -> None:
    """Draw the named entries, or all of them, and copy their pictures."""
    known = [entry.name for entry in GALLERY]
    if unknown := sorted(set(names) - set(known)):
        raise SystemExit(f"no picture called {', '.join(unknown)}; there is {', '.join(known)}")
    FIGURES.mkdir(exist_ok=True)
    with contextlib.chdir(ROOT):
        for entry in GALLERY:
            if not names or entry.name in names:
                copy_picture(draw_entry(entry, OUT), FIGURES / f"{entry.name}.png")


def draw_entry(entry: Entry, out: Path) -> Path:
    """Draw an entry in a folder of its name below `out`, and return the path of its picture."""
    folder = out / entry.name
    shutil.rmtree(folder, ignore_errors=True)  # what another model has left is refused otherwise
    code = run([*entry.words.split(), "--out", os.fspath(folder)])
    if code:
        raise SystemExit(f"{entry.name}: inputgrad {entry.words} ended with {code}")
    (picture,) = folder.glob(entry.pattern)
    return picture


def copy_picture(path: Path, target: Path) -> None:
    """Copy a picture with its text, packed more tightly, and the files beside it.

    The tool writes PNG files fast rather than small. The pixels stay.
    """
    with Image.open(path) as picture:
        text = PngImagePlugin.PngInfo()
        for key, value in picture.info.items():
            if isinstance(value, str):
                text.add_text(key, value)
        picture.save(target, optimize=True, pnginfo=text)
    for ending in (".webp", ".html"):
        if path.with_suffix(ending).is_file():
            shutil.copyfile(path.with_suffix(ending), target.with_suffix(ending))


if __name__ == "__main__":
    main(sys.argv[1:])
