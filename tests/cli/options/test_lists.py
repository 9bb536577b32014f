"""Which files a call reads: directories, filters and lists."""

import numpy as np
import pytest

from tests.cli import draw, files, items


@pytest.fixture
def shapes(samples):
    return samples / "shapes.keras"


def read(result):
    return [item["input"] for item in items(result)]


def test_hidden_files_and_directories_are_not_read(call, shapes, tmp_path):
    for name in ("a.png", ".b.png", ".c/d.png", "e/.f/g.png"):
        draw(tmp_path / "in" / name)
    assert read(call("saliency", shapes, "in", "--json")) == ["a.png"]


def test_a_hidden_file_named_outright_is_tried(call, shapes, tmp_path):
    draw(tmp_path / ".b.png")
    assert read(call("saliency", shapes, ".b.png", "--json")) == [".b.png"]


def test_directory_links_are_not_followed(call, shapes, tmp_path):
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "other/b.png")
    (tmp_path / "in/link").symlink_to(tmp_path / "other")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    assert read(call("saliency", shapes, "in", "--json")) == ["a.png"]


def test_the_output_directory_is_never_read(call, shapes, tmp_path):
    draw(tmp_path / "in/a.png")
    for _ in range(2):
        result = call("saliency", shapes, "in", "-o", "in/out", "--json")
        assert read(result) == ["a.png"]
    assert files(tmp_path / "in/out") == {"a.png.gradient.npz", "a.png.gradient.png"}


def test_the_default_output_inside_the_input_is_not_read(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    for _ in range(2):
        assert read(call("saliency", shapes, ".", "--json")) == ["a.png"]


def test_a_directory_is_walked_in_sorted_order(call, shapes, tmp_path):
    for name in ("c.png", "a.png", "d/z.png", "d/y.png", "b.png"):
        draw(tmp_path / "in" / name)
    names = read(call("saliency", shapes, "in", "--json"))
    assert len(names) == 5
    assert [name for name in names if "/" not in name] == ["a.png", "b.png", "c.png"]
    assert [name for name in names if "/" in name] == ["d/y.png", "d/z.png"]


def test_names_that_differ_in_case_are_two_items(call, shapes, tmp_path):
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/A.png", seed=1)
    if len(list((tmp_path / "in").iterdir())) < 2:
        pytest.skip("this file system keeps no case")
    assert sorted(read(call("saliency", shapes, "in", "--json"))) == ["A.png", "a.png"]


def test_other_suffixes_are_passed_over_and_counted_under_v(call, shapes, tmp_path):
    draw(tmp_path / "in/a.png")
    for name in ("notes.md", "table.csv", "x.json"):
        (tmp_path / "in" / name).write_text("1")
    result = call("saliency", shapes, "in", "-v")
    assert result.code == 0
    assert "3" in result.err
    quiet = call("saliency", shapes, "in", "-o", "other")
    assert quiet.code == 0
    assert "passed" not in quiet.err


def test_a_file_named_outright_is_always_tried(call, shapes, tmp_path):
    draw(tmp_path / "a.png").rename(tmp_path / "picture.dat")
    (tmp_path / "notes.md").write_text("hello")
    result = call("saliency", shapes, "picture.dat", "notes.md", "--json")
    assert set(read(result)) == {"picture.dat", "notes.md"}
    assert {item["input"]: item["status"] for item in items(result)}["notes.md"] == "failed"


def test_vectors_are_not_looked_for_in_pictures(call, samples, tmp_path):
    draw(tmp_path / "in/a.png")
    np.save(tmp_path / "in/x.npy", np.zeros(10, "float32"))
    (tmp_path / "in/t.csv").write_text("a,b,c,d,e,f,g,h,i,j\n" + "1," * 9 + "1\n")
    result = call("saliency", samples / "sequential.keras", "in", "--json")
    assert result.code == 0
    assert set(read(result)) == {"x.npy", "t.csv"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--include", "*.bmp"], {"b.bmp"}),
        (["--exclude", "*.bmp"], {"a.png", "d/c.png"}),
        (["--include", "d/*"], {"d/c.png"}),
        (["--exclude", "d/*"], {"a.png", "b.bmp"}),
        (["--include", "*.png", "--include", "*.bmp", "--exclude", "a*"], {"b.bmp", "d/c.png"}),
    ],
)
def test_globs_filter_directories(call, shapes, tmp_path, words, expected):
    for name in ("a.png", "b.bmp", "d/c.png"):
        draw(tmp_path / "in" / name)
    assert set(read(call("saliency", shapes, "in", "--json", *words))) == expected


def test_a_list_in_a_file(call, shapes, tmp_path):
    for name in ("a.png", "b c.png", "d.png"):
        draw(tmp_path / "in" / name)
    (tmp_path / "list").write_text("in/a.png\nin/b c.png\n\n")
    names = read(call("saliency", shapes, "--from-file", "list", "--json"))
    assert names == ["a.png", "b c.png"]


def test_a_list_of_windows_lines(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "list").write_bytes(b"a.png\r\n")
    assert read(call("saliency", shapes, "--from-file", "list", "--json")) == ["a.png"]


def test_a_list_ended_by_nul(call, shapes, tmp_path):
    for name in ("a.png", "b\nc.png"):
        draw(tmp_path / "in" / name)
    (tmp_path / "list").write_bytes(b"in/a.png\0in/b\nc.png\0")
    names = read(call("saliency", shapes, "--from-file", "list", "-0", "--json"))
    assert names == ["a.png", "b\nc.png"]


def test_a_missing_name_in_a_list_is_2_and_named(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    (tmp_path / "list").write_text("a.png\nnowhere.png\n")
    result = call("saliency", shapes, "--from-file", "list")
    assert result.code == 2
    assert "nowhere.png" in result.err


@pytest.mark.parametrize("zero", [False, True])
def test_names_on_stdin(spawn, shapes, tmp_path, zero):
    for name in ("a.png", "b c.png"):
        draw(tmp_path / name)
    names = "a.png\0b c.png\0" if zero else "a.png\nb c.png\n"
    words = ("-0",) if zero else ()
    result = spawn("saliency", shapes, "-", "--json", *words, input=names)
    assert result.code == 0
    assert read(result) == ["a.png", "b c.png"]


def test_nothing_on_stdin_is_5(spawn, shapes):
    result = spawn("saliency", shapes, "-", input="")
    assert result.code == 5
    assert "Traceback" not in result.err
