"""Broken and hostile archives: one sentence each, at once, without TensorFlow (cases 33, 34)."""

import json
import os
import zipfile

import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.model_file import open_model
from tests.modelfile.files import archive, sequential, weights


def refusal(path):
    with pytest.raises(ModelError) as caught:
        refuse_unsafe(open_model(path))
    sentence = caught.value.format_line()
    assert "\n" not in sentence
    assert len(sentence) < 600
    return sentence


def test_a_healthy_file_opens(tmp_path):
    file = open_model(archive(tmp_path / "a.keras"))
    refuse_unsafe(file)
    assert file.keras_version == "3.15.1"
    assert sorted(array.shape for array in file.weights) == [(2, 3), (3,)]


def test_a_packed_file_opens_too(tmp_path):
    file = open_model(archive(tmp_path / "a.keras", packing=zipfile.ZIP_DEFLATED))
    refuse_unsafe(file)
    assert len(file.weights) == 2


def spoiled(path, change):
    data = bytearray(archive(path).read_bytes())
    path.write_bytes(change(data))
    return path


def flipped(data):
    at = data.find(b"HDF\r\n") + 500
    data[at] ^= 0xFF
    return data


def odd_packing(data):
    for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.find(magic) + at] = 99
    return data


def encrypted(data):
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(magic) + at] |= 1
    return data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda d: d[: len(d) // 2], "cut short", id="truncated"),
        pytest.param(lambda d: b"", "the file is empty", id="empty"),
        pytest.param(lambda d: b"a model, honestly", "not a .keras archive", id="text"),
        pytest.param(lambda d: weights(), "rename it to end in .h5", id="hdf5"),
        pytest.param(flipped, "Bad CRC-32 for file 'model.weights.h5'", id="crc"),
        pytest.param(odd_packing, "packed in an unknown way", id="packing"),
        pytest.param(encrypted, "is encrypted", id="encrypted"),
    ],
)
def test_damaged_bytes_are_told_apart(change, words, tmp_path):
    assert words in refusal(spoiled(tmp_path / "a.keras", change))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        pytest.param({"config.json": None}, "config.json is missing", id="no-config"),
        pytest.param(
            {"config.json": None, "net/config.json": b"{}"}, "not their folder", id="sub-folder"
        ),
        pytest.param({"model.weights.h5": None}, "are missing inside", id="no-weights"),
        pytest.param(
            {"model.weights.h5": None, "model.weights.npz": b""}, "cannot read back", id="npz"
        ),
        pytest.param({"../evil": b"x"}, "outside the archive", id="zip-slip"),
        pytest.param({"/etc/evil": b"x"}, "outside the archive", id="absolute"),
        pytest.param({"config.json": b'{"a":'}, "not readable JSON", id="half-json"),
        pytest.param({"config.json": b"[1, 2]"}, "does not describe a Keras model", id="list"),
        pytest.param({"config.json": b'"relu"'}, "does not describe a Keras model", id="text"),
        pytest.param({"config.json": b"{}"}, "does not describe a Keras model", id="nothing"),
        pytest.param({"config.json": b"[" * 100_000}, "nested too deep", id="deep"),
        pytest.param({"config.json": b"[" * 800 + b"]" * 800}, "nested too deep", id="deeper"),
        pytest.param({"config.json": b"[{}" + b",{}" * 5_000_000 + b"]"}, "values", id="many"),
        pytest.param({"model.weights.h5": b"hello"}, "weights are damaged", id="no-hdf5"),
        pytest.param({"model.weights.h5": weights()[:900]}, "truncated", id="half-hdf5"),
    ],
)
def test_wrong_members_are_told_apart(members, words, tmp_path):
    assert words in refusal(archive(tmp_path / "a.keras", members=members))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_stands_twice_is_refused(tmp_path):
    path = archive(tmp_path / "a.keras")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("config.json", json.dumps(sequential()))
    assert "is in the archive twice" in refusal(path)


def test_a_layer_is_not_a_model(tmp_path):
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 2}}
    assert "holds a Dense, not a model" in refusal(archive(tmp_path / "a.keras", dense))


def test_what_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.keras")
    assert "not a regular file" in refusal(tmp_path / "pipe.keras")
    (tmp_path / "folder.keras").mkdir()
    assert "a directory" in refusal(tmp_path / "folder.keras")
    assert "no such model file" in refusal(tmp_path / "none.keras")
    assert "in small letters" in refusal(archive(tmp_path / "a.KERAS"))
    (tmp_path / "a.weights.h5").write_bytes(weights())
    assert "weights only" in refusal(tmp_path / "a.weights.h5")


@pytest.mark.parametrize("address", ["hf://user/net", "gs://b/a.keras", "https://x.y/a.keras"])
def test_nothing_is_fetched(address):
    from pathlib import Path

    assert "nothing is fetched" in refusal(Path(address))


def test_a_twenty_megabyte_configuration_gives_a_short_message(tmp_path):  # case 50
    config = sequential(*[{**sequential()["config"]["layers"][1]} for _ in range(80_000)])
    config["config"]["layers"].append(
        {"module": "keras.layers", "class_name": "DenseV9", "config": {"name": "new"}}
    )
    path = archive(tmp_path / "a.keras", config)
    assert path.stat().st_size > 10_000_000
    sentence = refusal(path)
    assert "keras.layers.DenseV9" in sentence
    assert "layer 'new'" in sentence


def test_an_unknown_layer_of_a_later_keras_names_the_version(tmp_path):
    config = sequential(
        {"module": "keras.layers", "class_name": "DenseV9", "config": {"name": "new"}}
    )
    sentence = refusal(archive(tmp_path / "a.keras", config, version="9.1.0"))
    assert "saved by Keras 9.1.0" in sentence
    assert "upgrade" in sentence


def test_a_model_that_changes_while_it_is_read_is_refused(tmp_path):
    path = archive(tmp_path / "a.keras")
    file, other = open_model(path), archive(tmp_path / "b.keras")
    file.refuse_changed()
    assert len(file.sha256) == 64
    other.replace(path)
    with pytest.raises(ModelError, match="changed while it was read"):
        file.refuse_changed()
    file = open_model(path)
    path.unlink()
    with pytest.raises(ModelError, match="changed while it was read"):
        file.refuse_changed()


def test_devices_and_dangling_links_are_no_models(tmp_path):
    for name, target in (
        ("a", "/dev/zero"),
        ("b", "nowhere"),
        ("c", "c.keras"),
        ("d", "/dev/fd/0"),
    ):
        (tmp_path / f"{name}.keras").symlink_to(target)
        refusal(tmp_path / f"{name}.keras")
    refusal(tmp_path / ("x" * 300 + ".keras"))
    refusal(tmp_path / "a\0.keras")
