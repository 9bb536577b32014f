"""`make bench`: paired runs, the median ratio of each pair printed as a table."""

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "sample_models"
MODEL, PICTURE = SAMPLES / "shapes.keras", SAMPLES / "inputs" / "shapes" / "00-cross.png"
PYTHON = sys.executable
TOOL = [PYTHON, "-m", "inputgrad_cli"]


def seconds(command):
    """Return how long a command takes as a whole process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def paired(ours, theirs, rounds):
    """Return the times of both commands, taken in turn after one run of each to warm up."""
    ours(0), theirs(0)
    return [(ours(n), theirs(n)) for n in range(1, rounds + 1)]


def one_picture(folder, rounds=9):
    """Return pairs of one call on one picture and of the straight script."""

    def ours(number):
        out = folder / f"ours{number}"
        return seconds([*TOOL, "saliency", MODEL, PICTURE, "--out", out])

    def theirs(number):
        script = Path(__file__).with_name("straight.py")
        return seconds([PYTHON, script, MODEL, PICTURE, folder / f"theirs{number}"])

    return paired(ours, theirs, rounds)


def help_text(folder, rounds=15):
    """Return pairs of `--help` and of importing Click alone."""
    return paired(
        lambda _: seconds([*TOOL, "--help"]),
        lambda _: seconds([PYTHON, "-c", "import click"]),
        rounds,
    )


ROWS = (
    ("one picture, whole process, over the straight script", one_picture, 1.15),
    ("--help over `import click`", help_text, 3.0),
)


def main():
    """Print a row a measurement: median ratio, spread, both medians, the bar."""
    print(f"{platform.machine()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}")
    print("| what | median ratio | least - most | ours s | other s | bar |")
    print("|---|---|---|---|---|---|")
    for title, measure, bar in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            pairs = measure(Path(folder))
        ratios = sorted(ours / theirs for ours, theirs in pairs)
        middle = statistics.median(ratios)
        ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        print(
            f"| {title} | {middle:.2f} | {ratios[0]:.2f} - {ratios[-1]:.2f} "
            f"| {ours:.2f} | {theirs:.2f} | {bar} |"
        )


if __name__ == "__main__":
    main()
