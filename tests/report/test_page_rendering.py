"""The page of a run: what stands in it, that all of it is text, and that it is always the same."""

import base64
import hashlib
import io
import json
import re
import shutil
import time
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli.report.page_rendering import SCRIPT, STYLE, TEMPLATE, read_part
from tests.cli import metadata
from tests.faults.conftest import draw
from tests.report.pages import Page
from tests.report.synthetic import HOSTILE

VOID = ("http:", "https:", "//")


def test_a_page_shows_every_item_with_its_pictures_and_what_failed(run, report):
    result, data = report()
    assert (result.code, result.out) == (0, "out/report.html\n")
    assert "3 items, 1 failed" in result.err
    page = Page(data)
    index = page.index
    assert index["columns"] == ["gradient", "integrated-gradients"]
    assert sorted(index["name"]) == ["a.png", "b.png", "broken.png"]
    cells = {name: slice(2 * i, 2 * i + 2) for i, name in enumerate(index["name"])}
    assert index["status"][cells["broken.png"]] == [1, 1]
    assert index["status"][cells["a.png"]] == [0, 0]
    reasons = [text for text in page.texts["bdi"] if "not a picture" in text]
    assert reasons
    assert page.texts["h1"] == ["What m.keras looks at"]
    assert len([src for src in page.list_attributes("img", "src") if "webp" in src]) == 4


def test_a_thumbnail_is_the_picture_of_the_run_in_a_smaller_size(run, report):
    page = Page(report()[1])
    cell = 2 * page.index["name"].index("a.png")
    small = np.asarray(Image.open(io.BytesIO(page.read_cell(cell))), np.float64)
    large = Image.open(run / "a.png.gradient.png").convert("RGB")
    expected = np.asarray(large.resize((96, 96), Image.Resampling.BOX), np.float64)
    assert small.shape == (96, 96, 3)
    assert np.abs(small - expected).mean() < 8  # of 255: what WebP loses
    assert page.index["file"][cell] == "a.png.gradient.png"


def test_scores_and_sums_are_those_of_the_arrays(run, report):
    index = Page(report()[1]).index
    i = 2 * index["name"].index("b.png")
    with np.load(run / "b.png.gradient.npz") as arrays:
        norm = np.abs(arrays["picture"].astype(np.float64)).sum()
    assert index["norm"][i] == pytest.approx(norm, rel=1e-5)
    score = metadata(run / "b.png.gradient.npz")["score"]
    assert index["score"][i] == pytest.approx(score, rel=1e-5)
    assert index["gap"][i] is None
    assert 0 <= index["gap"][i + 1] < 0.01


def test_hostile_names_are_text_and_links_lead_to_their_files(hostile_run, report, folder):
    result, data = report()
    assert result.code == 0
    page = Page(data)
    names = page.index["name"]
    assert len(names) == len(HOSTILE)
    for name in names:
        assert name in page.texts["p"], name
        assert name.isprintable()
    assert {tag for tag, _ in page.elements} & {"svg", "iframe", "object"} == set()
    assert len(page.list_attributes("script", "id")) == 1
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    for link in page.list_attributes("a", "href"):
        if not link.startswith("#"):
            assert not re.match(r"[a-z]+:", link), link
    for link in page.index["file"]:
        with open(bytes(folder) + b"/out/" + unquote_to_bytes(link), "rb") as file:
            assert file.read(4) == b"\x89PNG"


@pytest.mark.parametrize("form", [(), ("--folder", "site")])
def test_nothing_in_a_page_acts_by_itself(hostile_run, report, folder, form):
    report(*form)
    pages = [folder / "out/report.html"] if not form else list((folder / "site").glob("*.html"))
    for path in pages:
        page = Page(path.read_bytes())
        for tag, attrs in page.elements:
            assert not [name for name in attrs if name.startswith("on")], tag
            assert "style" not in attrs, tag
            for name in ("src", "href", "action"):
                assert not (attrs.get(name) or "").startswith(VOID), attrs


def test_the_policy_allows_the_page_s_own_style_and_script_by_their_hashes(run, report):
    page = Page(report()[1])

    def compute_source(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    (style,) = re.findall(r"<style>(.*?)</style>", page.html, re.S)
    (script,) = re.findall(r"<script>(.*?)</script>", page.html, re.S)
    assert page.policy["style-src"] == [compute_source(style)]
    assert page.policy["script-src"] == [compute_source(script)]
    assert page.policy["default-src"] == page.policy["base-uri"] == ["'none'"]
    assert (style, script) == (read_part(STYLE), read_part(SCRIPT))


def test_only_our_own_files_are_put_in_without_escaping():
    marked = re.findall(r"\{\{\s*(.*?)\s*\}\}", read_part(TEMPLATE))
    assert [text for text in marked if "safe" in text] == ["css|safe", "js|safe"]
    script = read_part(SCRIPT)
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
    ):
        assert word not in script
    assert "</script" not in script
    assert "<!--" not in script


def test_the_same_run_gives_the_same_bytes_at_any_time_and_in_any_folder(run, report, folder, tool):
    first = report()[1]
    time.sleep(1.1)  # a time in the page would differ
    assert report()[1] == first
    shutil.copytree(run, folder / "elsewhere/out")
    (folder / "elsewhere/out/report.html").unlink()
    shutil.rmtree(folder / "in")  # a report needs neither inputs nor model
    (folder / "m.keras").unlink()
    assert tool("report", "elsewhere/out").code == 0
    assert (folder / "elsewhere/out/report.html").read_bytes() == first


def test_no_folder_of_this_machine_is_in_a_page(tool, folder):
    draw(folder / "in/a.png")
    (folder / "in/broken.png").write_text("no picture")
    model, inputs = (folder / "m.keras").resolve(), (folder / "in").resolve()
    tool("saliency", model, inputs, "-o", folder / "out", "-m", "gradient:")
    assert tool("saliency", model, inputs, "-o", folder / "out").code == 3
    for words in ((), ("--folder", "site")):
        assert tool("report", folder / "out", *words).code == 0
        path = folder / ("site/index.html" if words else "out/report.html")
        html = path.read_text()
        assert str(folder) not in html
        assert "/broken.png" not in html.replace("in/broken.png", "").replace("…/broken.png", "")


def test_the_folder_form_has_no_script_no_inline_style_and_no_inline_picture(run, report, folder):
    result, data = report("--folder", "site", page="site/index.html")
    assert (result.code, result.out) == (0, "site/index.html\n")
    page = Page(data)
    assert {tag for tag, _ in page.elements} & {"script", "style", "template"} == set()
    assert "data:" not in page.html.replace("img-src data:", "")
    assert page.policy["script-src"] == ["'none'"]
    for src in page.list_attributes("img", "src"):
        assert (folder / "site" / src).is_file(), src
    assert page.list_attributes("link", "href") == ["report.css"]
    assert (folder / "site/report.css").read_text() == read_part(STYLE)


def test_a_file_that_is_no_report_is_never_replaced(run, report, tool, folder):
    (folder / "mine.html").write_text("<p>mine")
    (folder / "mine").mkdir()
    (folder / "mine/notes.txt").write_text("mine")
    for words in (("-o", "mine.html"), ("--folder", "mine")):
        result, _ = report(*words)
        assert result.code == 2
        assert "no report" in result.err
    assert (folder / "mine.html").read_text() == "<p>mine"
    assert [p.name for p in (folder / "mine").iterdir()] == ["notes.txt"]
    assert report("-o", "new.html")[0].code == 0
    assert report("-o", "new.html")[0].code == 0


def test_a_smaller_report_leaves_nothing_of_a_larger_one(run, report, folder):
    assert report("--folder", "site")[0].code == 0
    (folder / "site/notes.txt").write_text("mine")
    assert list((folder / "site/small").iterdir())
    assert report("--folder", "site", "--no-images")[0].code == 0
    left = {p.name for p in (folder / "site").rglob("*") if p.is_file()}
    assert left == {"index.html", "report.css", "notes.txt"}


def test_json_is_one_object(run, report):
    result, data = report("--json")
    record = json.loads(result.out)
    assert record == {
        "run": "out",
        "report": "out/report.html",
        "bytes": len(data),
        "items": 3,
        "done": 2,
        "failed": 1,
        "unmet": 0,
        "unread": 0,
        "px": 96,
    }


def test_a_title_is_text_and_replaces_the_usual_one(run, report):
    page = Page(report("--title", "<i>Ours</i> & theirs")[1])
    assert page.texts["h1"] == page.texts["title"] == ["<i>Ours</i> & theirs"]


@pytest.mark.parametrize("px", [64, 96, 128])
def test_pictures_have_the_height_that_was_asked_for(run, report, px):
    page = Page(report("--px", px)[1])
    cell = 2 * page.index["name"].index("a.png")
    assert Image.open(io.BytesIO(page.read_cell(cell))).size == (px, px)


def test_without_pictures_names_scores_and_failures_stay(run, report):
    result, data = report("--no-images")
    page = Page(data)
    assert result.code == 0
    assert not page.list_attributes("img", "src")
    assert not page.read_pack("p0")
    assert sorted(page.index["name"]) == ["a.png", "b.png", "broken.png"]
    assert "too many items" not in page.html


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("report", "nowhere"), 2),
        (("report", "in"), 2),
        (("report", "out", "-o", "x.html", "--folder", "y"), 2),
        (("report", "out", "--px", "100"), 2),
        (("report", "out", "--max-size", "much"), 2),
    ],
)
def test_a_mistake_is_2_in_one_sentence(run, tool, words, code):
    result = tool(*words)
    assert result.code == code
    assert "Traceback" not in result.err
    assert result.err


def test_a_page_elsewhere_links_only_to_files_below_it(run, report, folder):
    above = Page(report("-o", "page.html", page="page.html")[1])
    assert set(filter(None, above.index["file"])) == {
        f"out/{name}.png.{method}.png"
        for name in "ab"
        for method in ("gradient", "integrated-gradients")
    }
    (folder / "other").mkdir()
    beside = Page(report("-o", "other/page.html", page="other/page.html")[1])
    assert set(beside.index["file"]) == {""}


def test_a_run_without_pictures_is_drawn_from_its_arrays(tool, folder, report):
    draw(folder / "a.png")
    assert tool("saliency", "m.keras", "a.png", "-o", "out", "--picture", "none").code == 0
    (folder / "a.png").unlink()
    page = Page(report()[1])
    assert Image.open(io.BytesIO(page.read_cell(0))).size == (96, 96)
    assert page.index["file"] == [""]


@pytest.mark.parametrize("harm", ["cut", "remove"])
def test_what_is_damaged_is_said_and_the_rest_is_shown(run, report, harm):
    path = run / "a.png.gradient.npz"
    path.write_bytes(path.read_bytes()[:-9]) if harm == "cut" else path.unlink()
    result, data = report()
    assert result.code == 3
    assert "inputgrad verify" in result.err
    page = Page(data)
    i = 2 * page.index["name"].index("a.png")
    assert page.index["status"][i : i + 2] == [1, 0]
    assert any("could not be read" in text for text in page.texts["p"])


def test_a_damaged_picture_is_drawn_again_from_its_arrays(run, report):
    path = run / "a.png.gradient.png"
    good = path.read_bytes()
    for bad in (b"", good[:60], b"\x89PNG" + bytes(len(good) - 4)):
        path.write_bytes(bad)
        result, data = report()
        assert result.code == 0
        page = Page(data)
        i = 2 * page.index["name"].index("a.png")
        assert Image.open(io.BytesIO(page.read_cell(i))).size == (96, 96)
        assert "drawn from the arrays" in page.index["notes"][str(i)][0]


def test_a_run_that_is_not_finished_says_so(run, report):
    lines = (run / "journal.jsonl").read_text().splitlines(keepends=True)
    whole = [line for line in lines if '"b.png.integrated' not in line]
    (run / "journal.jsonl").write_text("".join(whole) + lines[0][:40])
    result, data = report()
    assert result.code == 0
    page = Page(data)
    i = 2 * page.index["name"].index("b.png")
    assert page.index["status"][i : i + 2] == [0, 3]
    assert any("5 of 6 maps" in text for text in page.texts["p"])


def test_a_run_without_maps_is_5(run, report):
    (run / "journal.jsonl").write_text("")
    assert report()[0].code == 5


def test_the_shards_of_a_run_are_one_report(tool, folder, report):
    names = [f"{letter}.png" for letter in "abcdefgh"]
    for seed, name in enumerate(names):
        draw(folder / name, seed)
    for shard in ("0/2", "1/2"):
        assert tool("saliency", "m.keras", *names, "-o", "out", "--shard", shard).code == 0
    page = Page(report()[1])
    assert sorted(page.index["name"]) == names
    assert "not finished" not in page.html


def test_records_of_an_evaluation_are_shown(run, report):
    (run / "evaluation.json").write_text('{"schema": 1, "gain": {"gradient": 0.25, "n": null}}')
    page = Page(report()[1])
    assert "Evaluation" in page.texts["summary"]
    assert "0.25" in page.texts["bdi"]
    for text in ("[" * 5000, "no json", "[]"):
        (run / "evaluation.json").write_text(text)
        result, data = report()
        assert result.code == 0
        assert "Evaluation" not in Page(data).texts["summary"]
