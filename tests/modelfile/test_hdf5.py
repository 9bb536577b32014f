"""A weights file holds plain arrays of numbers, near its surface, and no more than it has."""

import io
import json
import zlib

import h5py
import ml_dtypes
import numpy as np
import pytest

from inputgrad_cli.modelfile.custom_code_checks import refuse_unsafe
from inputgrad_cli.modelfile.hdf5.array_listing import MAX_DEPTH, MAX_OBJECTS
from inputgrad_cli.modelfile.model_file import open_model
from tests.modelfile.files import archive, refusal, sequential, weights
from tests.peak_memory import peak
from tests.processor_cost import limit_cost


def spoiled(tmp_path, fill):
    return archive(tmp_path / "a.keras", members={"model.weights.h5": weights(fill)})


def as_h5(path, fill=None):
    """Write a `.h5` file, its lists of texts as Keras writes them, changed by `fill(file)`."""

    def described(file):
        file.attrs["model_config"] = json.dumps(sequential())
        file.attrs.create("layer_names", ["x", "dense"], dtype=h5py.string_dtype())
        if fill:
            fill(file)

    path.write_bytes(weights(described))
    return path


KINDS = ["bool", "int8", "uint32", "int64", "float16", "float64", ">f4", "complex64",
         ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn]  # fmt: skip


def test_arrays_of_every_kind_of_number_open(tmp_path):
    def fill(file):
        for index, kind in enumerate(KINDS):
            array = file.create_dataset(f"x/{index}", data=np.zeros(3, kind))
            array.attrs["dtype"] = np.dtype(kind).name
            array.attrs["trained"] = True
        file["x"].attrs["name"] = "x"
        file["x"].attrs["list"] = np.array([b"ab", b"c"])
        file.create_dataset("nothing", data=np.zeros((0, 5), np.float32))
        file.create_dataset("scalar", data=1.0)

    file = open_model(spoiled(tmp_path, fill))
    refuse_unsafe(file)
    assert len(file.weights) == len(KINDS) + 4
    assert {array.dtype for array in file.weights if array.name == "x/8"} == {"bfloat16"}


@pytest.mark.parametrize("superblock", ["earliest", "v108", "latest"])
def test_files_of_every_age_open(superblock, tmp_path):
    data = io.BytesIO()
    with h5py.File(data, "w", libver=(superblock, "latest")) as file:
        file["layers/dense/vars/0"] = np.zeros((2, 3), np.float32)
        file["layers/dense/vars/1"] = np.zeros(3, np.float32)
    path = archive(tmp_path / "a.keras", members={"model.weights.h5": data.getvalue()})
    refuse_unsafe(open_model(path))


def test_packed_arrays_open(tmp_path):
    def fill(file):
        values = np.random.default_rng(0).normal(size=(300, 40)).astype(np.float32)
        for name, more in {
            "a": {"compression": "gzip"},
            "b": {"compression": "gzip", "shuffle": True, "fletcher32": True},
            "c": {"fletcher32": True},
            "d": {"chunks": (7, 40)},
        }.items():
            file.create_dataset(name, data=values, **more)

    path = as_h5(tmp_path / "a.h5", fill)
    assert len(open_model(path).weights) == 6


def compound(file):
    file["x"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def many_dimensions(file):
    kind = h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (4, 4))
    h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((3,)))


OTHERS = {
    "texts": lambda f: f.create_dataset("x", data=["a", "b"], dtype=h5py.string_dtype()),
    "fixed-texts": lambda f: f.create_dataset("x", data=np.array([b"a", b"bc"])),
    "variable-length": lambda f: f.create_dataset("x", (3,), h5py.vlen_dtype(np.dtype("f4"))),
    "references": lambda f: f.create_dataset("x", (3,), h5py.ref_dtype),
    "regions": lambda f: f.create_dataset("x", (3,), h5py.regionref_dtype),
    "enumeration": lambda f: f.create_dataset("x", (3,), h5py.enum_dtype({"A": 0, "B": 1})),
    "opaque": lambda f: f.create_dataset("x", data=np.zeros(3, "V12")),
    "compound": compound,
    "array-of-arrays": many_dimensions,
    "named-type": lambda f: f.__setitem__("x", np.dtype("f4")),
    "attribute-of-references": lambda f: f.attrs.__setitem__("x", f["layers"].ref),
    "attribute-of-records": lambda f: f.attrs.create("x", np.zeros(2, [("a", "f4")])),
    "attribute-of-texts": lambda f: f.attrs.create("x", ["a", "b"], dtype=h5py.string_dtype()),
    "szip-or-lzf": lambda f: f.create_dataset("x", data=np.zeros(99), compression="lzf"),
    "scaled": lambda f: f.create_dataset("x", data=np.zeros(99, int), scaleoffset=True),
    "name-of-control": lambda f: f.create_dataset("a\x1b[2J", data=1),
    "name-no-text": lambda f: f.create_dataset(b"a\xff", data=1),
    "long-name": lambda f: f.create_dataset("a" * 201, data=1),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_plain_number_is_refused(kind, tmp_path):
    refusal(spoiled(tmp_path, OTHERS[kind]))


def test_filters_in_a_row_are_refused(tmp_path):
    def twice(file):
        kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        kind.set_chunk((100,))
        kind.set_deflate(9)
        kind.set_deflate(9)
        space = h5py.h5s.create_simple((100,))
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, kind)

    assert "packed in an unknown way" in refusal(spoiled(tmp_path, twice))


def chunked(file, shape, chunk, data=None):
    kind = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    kind.set_chunk(chunk)
    kind.set_deflate(9)
    space = h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,) * len(shape))
    array = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, kind)
    if data is not None:
        array.write_direct_chunk((0,), data)


def test_a_chunk_that_unpacks_to_more_than_itself_is_refused(tmp_path):
    bomb = zlib.compress(bytes(300 << 20), 9)
    before = peak(anew=True)
    path = spoiled(tmp_path, lambda file: chunked(file, (8,), (1 << 18,), bomb))
    assert "unpacks to more than its 1048576 bytes" in refusal(path)
    assert peak() - before < 400 << 20  # the bomb itself was made here


def test_a_chunk_counts_whole_also_where_the_array_is_small(tmp_path):
    path = spoiled(tmp_path, lambda file: chunked(file, (3,), (900_000_000,)))
    assert "claims 3600000000 bytes" in refusal(path)


def test_arrays_together_claim_a_hundred_times_the_file(tmp_path):
    def fill(file):
        for index in range(40):
            file.create_dataset(f"x{index}", (1 << 20,), "f4", chunks=True)

    assert "claims 4" in refusal(spoiled(tmp_path, fill))


def nested(count):
    def fill(file):
        group = file
        for _ in range(count):
            group = group.create_group("g")

    return fill


def test_groups_stand_no_deeper_than_models_are_nested(tmp_path):
    with limit_cost(jobs=150):
        assert "deep" in refusal(spoiled(tmp_path, nested(20_000)))
    refuse_unsafe(open_model(spoiled(tmp_path, nested(MAX_DEPTH - 2))))


def test_a_wide_group_is_refused_before_it_is_walked(tmp_path):
    def fill(file):
        group = file.create_group("many")
        for index in range(MAX_OBJECTS + 1):
            group.id.links.create_hard(str(index).encode(), file.id, b"layers")

    path = spoiled(tmp_path, fill)
    with limit_cost(jobs=75):
        assert f"more than {MAX_OBJECTS} objects" in refusal(path)


def test_many_attributes_are_refused(tmp_path):
    def fill(file):
        for index in range(1001):
            file.attrs[str(index)] = 1

    assert "1001 attributes" in refusal(spoiled(tmp_path, fill))


def test_lists_of_texts_open_in_h5_files(tmp_path):
    refuse_unsafe(open_model(as_h5(tmp_path / "a.h5")))


def test_a_long_text_that_is_named_often_is_refused(tmp_path):
    """4,000 names that are all one megabyte would be four gigabytes."""

    def fill(file):
        names = ["x" * (1 << 20)] + ["y"] * 3999
        file.attrs.create("weight_names", names, dtype=h5py.string_dtype())

    path = as_h5(tmp_path / "a.h5", fill)
    refuse_unsafe(open_model(path))  # as it is, it is long and no more
    data = bytearray(path.read_bytes())
    at, short = -1, (1).to_bytes(4, "little")
    while not (data[at + 16 : at + 20] == data[at + 32 : at + 36] == short):
        at = data.find((1 << 20).to_bytes(4, "little"), at + 1)
        assert at >= 0
    chunk = data[at : at + 16]
    data[at : at + 16 * 4000] = chunk * 4000
    path.write_bytes(data)
    before = peak(anew=True)
    assert "named more than once" in refusal(path)
    assert peak() - before < 100 << 20


def test_addresses_of_another_width_are_refused(tmp_path):
    path = as_h5(tmp_path / "a.h5")
    data = bytearray(path.read_bytes())
    data[13] = 4
    path.write_bytes(data)
    refusal(path)


@pytest.mark.parametrize("value", [1, np.zeros(3), ["{}", "{}"], h5py.Empty("f4")])
def test_a_configuration_that_is_no_text_is_none(value, tmp_path):
    def fill(file):
        del file.attrs["model_config"]
        file.attrs["model_config"] = value

    assert "holds weights only" in refusal(as_h5(tmp_path / "a.h5", fill))


@pytest.mark.parametrize("size", [0, 8, 1 << 20, (1 << 64) - 8])
@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_heap_of_texts_that_never_ends_is_refused(ending, size, tmp_path):
    """A size of zero in the place of the free space: HDF5 stood still there (found by chance)."""
    path = as_h5(tmp_path / "a.h5")
    data = bytearray(path.read_bytes())
    heap = data.find(b"GCOL")
    at = heap + 16
    while data[at : at + 2] != bytes(2):
        at += 16 + (int.from_bytes(data[at + 8 : at + 16], "little") + 7) // 8 * 8
    data[at + 8 : at + 16] = size.to_bytes(8, "little")
    path.write_bytes(data)
    if ending == ".keras":
        path = archive(tmp_path / "a.keras", members={"model.weights.h5": bytes(data)})
    assert "a heap of texts inside" in refusal(path)
