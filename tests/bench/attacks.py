"""What the attacks reach: robust accuracy on 300 held-out pictures, and distances.

`python -m tests.bench optimize` prints the tables that stand in the README of the goals.
"""

import json
import statistics
import sys
import zipfile
from pathlib import Path

from PIL import Image

from .jobs import MODEL, SAMPLES, TOOL, seconds

COUNT, LEVELS = 300, (1, 2, 4, 8)
RADII = ";".join(f"{level}/255" for level in LEVELS)
SEARCHED = ";".join(f"{level}/255" for level in range(1, 65))  # of the line search by FGSM
GOALS = (
    f"fgsm:eps={RADII}",
    f"pgd:eps={RADII},steps=40",
    f"apgd:eps={RADII},steps=40",
    f"fgsm:as=fgsm-line-search,eps={SEARCHED}",
    "deepfool:as=deepfool-inf,norm=inf",
    "deepfool:as=deepfool-2,norm=2",
)
MINIMAL = {"fgsm-line-search": "linf", "deepfool-inf": "linf", "deepfool-2": "l2"}


def table(folder):
    """Yield the lines of two tables: accuracies by radius, and median distances."""
    folder = Path(folder)
    _draw(folder)
    goals = [word for goal in GOALS for word in ("--goal", goal)]
    options = ["--truth", folder / "truth.csv", "--picture", "none", "-o", folder / "out", "-q"]
    seconds([*TOOL, "optimize", MODEL, folder / "in", *goals, *options])
    searches = {goal: _read_searches(folder / "out", goal) for goal in _labels()}
    yield "| goal | " + " | ".join(f"{level}/255" for level in LEVELS) + " | gradients |"
    yield "|---" * (len(LEVELS) + 2) + "|"
    for goal in ("fgsm", "pgd", "apgd"):
        shares = [_share_robust(searches[goal], level / 255) for level in LEVELS]
        cells = " | ".join(f"{share:.3f}" for share in shares)
        yield f"| `{goal}` | {cells} | {_count_gradients(searches[goal])} |"
    yield ""
    yield "| goal | median distance | still there as stored | gradients |"
    yield "|---|---|---|---|"
    for goal, norm in MINIMAL.items():
        distances = [_get_distance(search, norm) for search in searches[goal]]
        count = sum(distance < float("inf") for distance in distances)
        cells = f"{statistics.median(distances):.1f} | {count} of {COUNT}"
        yield f"| `{goal}` | {cells} | {_count_gradients(searches[goal])} |"


def _get_distance(search, norm):
    """Return the distance of the stored picture in levels; infinity if nothing was reached."""
    if search["search"] != "success":
        return float("inf")
    return search["distances"]["fractions"][norm] * 255


def _draw(folder):
    sys.path.insert(0, str(SAMPLES))
    from draw_shapes import CLASSES, draw_pictures

    drawn = draw_pictures(2000, 7)
    (folder / "in").mkdir()
    lines = ["input,value"]
    for index in range(COUNT):
        name = f"{index:03d}-{CLASSES[drawn.labels[index]]}.png"
        Image.fromarray(drawn.pixels[index]).save(folder / "in" / name)
        lines.append(f"{name},{drawn.labels[index]}")
    (folder / "truth.csv").write_text("\n".join(lines) + "\n")


def _labels():
    return [goal.partition("as=")[2].partition(",")[0] or goal.partition(":")[0] for goal in GOALS]


def _read_searches(out: Path, goal):
    """Return the records of the searches of a goal, by name of the picture."""
    records = []
    for path in sorted(out.glob(f"*.png.{goal}.npz")):
        with zipfile.ZipFile(path) as archive:
            records.append(json.loads(archive.read("metadata.json"))["search"])
    assert len(records) == COUNT
    return records


def _share_robust(searches, radius):
    """Return the share of pictures that are right in the radius: not wrong before, not moved."""
    lost = [
        search["search"] == "already"
        or (search["search"] == "success" and search["radius"] <= radius + 1e-9)
        for search in searches
    ]
    return 1 - sum(lost) / len(lost)


def _count_gradients(searches):
    return round(statistics.mean(search["gradient_calls"] for search in searches), 1)
