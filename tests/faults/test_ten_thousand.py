"""Ten thousand pictures in one call."""

import pytest

from .conftest import draw_many
from .engine import save_model
from .invariants import lines, results

# A picture's arrays and its drawing are 40 kB here; what is known of a file that is done, its names
# and its journal line, are 4 to 5.
SIDE, BOOK = 32, 7_000


@pytest.mark.slow
def test_ten_thousand_pictures_hold_the_memory_of_one_thousand(tool, place):
    """Memory flat, journal complete."""
    save_model(place / "m.keras", SIDE)
    held = {}
    for number in (1_000, 10_000):
        names = draw_many(place / f"in{number}", number, folders=10, side=SIDE)
        peak = place / "peak"
        words = ("saliency", "m.keras", f"in{number}", "--zoom", "1", "-o", number)
        result = tool(*words, peak=str(peak))
        assert result.code == 0, result.err
        held[number] = int(peak.read_text())
        done = [line["input"] for line in lines(place / str(number)) if line["status"] == "ok"]
        assert sorted(done) == sorted(names)
        assert len(results(place / str(number))) == 2 * number
    print({number: f"{size / 1e6:.0f} MB" for number, size in held.items()})
    assert held[10_000] - held[1_000] < 9_000 * BOOK
