"""An archive holds the four kinds of members that Keras writes, each once, and nothing else."""

import copy
import json
import os
import struct
import zipfile

import pytest

from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.model_file import open_model
from inputgrad_cli.modelfile.rewritten_model_copy import write_copy
from inputgrad_cli.modelfile.zip.member_checks import MAX_MEMBERS
from tests.modelfile.files import archive, refusal, sequential

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def opens(path):
    file = open_model(path)
    refuse_unsafe(file)
    return file


def added(path, *members, packing=zipfile.ZIP_STORED):
    """Return an archive with more members: names, or ZipInfos, with their bytes."""
    archive(path, packing=packing)
    with zipfile.ZipFile(path, "a", packing) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def test_what_keras_writes_opens_stored_or_deflated(tmp_path):
    vocabulary = ("assets/layers/text_vectorization/_lookup_layer/vocabulary.txt", b"a\nb\n")
    folders = (("assets/", b""), ("assets/layers/", b""))
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = added(tmp_path / f"{packing}.keras", *folders, vocabulary, packing=packing)
        assert len(opens(path).weights) == 2


def test_a_comment_and_a_description_behind_a_member_do_no_harm(tmp_path):
    path = archive(tmp_path / "a.keras")
    with zipfile.ZipFile(path, "a") as file:
        file.comment = b"saved on a Friday"
    opens(path)

    class Pipe:  # an archive that is written into a pipe has its sizes behind its members
        def __init__(self, stream):
            self.write, self.flush = stream.write, stream.flush

    streamed = tmp_path / "b.keras"
    with (
        zipfile.ZipFile(path) as source,
        streamed.open("wb") as out,
        zipfile.ZipFile(Pipe(out), "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert open_model(streamed).config == open_model(path).config
    opens(streamed)


NAMES = {
    "other": "notes.txt",
    "beside-weights": "model.weights.npz",
    "nested-archive": "assets.zip",
    "upper-case": "Config.json",
    "in-a-folder": "net/config.json",
    "absolute": "/etc/evil",
    "upwards": "assets/../../evil",
    "backslash": "assets\\..\\evil",
    "drive": "C:/evil",
    "dot": "assets/./a",
    "empty-part": "assets//a",
    "control": "assets/a\x1b[2J",
    "newline": "assets/a\nb",
    "turned": "assets/a\u202eb",
    "long": "assets/" + "a" * 194,
    "long-part": "assets/" + "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 90,
}


@pytest.mark.parametrize("kind", NAMES)
def test_any_other_name_is_refused(kind, tmp_path):
    said = refusal(added(tmp_path / "a.keras", (NAMES[kind], b"")))
    assert "archive" in said or "name of a member" in said


def test_a_name_with_a_zero_byte_is_refused(tmp_path):
    path = added(tmp_path / "a.keras", ("assets/aXb", b""))
    path.write_bytes(path.read_bytes().replace(b"assets/aXb", b"assets/a\0b"))
    assert "has characters that no file of a model has" in refusal(path)


@pytest.mark.parametrize(
    "twins",
    [
        ("assets/words", "assets/WORDS"),
        ("assets/caf\u00e9", "assets/cafe\u0301"),
        ("assets/a", "assets/a/"),
        ("assets/a", "assets/a/b"),
        ("metadata.json/", "assets/b"),
    ],
)
def test_two_names_for_one_file_are_refused(twins, tmp_path):
    path = added(tmp_path / "a.keras", *[(name, b"") for name in twins])
    assert "twice" in (said := refusal(path)) or "both a file and a folder" in said or "not" in said


def moded(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize("mode", [0o120777, 0o010644, 0o020644, 0o060644, 0o140644, 0o040755])
def test_only_regular_files_are_members(mode, tmp_path):  # link, pipe, devices, socket, folder
    path = added(tmp_path / "a.keras", (moded("assets/a", mode), b"/etc/passwd"))
    assert "is not a regular file" in refusal(path)


def test_a_folder_holds_no_bytes(tmp_path):
    path = added(tmp_path / "a.keras", ("assets/XX", b"hidden"))
    data = path.read_bytes().replace(b"assets/XX", b"assets/X/")
    path.write_bytes(data)
    assert "a folder that holds 6 bytes" in refusal(path)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packings_are_refused(packing, tmp_path):
    assert "packed in an unknown way" in refusal(archive(tmp_path / "a.keras", packing=packing))


def test_all_members_together_unpack_to_a_hundred_times_the_file(tmp_path):
    zeros = [(f"assets/{index}", bytes(1 << 20)) for index in range(200)]
    path = added(tmp_path / "a.keras", *zeros, packing=zipfile.ZIP_DEFLATED)
    assert "would unpack to 209" in refusal(path)
    few = added(tmp_path / "b.keras", *zeros[:5], packing=zipfile.ZIP_DEFLATED)
    opens(few)


def test_too_many_members_are_refused(tmp_path):
    names = [(f"assets/{index}", b"") for index in range(MAX_MEMBERS)]
    assert f"at most {MAX_MEMBERS}" in refusal(added(tmp_path / "a.keras", *names))


def test_one_stretch_of_the_file_has_one_name(tmp_path):
    path = added(tmp_path / "a.keras", ("assets/a", os.urandom(1000)))
    with zipfile.ZipFile(path, "a") as file:
        again = copy.copy(file.getinfo("assets/a"))
        again.filename = again.orig_filename = "assets/b"
        file.filelist.append(again)
        file._didModify = True
    refusal(path)  # by its own header, which names the first
    data = bytearray(path.read_bytes())
    local = data.find(LOCAL, data.find(b"assets/a") - 40)
    inner = b"PK\x03\x04" + bytes(data[local + 4 : local + 30]) + b"assets/b"
    data[local + 40 : local + 40 + len(inner)] = inner  # a header of its own, within the first
    at = data.rfind(b"assets/b") - 46
    data[at + 42 : at + 46] = struct.pack("<I", local + 40)
    path.write_bytes(data)
    refusal(path)


def test_bytes_before_the_archive_are_refused(tmp_path):
    path = archive(tmp_path / "a.keras")
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert "begins where it should not" in refusal(path)


def field(magic, offset, value, size=4):
    """Return a change of one number in the first header that begins with `magic`."""

    def change(data):
        at = data.find(magic) + offset
        data[at : at + size] = int(value).to_bytes(size, "little")

    return change


LIES = {
    "local-name": lambda data: data.__setitem__(slice(30, 32), b"XX"),
    "local-method": field(LOCAL, 8, 8, 2),
    "local-flags": field(LOCAL, 6, 8, 2),
    "local-packed": field(LOCAL, 18, 5),
    "local-size": field(LOCAL, 22, 5),
    "local-name-length": field(LOCAL, 26, 9, 2),
    "local-extra-length": field(LOCAL, 28, 60_000, 2),
    "central-method": field(CENTRAL, 10, 8, 2),
    "central-flags": field(CENTRAL, 8, 0x2000, 2),
    "central-patched": field(CENTRAL, 8, 0x20, 2),
    "central-crc": field(CENTRAL, 16, 1),
    "central-packed": field(CENTRAL, 20, 1 << 31),
    "central-size": field(CENTRAL, 24, 1 << 31),
    "central-later": field(CENTRAL, 24, 0xFFFFFFFF),
    "central-name-length": field(CENTRAL, 28, 5, 2),
    "central-extra-length": field(CENTRAL, 30, 5, 2),
    "central-offset": field(CENTRAL, 42, 10),
    "central-far-offset": field(CENTRAL, 42, 1 << 31),
    "central-version": field(CENTRAL, 6, 200, 2),
    "end-size": field(END, 12, 10),
    "end-huge-size": field(END, 12, 1 << 31),
    "end-offset": field(END, 16, 10),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_field_that_lies_is_one_sentence(lie, tmp_path):
    path = archive(tmp_path / "a.keras")
    data = bytearray(path.read_bytes())
    LIES[lie](data)
    path.write_bytes(data)
    refusal(path)


def test_sizes_of_zip64_that_lie_are_one_sentence(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as file:
        with file.open("metadata.json", "w", force_zip64=True) as member:
            member.write(b"{}")
        for name in ("config.json", "model.weights.h5"):
            with zipfile.ZipFile(archive(tmp_path / "b.keras")) as other:
                file.writestr(name, other.read(name))
    opens(path)
    data = bytearray(path.read_bytes())
    at = data.find(CENTRAL)
    name, extra = struct.unpack_from("<HH", data, at + 28)
    assert extra == 0  # the list needs none for two bytes
    data[at + 24 : at + 28] = b"\xff" * 4
    data[at + 30 : at + 32] = struct.pack("<H", 12)
    data[at + 46 + name : at + 46 + name] = struct.pack("<HHQ", 1, 8, 1 << 60)
    end = data.rfind(END)
    size = struct.unpack_from("<I", data, end + 12)[0]
    data[end + 12 : end + 16] = struct.pack("<I", size + 12)
    path.write_bytes(data)
    assert "unpack to" in refusal(path)


def test_an_unzipped_file_takes_nothing_along_that_does_not_belong(tmp_path):
    folder, copies = tmp_path / "net", tmp_path / "copies"
    copies.mkdir()
    with zipfile.ZipFile(added(tmp_path / "a.keras", ("assets/words", b"a"))) as file:
        file.extractall(folder)
    before = open_model(folder).sha256
    (folder / "notes.txt").write_text("mine")
    (folder / "assets" / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "assets" / "pipe")
    file = open_model(folder)
    assert file.sha256 == before
    with zipfile.ZipFile(write_copy(file, copies)) as packed:
        names = {"assets/words", "config.json", "metadata.json", "model.weights.h5"}
        assert set(packed.namelist()) == names
    (folder / "assets" / "a\nb").write_text("x")
    refusal(folder)


def test_a_folder_of_assets_that_is_a_link_is_left_out(tmp_path):
    folder = tmp_path / "net"
    with zipfile.ZipFile(archive(tmp_path / "a.keras")) as file:
        file.extractall(folder)
    (folder / "assets").symlink_to("/")
    opens(folder)


def test_metadata_is_short(tmp_path):
    members = {"metadata.json": json.dumps({"keras_version": "3", "x": "y" * (1 << 20)}).encode()}
    assert "metadata.json inside is too large" in refusal(
        archive(tmp_path / "a.keras", sequential(), members)
    )
