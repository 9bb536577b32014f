"""Makes the sample models, their inputs, masks and labels, next to this file.

`python sample_models/build.py` makes all of them; names as arguments (such as `sensors`) make
only those. Every number comes from a seed, and nothing is downloaded.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

# Both are read when Keras is first imported, which the modules below do.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from build_clip import build_clip
from build_flats import build_flats
from build_loan import build_loan
from build_outline import build_outline
from build_promoter import build_promoter
from build_reviews import build_reviews
from build_scan import build_scan
from build_sensors import build_sensors
from build_shapes import build_shapes
from build_small import (
    build_custom_layer,
    build_sequential,
    build_two_heads,
    build_two_inputs,
)
from build_sounds import build_beep, build_chirp

FOLDER = Path(__file__).resolve().parent
BUILDERS = {
    "sequential": build_sequential,
    "two_inputs": build_two_inputs,
    "custom_layer": build_custom_layer,
    "two_heads": build_two_heads,
    "loan": build_loan,
    "reviews": build_reviews,
    "sensors": build_sensors,
    "scan": build_scan,
    "clip": build_clip,
    "promoter": build_promoter,
    "beep": build_beep,
    "chirp": build_chirp,
    "flats": build_flats,
    "outline": build_outline,
    "shapes": build_shapes,
}
LARGEST = 1_000_000


def main(names: list[str]) -> None:
    """Build the named samples, or all of them, and print a figure for each."""
    unknown = sorted(set(names) - set(BUILDERS))
    if unknown:
        raise SystemExit(f"no sample called {', '.join(unknown)}; there is {', '.join(BUILDERS)}")
    for part in ("inputs/shapes", "masks"):
        (FOLDER / part).mkdir(parents=True, exist_ok=True)
    for name in names or BUILDERS:
        start = time.perf_counter()
        figure = BUILDERS[name](FOLDER)
        seconds = time.perf_counter() - start
        size = (FOLDER / f"{name}.keras").stat().st_size
        print(f"{name}.keras: {size / 1000:.0f} kB, {figure} ({seconds:.0f} s)", flush=True)
        if size > LARGEST:
            raise SystemExit(f"{name}.keras is larger than {LARGEST / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
