"""How soon a report of 10,000 items shows something, can be used, and answers, in Chromium."""

import shutil
from pathlib import Path

from inputgrad_cli.report.single_file import SingleFile
from tests.report.browser import DRIVER, Browser
from tests.report.synthetic import make_contents

ITEMS, MAX_BYTES = 10_000, 25 << 20
BARS = {"paint": 1000, "ready": 2000, "filter": 200, "sort": 400}  # milliseconds
TIMINGS = {
    "paint": "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime",
    "ready": "return performance.getEntriesByName('ready')[0]?.startTime",
}
CHANGE = """const box = document.getElementById(arguments[0]), began = performance.now();
box.value = arguments[1];
box.dispatchEvent(new Event('change'));
return performance.now() - began"""
CHANGES = {"filter": ("status", "0"), "sort": ("sort", "score")}


def measure(folder, rounds):
    """Return, for each thing that is measured, pairs of milliseconds: measured, and its bar."""
    path = Path(folder, "report.html")
    path.write_bytes(
        SingleFile(path.parent, path, MAX_BYTES).compose(make_contents(ITEMS), 96, False).page
    )
    pairs = {name: [] for name in BARS}
    for _ in range(rounds):
        browser = Browser()  # a fresh one, which has nothing of the page in its memory
        try:
            browser.open(path.as_uri())
            taken = {name: browser.wait(script) for name, script in TIMINGS.items()}
            taken |= {name: browser.run(CHANGE, *words) for name, words in CHANGES.items()}
        finally:
            browser.close()
        for name, milliseconds in taken.items():
            pairs[name].append((milliseconds, BARS[name]))
    return pairs


def table(folder):
    """Yield the rows of a table: the median and the spread of each, in milliseconds."""
    if not shutil.which(DRIVER):
        yield f"A report was not measured: no {DRIVER} is installed."
        return
    yield "| a report of 10,000 items | median ms | least - most | bar |"
    yield "|---|---|---|---|"
    for name, pairs in measure(folder, rounds=5).items():
        values = sorted(milliseconds for milliseconds, _ in pairs)
        spread = f"{values[0]:.0f} - {values[-1]:.0f}"
        yield f"| {name} | {values[len(values) // 2]:.0f} | {spread} | {BARS[name]} |"
