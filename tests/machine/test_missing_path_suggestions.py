"""A file that is not there: the sentence says what was typed, and what may have been meant."""

import pytest

from inputgrad_cli.machine.missing_path_suggestions import is_remote, suggest_path, to_typed_path

ADDRESS = "https://example.com/a/model.keras"


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS", "hf", "gs", "s3", "kaggle", "file"])
def test_an_address_keeps_its_slashes(scheme):
    assert to_typed_path(f"{scheme}:/example.com/a") == f"{scheme}://example.com/a"
    assert to_typed_path(f"{scheme}://example.com/a") == f"{scheme}://example.com/a"
    assert is_remote(f"{scheme}:/x")


@pytest.mark.parametrize("path", ["a/b.keras", "/https/a", "C:/a", "x:y/z", "https"])
def test_a_path_is_shown_as_it_is(path):
    assert to_typed_path(path) == path
    assert not is_remote(path)


@pytest.mark.parametrize(
    "words",
    [
        ["MODEL", "x.npy"],
        ["model.keras", ADDRESS],
        ["model.keras", "x.npy", "--labels", ADDRESS],
        ["model.keras", "x.npy", "--from-file", ADDRESS],
        ["model.keras", "x.npy", "-t", f"mask:{ADDRESS}"],
        ["model.keras", "x.npy", "-t", f"file:{ADDRESS}"],
        ["model.keras", "x.npy", "-t", "loss:mse", "--truth", ADDRESS],
        ["model.keras", "x.npy", "--baseline", f"file:path='{ADDRESS}'"],
        ["model.keras", "x.npy", "--code", f"{ADDRESS}.py"],
    ],
    ids=lambda words: " ".join(words[-2:]),
)
def test_an_address_anywhere_is_to_be_downloaded_first(call, samples, tmp_path, words):
    (tmp_path / "x.npy").write_bytes((samples / "inputs/sequential.npy").read_bytes())
    (tmp_path / "model.keras").write_bytes((samples / "sequential.keras").read_bytes())
    if "--from-file" in words:
        words = [word for word in words if word != "x.npy"]
    result = call("saliency", *[ADDRESS if word == "MODEL" else word for word in words])
    assert result.code in (2, 4)
    assert ADDRESS in result.err
    assert "https:/e" not in result.err
    assert "download it first" in result.err


def test_a_name_near_it_is_offered_with_its_directory(tmp_path):
    (tmp_path / "shapes.keras").write_text("")
    (tmp_path / "other.txt").write_text("")
    offered = suggest_path(tmp_path / "shape.keras")
    assert offered == f"did you mean '{tmp_path}/shapes.keras'?"
    assert suggest_path(tmp_path / "zzz") == "check the path"
    assert f"{tmp_path}/no" in suggest_path(tmp_path / "no" / "shapes.keras")


def test_every_file_of_a_call_gets_an_offer(call, samples, tmp_path):
    for name in ("model.keras", "cat.npy", "names.txt", "own_layers.py", "list.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "model.keras").write_bytes((samples / "sequential.keras").read_bytes())
    for words, meant in (
        (["modle.keras", "cat.npy"], "model.keras"),
        (["model.keras", "cats.npy"], "cat.npy"),
        (["model.keras", "cat.npy", "--labels", "name.txt"], "names.txt"),
        (["model.keras", "cat.npy", "--code", "own_layer.py"], "own_layers.py"),
        (["model.keras", "cat.npy", "--code", "own_layers"], "own_layers.py"),
        (["model.keras", "--from-file", "lists.txt"], "list.txt"),
    ):
        result = call("saliency", *words)
        assert result.code in (2, 4)
        assert f"did you mean '{meant}'?" in result.err, words
