"""What items and their files are called."""

import shutil

import numpy as np
import pytest

from tests.cli import draw, files, items


@pytest.fixture
def shapes(samples):
    return samples / "shapes.keras"


def names(result):
    return [item["input"] for item in items(result)]


def test_a_file_alone_gives_its_file_name(call, shapes, tmp_path):
    draw(tmp_path / "deep/er/a.png")
    result = call("saliency", shapes, "deep/er/a.png", "--json")
    assert names(result) == ["a.png"]
    assert files(tmp_path / "inputgrad-out") == {"a.png.gradient.npz", "a.png.gradient.png"}


def test_one_directory_gives_its_contents(call, shapes, tmp_path):
    draw(tmp_path / "pets/cats/a.png")
    draw(tmp_path / "pets/b.png")
    result = call("saliency", shapes, "pets", "--json", "--picture", "none")
    assert sorted(names(result)) == ["b.png", "cats/a.png"]
    out = files(tmp_path / "inputgrad-out")
    assert out == {"b.png.gradient.npz", "cats/a.png.gradient.npz"}


def test_two_directories_keep_their_names(call, shapes, tmp_path):
    draw(tmp_path / "cats/a.png")
    draw(tmp_path / "dogs/a.png", seed=1)
    result = call("saliency", shapes, "cats", "dogs", "--json")
    assert sorted(names(result)) == ["cats/a.png", "dogs/a.png"]


def test_files_in_one_directory_lose_it(call, shapes, tmp_path):
    draw(tmp_path / "cats/a.png")
    draw(tmp_path / "cats/b.png")
    assert names(call("saliency", shapes, "cats/a.png", "cats/b.png", "--json")) == [
        "a.png",
        "b.png",
    ]


def test_a_file_beside_a_directory_is_named_from_what_holds_both(call, shapes, tmp_path):
    draw(tmp_path / "x/cats/a.png")
    draw(tmp_path / "x/b.png")
    result = call("saliency", shapes, "x/cats", "x/b.png", "--json")
    assert sorted(names(result)) == ["b.png", "cats/a.png"]


def test_root_fixes_the_names(call, shapes, tmp_path):
    draw(tmp_path / "x/cats/a.png")
    result = call("saliency", shapes, "x/cats/a.png", "--root", ".", "--json")
    assert names(result) == ["x/cats/a.png"]


def test_an_input_outside_the_root_is_2(call, shapes, tmp_path):
    draw(tmp_path / "x/a.png")
    (tmp_path / "y").mkdir()
    result = call("saliency", shapes, "x/a.png", "--root", "y")
    assert result.code == 2
    assert "--root" in result.err
    assert "Traceback" not in result.err


def test_a_path_with_dots_stays_inside_the_output(call, shapes, tmp_path):
    draw(tmp_path / "x/a.png")
    (tmp_path / "x/y").mkdir()
    result = call("saliency", shapes, "x/y/../a.png", "--json")
    assert names(result) == ["a.png"]


def test_a_file_named_twice_is_one_item(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    result = call("saliency", shapes, "a.png", "./a.png", tmp_path / "a.png", "--json")
    assert result.code == 0
    assert names(result) == ["a.png"]


def test_the_suffix_is_kept_so_that_one_stem_serves_two_files(call, shapes, tmp_path):
    draw(tmp_path / "p/a.png")
    draw(tmp_path / "p/a.bmp")
    assert call("saliency", shapes, "p", "--picture", "none").code == 0
    out = files(tmp_path / "inputgrad-out")
    assert out == {"a.png.gradient.npz", "a.bmp.gradient.npz"}


@pytest.mark.parametrize("targets", [["top1", "top:2"], ["3", "class:3"], ["auto", "auto"]])
def test_targets_that_share_a_name_are_refused_before_work(call, shapes, tmp_path, targets):
    draw(tmp_path / "a.png")
    words = [word for target in targets for word in ("-t", target)]
    result = call("saliency", shapes, "a.png", *words)
    assert result.code == 2
    assert "Traceback" not in result.err
    assert not (tmp_path / "inputgrad-out").exists()


def test_items_whose_files_would_share_a_name_are_refused(call, samples, tmp_path):
    for name in ("a.npy", "a.npy.b.npy"):
        np.save(tmp_path / name, np.zeros(10, "float32"))
    words = ("-m", "gradient:as=b.npy.g", "-m", "input-x-gradient:as=g")
    result = call("saliency", samples / "sequential.keras", "a.npy", "a.npy.b.npy", *words)
    assert result.code == 2
    assert files(tmp_path / "inputgrad-out") == set()


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("3", ["class3"]),
        ("class:3", ["class3"]),
        ("class:cross", ["class-cross"]),
        ("top:2", ["top1", "top2"]),
        ("margin:1,2", ["margin1-2"]),
        ("shape/top1", ["shape-top1"]),
        ("unit:2", ["unit2"]),
        ("norm", ["norm"]),
        ("all", ["all"]),
    ],
)
def test_target_words(call, shapes, tmp_path, asked, word):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "-t", asked, "-t", "sum", "--picture", "none")
    expected = {f"a.png.gradient.{part}.npz" for part in [*word, "sum"]}
    assert files(tmp_path / "inputgrad-out") == expected


def test_the_target_auto_alone_has_no_word_in_a_name(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    words = ("-m", "gradient", "-m", "input-x-gradient:as=ixg", "--picture", "none")
    call("saliency", shapes, "a.png", *words)
    assert files(tmp_path / "inputgrad-out") == {"a.png.gradient.npz", "a.png.ixg.npz"}


def test_a_second_target_keeps_the_first_file(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    for target in ("class:3", "class:cross", "auto", "unit:1"):
        assert call("saliency", shapes, "a.png", "-t", target, "--picture", "none").code == 0
    words = (".class3", ".class-cross", "", ".unit1")
    assert files(tmp_path / "inputgrad-out") == {f"a.png.gradient{word}.npz" for word in words}


def test_top_k_alone_has_target_words(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "-t", "top:3", "--picture", "none")
    assert files(tmp_path / "inputgrad-out") == {f"a.png.gradient.top{k}.npz" for k in (1, 2, 3)}


def test_all_alone_is_one_map(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    call("saliency", shapes, "a.png", "-t", "all", "--picture", "none")
    assert files(tmp_path / "inputgrad-out") == {"a.png.gradient.all.npz"}


def test_as_cannot_lead_out_of_the_output(call, shapes, tmp_path):
    draw(tmp_path / "a.png")
    for label in ("../../x", "a/b", "..", ""):
        result = call("saliency", shapes, "a.png", "-m", f'gradient:as="{label}"', "-o", "in/out")
        assert "Traceback" not in result.err
        assert result.code in (0, 2)
    folders = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.npz")}
    assert folders <= {"in"}


def test_samples_of_one_file_get_zero_padded_pictures(call, shapes, samples, tmp_path):
    np.save(tmp_path / "many.npy", np.full((11, 64, 64, 3), 90, "float32"))
    result = call("saliency", shapes, "many.npy", "--json")
    out = files(tmp_path / "inputgrad-out")
    pictures = {f"many.npy.gradient.{n:02}.png" for n in range(11)}
    assert out == pictures | {"many.npy.gradient.npz"}
    assert [item["sample"] for item in items(result)] == list(range(11))


def test_a_directory_whose_name_ends_like_a_picture_is_a_directory(call, shapes, tmp_path):
    draw(tmp_path / "x.png/inner.png")
    shutil.copy(tmp_path / "x.png/inner.png", tmp_path / "y.png")
    assert sorted(names(call("saliency", shapes, ".", "--json"))) == ["x.png/inner.png", "y.png"]
