"""Odd file names: they are data, never commands, never a crash."""

import os

import pytest

from . import arrays, draw, items, journal, stream

ODD = [
    "a b.png",
    "ünïcödé-日本.png",
    "emoji-🐈.png",
    "-leading.png",
    "--json.png",
    "quote'\".png",
    "back\\slash.png",
    "#hash%25.png",
    "a.b.c.png",
    "glob*[x]?.png",
    "$HOME.png",
    "a,b=c:d.png",
]


@pytest.fixture
def shapes(samples):
    return samples / "shapes.keras"


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_in_a_directory(call, shapes, tmp_path, name):
    draw(tmp_path / "in" / name)
    result = call("saliency", shapes, "in", "--json")
    assert result.code == 0
    (item,) = items(result)
    assert item["input"] == name
    assert arrays(tmp_path / "inputgrad-out" / f"{name}.gradient.npz")
    assert journal(tmp_path / "inputgrad-out")[0]["input"] == name
    again = call("saliency", shapes, "in", "--json")
    assert items(again)[0]["status"] == "skipped"
    assert call("render", "inputgrad-out").code == 0


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_on_the_command_line(call, shapes, tmp_path, name):
    draw(tmp_path / name)
    assert call("saliency", shapes, "--", name).code == 0
    assert (tmp_path / "inputgrad-out" / f"{name}.gradient.png").exists()


@pytest.mark.parametrize("name", ["red\x1b[31m.png", "line\nbreak.png", "bell\a.png", "tab\t.png"])
def test_control_characters_do_not_reach_the_terminal(call, shapes, tmp_path, name):
    draw(tmp_path / "in" / name)
    (tmp_path / "in" / f"bad{name}").write_text("no picture")
    result = call("saliency", shapes, "in")
    assert result.code == 3
    for text in (result.out, result.err):
        assert "\x1b" not in text
        assert "\a" not in text
    assert len(result.out.splitlines()) == 1
    assert (tmp_path / "inputgrad-out" / f"{name}.gradient.npz").exists()


@pytest.mark.parametrize("name", ["red\x1b[31m.png", "line\nbreak.png"])
def test_control_characters_are_escaped_on_the_stream(call, shapes, tmp_path, name):
    draw(tmp_path / "in" / name)
    result = call("saliency", shapes, "in", "--json")
    assert items(result)[0]["input"] == name
    assert [line["type"] for line in stream(result)] == ["start", "item", "summary"]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX")
@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_name_that_is_not_utf8(call, shapes, tmp_path, json):
    name = os.fsdecode(b"caf\xe9.png")
    draw(tmp_path / "in" / "plain.png").rename(tmp_path / "in" / name)
    draw(tmp_path / "in/a.png")
    result = call("saliency", shapes, "in", *json)
    assert result.code == 0
    assert "Traceback" not in result.err
    assert (tmp_path / "inputgrad-out" / f"{name}.gradient.npz").exists()
    result.out.encode()
    if json:
        assert len(items(result)) == 2
        for line in result.out.splitlines():
            assert "\\udc" not in line
    again = call("saliency", shapes, "in", "--json")
    assert {item["status"] for item in items(again)} == {"skipped"}


def test_a_long_name_fails_alone_or_works(call, shapes, tmp_path):
    draw(tmp_path / "in" / f"{'x' * 245}.png")
    draw(tmp_path / "in/a.png")
    result = call("saliency", shapes, "in", "--json")
    assert result.code in (0, 3)
    assert "Traceback" not in result.err
    assert {item["input"]: item["status"] for item in items(result)}["a.png"] == "ok"


def test_a_place_with_spaces_and_unicode(call, samples, tmp_path):
    folder = tmp_path / "ein Ort, mit Ümlaut"
    draw(folder / "in/a.png")
    model = folder / "mein modell.keras"
    model.write_bytes((samples / "shapes.keras").read_bytes())
    result = call("saliency", model, folder / "in", "-o", folder / "aus gabe", "--json")
    assert result.code == 0
    assert (folder / "aus gabe/a.png.gradient.npz").exists()
