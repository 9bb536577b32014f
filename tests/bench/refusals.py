"""How long a mistake takes that the model's file alone can answer."""

import subprocess
import sys
import time

from .jobs import MODEL, PICTURE, TOOL

HALF = 0.5  # seconds, within which an answer feels like one to what was just typed
MISTAKES = (
    ("-t", "class:Circle"),
    ("-t", "unit:9"),
    ("--wrt", "layer:nope"),
    ("-m", "grad-cam:layer=conv"),
    ("-m", "ig"),
    ("--device", "gpu:99"),
)


def refusals(rounds):
    """Return pairs of seconds: of the slowest mistake of each round, and half a second."""
    return [(max(seconds(words) for words in MISTAKES), HALF) for _ in range(rounds)]


def seconds(words):
    """Return how long a refused call takes as a whole process."""
    began = time.perf_counter()
    done = subprocess.run(
        [*TOOL, "saliency", MODEL, PICTURE, *words], capture_output=True, check=False
    )
    assert done.returncode == 2, done.stderr
    return time.perf_counter() - began


if __name__ == "__main__":
    for slowest, _ in refusals(int(sys.argv[1])):
        print(f"{slowest:.2f} s")
