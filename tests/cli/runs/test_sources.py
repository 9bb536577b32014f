"""Which files a run's records may have opened, to be seen below its maps."""

import hashlib
import os

import pytest

from inputgrad_cli.errors import ItemError
from inputgrad_cli.storage.recorded_input_files import find_sources

GIVEN = {"a/x.png": b"picture", "b/x.npy": b"array", "all.npy": b"for all", "c/y.npy": b"array"}


@pytest.fixture
def home(tmp_path):
    for name, data in GIVEN.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def source(name, path, sha=True):
    digest = {"sha256": hashlib.sha256(GIVEN.get(path, b"")).hexdigest()} if sha else {}
    return {"for": name, "path": path, **digest}


def find(home, *sources, first=None, item="x.png", inputs=("p", "q")):
    """Return the files that are opened for a line of these sources."""
    line = {"input": item, "sources": list(sources)}
    run = {
        "directory": str(home),
        "signature": {"inputs": [{"name": n} for n in inputs], "outputs": []},
    }
    paths = find_sources(line, {"sources": first or list(sources)}, run, home / "out")
    return {name: path.relative_to(home).as_posix() for name, path in paths.items()}


def test_a_file_that_is_called_like_its_item_is_opened(home):
    for item in ("x.png", "a/x.png"):
        assert find(home, source(None, "a/x.png"), item=item) == {None: "a/x.png"}
    for item in ("b/x.png", "y.png", "ax.png", "x", "a/x.npy"):
        with pytest.raises(ItemError, match="not called"):
            find(home, source(None, "a/x.png"), item=item)


def test_files_of_several_inputs_are_paired_by_name_without_suffix(home):
    assert find(home, source("p", "a/x.png"), source("q", "b/x.npy")) == {
        "p": "a/x.png",
        "q": "b/x.npy",
    }
    with pytest.raises(ItemError, match="not called"):
        find(home, source("p", "a/x.png"), source("q", "c/y.npy"), first=[source("p", "a/x.png")])


def test_a_file_that_serves_every_item_is_one_that_the_first_line_names(home):
    sources = source("p", "a/x.png"), source("q", "all.npy")
    assert find(home, *sources)["q"] == "all.npy"
    for first in (
        [source("p", "a/x.png"), source("q", "c/y.npy")],
        [source("q", "a/x.png"), source("p", "all.npy")],
    ):
        with pytest.raises(ItemError, match="not called"):
            find(home, *sources, first=first)
    with pytest.raises(ItemError, match="not called"):
        find(home, sources[0], source("q", "all.npy", sha=False))
    with pytest.raises(ItemError, match="not called"):
        find(home, source("p", "all.npy"), source("q", "all.npy"))


@pytest.mark.parametrize(
    ("sources", "inputs"),
    [
        ([("x", "a/x.png")], ["p"]),
        ([("p", "a/x.png")], ["p", "q"]),
        ([("p", "a/x.png"), ("p", "a/x.png")], ["p", "q"]),
        ([(None, "a/x.png"), (None, "a/x.png")], ["p"]),
        ([(None, "a/x.png")], []),
    ],
)
def test_files_for_other_inputs_than_the_models_are_not_opened(home, sources, inputs):
    with pytest.raises(ItemError, match="other inputs"):
        find(home, *[source(*words) for words in sources], inputs=inputs)


def test_what_is_gone_or_has_changed_or_is_no_file_is_not_opened(home):
    (home / "a/x.png").write_bytes(b"another")
    with pytest.raises(ItemError, match="has changed"):
        find(home, source(None, "a/x.png"))
    assert find(home, source(None, "a/x.png", sha=False))
    (home / "a/x.png").unlink()
    with pytest.raises(ItemError, match="is gone"):
        find(home, source(None, "a/x.png"))
    for make in (os.mkfifo, os.mkdir):
        make(home / "a/x.png")
        with pytest.raises(ItemError, match="not a regular file"):
            find(home, source(None, "a/x.png"))
        (home / "a/x.png").unlink() if make is os.mkfifo else (home / "a/x.png").rmdir()


def test_results_of_the_run_are_no_inputs(home):
    (home / "out").mkdir()
    (home / "out/x.png").symlink_to(home / "a/x.png")
    with pytest.raises(ItemError, match="of the run"):
        find(home, source(None, "out/x.png", sha=False))
