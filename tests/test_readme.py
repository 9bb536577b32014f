"""The READMEs are true: their commands print what they show, their tables are the tool's own."""

import json
import re
import shlex
from pathlib import Path

import pytest

from inputgrad_cli.describe.goals import format_goals_table
from inputgrad_cli.describe.methods import format_methods_table
from inputgrad_cli.methods import methods

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
METHODS = ROOT / "inputgrad_cli" / "methods" / "README.md"
GOALS = ROOT / "inputgrad_cli" / "optimization" / "README.md"
PAGES = [README, *sorted(ROOT.glob("inputgrad_cli/**/README.md")), *ROOT.glob("tests/*/README.md")]
BLOCKS = [
    (line, shown)
    for page in PAGES
    for line, shown in re.findall(
        r"```console\n\$ inputgrad (.*?)\n(.*?)```", page.read_text(), re.S
    )
]
MOST_WORDS = 900
MOST_WORDS_A_PARAGRAPH = 60
REST = "..."  # a last line of a block: the command prints more


def words(text):
    """Split text into words, numbers among them as floats rounded to what machines agree on."""
    out = []
    for word in text.split():
        match = re.fullmatch(r"(-?\d+\.\d+)(%?)", word)
        out.append((f"{float(match[1]):.3g}" + match[2]) if match else word)
    return out


def between(page, name):
    """Return the text between the two marks of a table."""
    return page.read_text().split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]


@pytest.mark.parametrize(("line", "shown"), BLOCKS, ids=[line[:40] for line, _ in BLOCKS])
def test_a_command_prints_what_the_page_shows(call, tmp_path, line, shown):
    (tmp_path / "sample_models").symlink_to(ROOT / "sample_models")
    if line.startswith("report "):  # of the run that the first call of the first page has made
        assert call(*shlex.split(BLOCKS[0][0])).code == 0
    result = call(*shlex.split(line))
    assert result.code == 0, result.err
    expected, printed = words(shown), words(result.out)
    if expected[-1] == REST:
        expected = expected[:-1]
        assert len(printed) > len(expected)
        printed = printed[: len(expected)]
    assert printed == expected


def test_there_are_commands_to_try():
    assert len(BLOCKS) >= 7


def test_the_readme_is_short():
    text = README.read_text()
    assert len(text.split()) <= MOST_WORDS
    for paragraph in re.split(r"\n\n|\n- ", re.sub(r"```.*?```", "", text, flags=re.S)):
        if not paragraph.startswith("|"):
            assert len(paragraph.split()) <= MOST_WORDS_A_PARAGRAPH, paragraph


def test_the_table_of_methods_is_the_tools_own():
    assert between(METHODS, "methods").strip() == format_methods_table(), "run `make docs`"


def test_the_table_of_goals_is_the_tools_own():
    assert between(GOALS, "goals").strip() == format_goals_table(), "run `make docs`"


def test_the_table_of_masses_has_every_method():
    rows = re.findall(
        r"^\| `([a-z0-9+-]+)` \| [a-z-]+ \| 0\.\d\d \| \d+\.\d{3} \|$",
        between(METHODS, "mass"),
        re.M,
    )
    assert set(rows) <= {method.name for method in methods}
    assert len(rows) == len(set(rows)) >= 32


def test_the_python_example_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    code = README.read_text().split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    assert names["cross"].values["picture"].shape == (64, 64, 3)
    assert names["cross"].metadata["checks"]["completeness"]["ok"]


def test_the_method_shown_is_the_file_that_is_to_be_copied():
    """But for docstrings and types, which `make check` asks for and the page has no room for."""
    section = README.read_text().split("## Add a method")[1]
    whole = (ROOT / re.search(r"\]\((\S+\.py)\)", section)[1]).read_text().splitlines()
    shown = [
        line
        for line in section.split("```")[1].splitlines()
        if not re.search(r'"""|^from .* import |def ', line)
    ]
    assert len(shown) >= 10
    assert [line for line in whole if line in shown and line.strip()] == list(filter(None, shown))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_leads_to_a_file(page):
    for path in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / path).exists(), path


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
        ours, stored = (json.loads(image.text["inputgrad"]) for image in (drawn, shown))
        assert (ours["method"], ours["label"]) == (name, "cross")
        assert {k: ours[k] for k in ("kind", "reduce", "cmap")} == {
            k: stored[k] for k in ("kind", "reduce", "cmap")
        }
        assert ours["scale"] == pytest.approx(stored["scale"], rel=1e-3)
        a, b = (np.asarray(image, np.int16) for image in (drawn, shown))
        assert a.shape == b.shape
        assert np.mean(np.abs(a - b)) < 2
