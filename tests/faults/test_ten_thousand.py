"""Ten thousand pictures in one call."""

import pytest

from .conftest import draw_many
from .engine import save_model
from .invariants import lines, results

# A picture's arrays and its drawing are 40 kB here; what is known of a file that is done, its names
# and its journal line, are 4 to 5.
SIDE, BOOK = 32, 7_000


@pytest.mark.slow
def test_ten_thousand_pictures_hold_the_memory_of_one_thousand(tool, folder):
    """Memory flat, journal complete."""
    save_model(folder / "m.keras", SIDE)
    held = {}
    for count in (1_000, 10_000):
        names = draw_many(folder / f"in{count}", count, folders=10, side=SIDE)
        peak = folder / "peak"
        words = ("saliency", "m.keras", f"in{count}", "--zoom", "1", "-o", count)
        result = tool(*words, peak=str(peak))
        assert result.code == 0, result.err
        held[count] = int(peak.read_text())
        done = [line["input"] for line in lines(folder / str(count)) if line["status"] == "ok"]
        assert sorted(done) == sorted(names)
        assert len(results(folder / str(count))) == 2 * count
    print({count: f"{size / 1e6:.0f} MB" for count, size in held.items()})
    assert held[10_000] - held[1_000] < 9_000 * BOOK
