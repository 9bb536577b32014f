"""The README is true: its commands run and print what it shows, its tables are the tool's own."""

import json
import re
import shlex
from pathlib import Path

import pytest

from inputgrad_cli.describe.methods import methods_markdown
from inputgrad_cli.methods import methods

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```console\n\$ inputgrad (.*?)\n(.*?)```", README, re.S)


def words(text):
    """Split text into words, numbers among them as floats rounded to what machines agree on."""
    out = []
    for word in text.split():
        number = re.fullmatch(r"(-?\d+\.\d+)(%?)", word)
        out.append((f"{float(number[1]):.3g}" + number[2]) if number else word)
    return out


@pytest.mark.parametrize(("line", "shown"), BLOCKS, ids=[line[:40] for line, _ in BLOCKS])
def test_a_command_prints_what_the_readme_shows(call, tmp_path, line, shown):
    (tmp_path / "sample_models").symlink_to(ROOT / "sample_models")
    result = call(*shlex.split(line))
    assert result.code == 0, result.err
    assert words(result.out) == words(shown)


def test_there_are_commands_to_try():
    assert len(BLOCKS) >= 3


def test_the_table_of_methods_is_the_tools_own():
    between = README.split("<!-- methods -->")[1].split("<!-- /methods -->")[0]
    assert between.strip() == methods_markdown()


def test_the_table_of_masses_has_every_method():
    between = README.split("<!-- mass -->")[1].split("<!-- /mass -->")[0]
    rows = re.findall(r"^\| `([a-z0-9+-]+)` \| [a-z-]+ \| 0\.\d\d \| \d+\.\d{3} \|$", between, re.M)
    assert sorted(rows) == sorted(cls.name for cls in methods)


def test_the_python_example_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    code = README.split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    assert names["found"].values["picture"].shape == (64, 64, 3)


def test_every_picture_and_path_exists():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path


def test_the_figures_shown_are_what_the_tool_draws(call, tmp_path):
    """Pixels may differ in a last digit; what the picture says of itself may not."""
    import numpy as np
    from PIL import Image

    picture = ROOT / "sample_models" / "inputs" / "shapes" / "06-cross.png"
    model = ROOT / "sample_models" / "shapes.keras"
    call("saliency", model, picture, "-m", "integrated-gradients", "-m", "gradient", "-o", "maps")
    for name in ("integrated-gradients", "gradient"):
        drawn = Image.open(tmp_path / f"maps/06-cross.png.{name}.png")
        shown = Image.open(ROOT / f"sample_models/figures/{name}.png")
        told, kept = (json.loads(picture.text["inputgrad"]) for picture in (drawn, shown))
        assert (told["method"], told["label"]) == (name, "cross")
        assert {k: told[k] for k in ("kind", "reduce", "cmap")} == {
            k: kept[k] for k in ("kind", "reduce", "cmap")
        }
        assert told["scale"] == pytest.approx(kept["scale"], rel=1e-3)
        a, b = (np.asarray(picture, np.int16) for picture in (drawn, shown))
        assert a.shape == b.shape
        assert np.mean(np.abs(a - b)) < 2
