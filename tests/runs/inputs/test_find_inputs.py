"""The items of a call: which files, in which order, under which names, in how little memory."""

import os
import subprocess
import tracemalloc
from pathlib import Path

import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.runs.inputs.file_items import FileItems, IndexedItems
from inputgrad_cli.runs.inputs.find_inputs import Search, find_items
from inputgrad_cli.runs.inputs.item import Item

UNREADABLE = os.fsdecode(b"caf\xe9.png")  # a name that is not UTF-8


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def find(*paths, out="out", **options):
    return find_items(Search(tuple(map(str, paths)), (".png", ".npy"), Path(out), **options))


def list_names(inputs):
    names = [item.name for item in inputs.items]
    assert names == list(inputs.yield_names())
    return names


def test_a_directory_is_walked_in_the_order_of_names_folder_by_folder(tmp_path):
    make(tmp_path, "b/2.png", "b/10.png", "a.png", "c.PNG", "b.png", "z/y/x.npy", "notes.txt")
    inputs = find(tmp_path)
    expected = ["a.png", "b/10.png", "b/2.png", "b.png", "c.PNG", "z/y/x.npy"]
    assert list_names(inputs) == expected
    assert [item.path for item in inputs.items] == [tmp_path / name for name in expected]
    assert (inputs.ignored_count, inputs.duplicate_count) == (1, 0)


def test_hidden_names_the_output_and_linked_folders_are_left_out(tmp_path):
    make(tmp_path, "in/a.png", "in/.b.png", "in/.git/c.png", "in/out/d.png", "far/e.png")
    (tmp_path / "in" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "in" / "f.png").symlink_to(tmp_path / "far" / "e.png")
    assert list_names(find(tmp_path / "in", out=tmp_path / "in" / "out")) == ["a.png", "f.png"]
    (tmp_path / "link").symlink_to(tmp_path / "far")
    assert list_names(find(tmp_path / "link")) == ["e.png"]  # a link that is named is followed


def test_a_file_that_is_named_twice_is_one_item(tmp_path):
    make(tmp_path, "a.png", "b/c.png")
    inputs = find(tmp_path / "b" / "c.png", tmp_path, tmp_path / "a.png")
    assert list_names(inputs) == ["b/c.png", "a.png"]
    assert inputs.duplicate_count == 2


@pytest.mark.parametrize("working_folder", ["", "in", "in/deep", "elsewhere"])
def test_paths_are_relative_to_the_working_directory_where_they_are_below_it(
    tmp_path, monkeypatch, working_folder
):
    make(tmp_path, "in/a.png", f"in/deep/{UNREADABLE}", "elsewhere/b.png")
    monkeypatch.chdir(tmp_path / working_folder)
    inputs = find(tmp_path / "in", out=tmp_path / "out")
    assert list_names(inputs) == ["a.png", f"deep/{UNREADABLE}"]
    for item in inputs.items:
        file = tmp_path / "in" / item.name
        is_below = file.is_relative_to(Path.cwd())
        assert item.path == (file.relative_to(Path.cwd()) if is_below else file)
        assert item.path.exists()


def test_names_begin_at_the_root(tmp_path):
    make(tmp_path, "a/b/c.png")
    assert list_names(find(tmp_path / "a" / "b", root=tmp_path)) == ["a/b/c.png"]
    with pytest.raises(UsageError, match="is not below it"):
        find(tmp_path / "a", root=tmp_path / "a" / "b")


def test_folders_deeper_than_the_stack_of_python_are_walked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("a.png").touch()
    monkeypatch.chdir(tmp_path)
    try:
        assert list_names(find("d")) == ["d/" * 1199 + "a.png"]
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # pytest cannot remove it


def test_a_million_names_would_take_little_memory(tmp_path):
    tracemalloc.start()
    items, count = FileItems(tmp_path), 20_000
    for index in range(count):
        items.append_file(f"folder/{index:06}.png")
    order = IndexedItems(items)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 40 * count  # a name of 17 bytes, its end, and room to grow
    name = f"folder/{count - 1:06}.png"
    assert order[count - 1] == (count - 1, Item(name, {None: tmp_path / name}))


def test_a_share_has_the_indices_that_its_items_have_among_all(tmp_path):
    items = FileItems(tmp_path)
    for name in "abcdef":
        items.append_file(name)
    share = IndexedItems(items, [1, 3, 4])
    assert [(index, item.name) for index, item in share] == [(1, "b"), (3, "d"), (4, "e")]
    assert [item.name for _, item in share[1:]] == ["d", "e"]
    assert [item.name for item in items[-2:]] == ["e", "f"]
    with pytest.raises(IndexError):
        items[6]
