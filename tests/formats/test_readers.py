"""The rules that hold for every registered reader, also for one that is added tomorrow."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import inputgrad_cli
from inputgrad_cli.cli.commands.saliency import run_saliency
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.read_samples import open_file, read_samples
from inputgrad_cli.formats.readers import READERS, find_reader, list_suffixes
from inputgrad_cli.formats.streaming import hash_checked_file
from inputgrad_cli.interfaces.reader import InputFile, Kind, Reader, ReadOptions, register

from . import port
from .test_fuzz import PORTS, WHOLE
from .test_one_sample import NUMBERS, OTHERS, PICTURES

SINGLE = [ports for ports in PORTS if len(ports) == 1]
SEVERAL = [port((), "float32", "a"), port((1,), "int64", "b"), port((), "string", "c")]


def examples(suffix):
    """Return whole files of a format."""
    values = np.arange(48.0) if suffix == ".wav" else np.arange(48).reshape(6, 8)
    write = {**NUMBERS, **PICTURES, **OTHERS}[suffix]
    return [write(values), *WHOLE.get(suffix, [])]


def outcome(data, path, ports):
    """Return the samples of a file, or the kind and the line of its error."""
    try:
        return read_samples({None: data}, {None: path}, ReadOptions(tuple(ports), PRESETS["raw"]))
    except ItemError as error:
        return error.kind, error.format_line()


def facts(samples):
    """Return all that samples hold, in values that can be compared; failed rows have none."""
    if not isinstance(samples, Samples):
        return samples
    arrays = {
        name: [
            np.asarray(array[row]).tolist()
            for row in range(len(array))
            if row not in samples.failed
        ]
        for name, array in samples.arrays.items()
    }
    failed = {row: error.format_line() for row, error in samples.failed.items()}
    return repr((arrays, failed, samples.many, samples.header, samples.notes, samples.record))


def test_every_reader_is_found_by_each_of_its_suffixes_in_any_case():
    for suffix, reader in READERS.items():
        assert suffix in reader.suffixes
        assert suffix == suffix.lower()
        assert suffix.startswith(".")
        assert reader.kind in get_args(Kind)
        assert find_reader(Path(f"a{suffix}")) is find_reader(Path(f"b{suffix.upper()}")) is reader
    assert set(list_suffixes()) == set(READERS)
    assert len(list_suffixes()) == len(READERS)


def test_a_suffix_belongs_to_one_reader():
    known = dict(READERS)
    with pytest.raises(ValueError, match=r"^\.npy:"):
        register(Reader((".new", ".npy"), lambda file, options: None))
    assert known == READERS


@pytest.mark.parametrize("suffix", READERS)
@settings(max_examples=30)
@given(st.binary(max_size=200), st.sampled_from(PORTS))
def test_no_reader_raises_other_errors(suffix, data, ports):
    for content in (b"", data):
        result = outcome(content, Path(f"a{suffix}"), ports)
        assert isinstance(result, Samples) or result[1].startswith(f"a{suffix}")


@pytest.mark.parametrize("suffix", READERS)
def test_only_readers_of_many_samples_return_many(suffix):
    counts = [
        samples.many
        for data in examples(suffix)
        for ports in SINGLE
        if isinstance(samples := outcome(data, Path(f"a{suffix}"), ports), Samples)
    ]
    assert counts, "no example fits any input"
    assert any(counts) == READERS[suffix].many


@pytest.mark.parametrize("suffix", READERS)
def test_only_readers_that_name_inputs_are_given_several(suffix):
    for data in examples(suffix):
        result = outcome(data, Path(f"a{suffix}"), SEVERAL)
        refused = "cannot feed the inputs a, b, c" in str(result)
        assert refused == (not READERS[suffix].names_inputs)


@pytest.mark.parametrize("suffix", READERS)
def test_a_large_file_gives_the_samples_of_a_small_one(suffix, tmp_path, monkeypatch):
    path = tmp_path / f"a{suffix}"
    for data in examples(suffix):
        path.write_bytes(data)
        for ports in PORTS:
            monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 0)
            large = open_file(path)
            assert isinstance(large, bytes) != READERS[suffix].streamed
            assert facts(outcome(large, path, ports)) == facts(outcome(data, path, ports))


def test_the_check_of_a_reader_comes_before_the_file_is_read(tmp_path, monkeypatch):
    def refuse(path):
        raise ItemError(f"{path}: not now")

    reader = Reader((".new",), lambda file, options: pytest.fail("it was read"), check=refuse)
    monkeypatch.setitem(READERS, ".new", reader)
    with pytest.raises(ItemError, match="not now"):
        open_file(tmp_path / "absent.new")


def test_help_and_readme_name_every_suffix():
    table = (Path(inputgrad_cli.__file__).parent / "formats/README.md").read_text()
    listed = {word for row in table.split("|") for word in row.replace("`", "").split()}
    assert set(READERS) <= listed
    words = run_saliency.help.replace(",", " ").split()
    for suffix, reader in READERS.items():
        assert ("pictures" if reader.kind == "image" else suffix) in {w.rstrip(".") for w in words}


def test_an_input_file_gives_its_bytes_wherever_they_are(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    path.write_bytes(b"12345")
    monkeypatch.setattr(hash_checked_file, "LARGE_BYTES", 0)
    for content in (b"12345", hash_checked_file.HashedFile(path)):
        assert InputFile(content, path).read_all() == b"12345"
        assert InputFile(content, path).where == str(path)
