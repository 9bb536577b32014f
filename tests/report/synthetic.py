"""Reports of items that no run has made: any number of them, with names that attack the page."""

import io
import random

import numpy as np
from PIL import Image

from inputgrad_cli.report.page_contents import (
    Bars,
    Cell,
    ColourScale,
    Contents,
    Picture,
    ReportItem,
    Spark,
    Status,
    Tokens,
)
from inputgrad_cli.report.path_and_number_formatting import format_name, format_number

HOSTILE = (
    '<img src=x onerror="window.hit=1">.png',
    "</template><script>window.hit=2</script>.png",
    '"><svg onload=window.hit=3>.png',
    "a' onmouseover='window.hit=4'.png",
    "{{ 7*7 }}{% raw %}.png",
    "\u202egnp.exe.png",
    "näme 🧬 日本語 العربية.png",
    "javascript:window.hit=5.png",
    "x" * 240 + ".png",
    "a#b?c%20&amp;.png",
    "\udcff\udcfe.png",
    "tab\tnew\nline.png",
)
CLASSES = ("tabby cat", "goldfish", "barn", "</option><script>window.hit=6</script>")
REASON = "<b>truncated</b> </script><script>window.hit=7</script>"
FIRST_HOSTILE = 20  # the index of the first hostile name


def make_thumbnails(count=20, side=96):
    """Return WebP pictures of coarse noise, which have as many bytes as thumbnails of maps."""
    rng = np.random.default_rng(0)
    pictures = []
    for _ in range(count):
        out = io.BytesIO()
        noise = Image.fromarray(rng.integers(0, 255, (11, 11, 3), np.uint8))
        noise.resize((side, side), Image.Resampling.BICUBIC).save(out, "WEBP", quality=75)
        pictures.append(out.getvalue())
    return pictures


def make_contents(count, columns=("gradient",)):
    """Return contents of `count` items: a failure in 53, a check that does not hold in 97."""
    chosen, thumbnails = random.Random(0), make_thumbnails()
    items = []
    for i in range(count):
        is_hostile = 0 <= i - FIRST_HOSTILE < len(HOSTILE)
        name = HOSTILE[i - FIRST_HOSTILE] if is_hostile else f"cats/{i:05d}.png"
        cells = [make_cell(i, chosen, thumbnails) for _ in columns]
        items.append(ReportItem(format_name(name), cells))
    facts = [("model", "m.keras"), ("command", "inputgrad saliency m.keras in")]
    return Contents(title="A run", introduction="", columns=columns, items=items, facts=facts)


def make_cell(i, chosen, thumbnails):
    """Return the cell of an item: a picture with all that belongs to it, or a failure."""
    if i % 53 == 7:
        return Cell(Status.FAILED, notes=(REASON,), kind="unreadable")
    label, score = chosen.choice(CLASSES), chosen.gauss(8, 3)
    return Cell(
        status=Status.UNMET if i % 97 == 3 else Status.OK,
        body=Picture(thumbnails[i % len(thumbnails)]),
        answer=f"{label} · 98.2% · logit {score:.4g}",
        label=label,
        score=score,
        probability=chosen.random(),
        gap=chosen.random(),
        norm=chosen.random(),
        notes=("The attributions do not sum up.",) if i % 97 == 3 else (),
        scale=ColourScale("RdBu_r", -1.0, 1.0, "logit per unit of input"),
    )


def make_mixed_contents():
    """Return one item of each kind of body, with hostile texts in it."""
    bodies = [
        Bars(
            ["age", HOSTILE[0]],
            [100, -40],
            ["+0.5", format_number(-0.2)],
            ["31", "<b>"],
            "8 others",
        ),
        Tokens(
            ["the", " <script>", " cat"], [0, 8, -3], ["0", "+2", format_number(-1)], "3 x padding"
        ),
        Spark([0, 50, -100, 20], "4 values"),
        Picture(make_thumbnails(1)[0]),
    ]
    items = [
        ReportItem(f"{body.kind}.x", [Cell(Status.OK, body, answer="cat", label="cat")])
        for body in bodies
    ]
    return Contents(
        title="Kinds", introduction="", columns=["gradient"], items=items, facts=[("a", "b")]
    )
