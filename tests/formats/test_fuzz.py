"""Whatever stands in an input file, one sentence comes out: no other error, no flood, no wait."""

import io

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inputgrad_cli.errors import ItemError
from inputgrad_cli.formats.readers import READERS
from tests.peak_memory import peak

from . import film, jsonl, npy, npz, picture, port, read

SECONDS = 5
BYTES = 1 << 30
PORTS = [
    [port((4, 4, 3))],
    [port((3, None, None))],
    [port((4, 4, 1), "uint8")],
    [port((3,))],
    [port((None,), "int32")],
    [port((None, 2))],
    [port(None)],
    [port((), "string")],
    [port((1,), "string")],
    [port((1,), "bool")],
    [port((), "float32", "a"), port((1,), "int64", "b"), port((), "string", "c")],
]
GRID = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def parquet():
    out = pyarrow.BufferOutputStream()
    table = pyarrow.table({"a": [1.0, 2.0], "b": [3, 4], "c": ["p", "q"], "x": [[1, 2, 3]] * 2})
    pyarrow.parquet.write_table(table, out)
    return out.getvalue().to_pybytes()


def wav(encoding):
    out = io.BytesIO()
    soundfile.write(out, np.zeros((30, 2)), 8000, format="WAV", subtype=encoding)
    return out.getvalue()


WHOLE = {
    ".png": [picture(GRID), picture(GRID, mode="P"), picture(GRID[..., 0].astype("u2") * 99)],
    ".jpg": [picture(GRID, "JPEG"), picture(GRID, "JPEG", "CMYK")],
    ".webp": [picture(GRID, "WEBP"), film(1, 2, kind="WEBP")],
    ".bmp": [picture(GRID, "BMP"), picture(GRID, "BMP", "1")],
    ".tif": [
        picture(GRID, "TIFF"),
        film(1, 2, kind="TIFF"),
        picture(GRID[..., 0].astype("f4"), "TIFF"),
    ],
    ".gif": [picture(GRID, "GIF"), film(1, 2, 3)],
    ".npy": [npy(GRID), npy(np.arange(3.0)), npy(np.array(["a", "bc"])), npy(np.array([None]))],
    ".npz": [npz(x=np.arange(3)), npz(True, x=GRID), npz(a=np.ones(1), b=np.ones((1, 1)), c=["p"])],
    ".csv": [b"a,b,c\n1,2,p\n3,4,q\n", b"1,2,3\n4,5,6\n", b'"a","b"\n"x",\n'],
    ".tsv": [b"a\tb\tc\n1\t2\tp\n"],
    ".jsonl": [
        jsonl({"a": 1, "b": 2, "c": "p"}),
        jsonl([1, 2, 3], "x", 4),
        jsonl({"x": [1, 2, 3]}),
    ],
    ".txt": [b"a text\n"],
    ".wav": [wav("PCM_16"), wav("PCM_24"), wav("FLOAT")],
    ".parquet": [parquet()],
}
BYTE_RUNS = st.binary(max_size=12)


@st.composite
def mutated(draw):
    """Return a suffix and a whole file of it, cut, overwritten, repeated or mixed with others."""
    suffix = draw(st.sampled_from(sorted(WHOLE)))
    data = bytearray(draw(st.sampled_from(WHOLE[suffix])))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["write", "insert", "cut", "end", "repeat"]))
        if kind == "write":
            run = draw(st.one_of(BYTE_RUNS, st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f"])))
            data[at : at + len(run)] = run
        elif kind == "insert":
            data[at:at] = draw(BYTE_RUNS)
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == "end":
            del data[at:]
        else:
            data += data[at : at + 64] * draw(st.integers(1, 50))
    return suffix, bytes(data)


RANDOM = st.tuples(st.sampled_from(list(READERS)), st.binary(max_size=400))
SWAPPED = st.tuples(
    st.sampled_from(list(READERS)),
    st.sampled_from([data for files in WHOLE.values() for data in files]),
)
FILES = st.one_of(mutated(), mutated(), RANDOM, SWAPPED)
FRAMES = st.sampled_from([None, 0, 1, "all"])
SPANS = st.sampled_from([None, (0.0, 1.0)])


def check(file, ports, frame, span):
    """Read the file; whatever is no ItemError, or takes too much, fails the test."""
    suffix, data = file
    try:
        samples = read("a" + suffix, data, *ports, frame=frame, value_range=span)
    except ItemError as error:
        message = error.format_line()
    else:
        message = ""
        fits(samples, ports)
    assert " object at 0x" not in message
    assert "Traceback" not in message
    assert len(message) < 2000


def fits(result, ports):
    """Assert that all inputs have samples, of one count, and finite where they did not fail."""
    assert {port.name for port in ports} == set(result.arrays)
    assert len({len(array) for array in result.arrays.values()}) == 1
    for array in result.arrays.values():
        assert not array.dtype.hasobject
        good = [row for row in range(len(result)) if row not in result.failed]
        assert array.dtype.kind != "f" or all(np.isfinite(array[row]).all() for row in good)


def limits(examples):
    return settings(
        max_examples=examples,
        deadline=SECONDS * 1000,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


CASES = {"file": FILES, "ports": st.sampled_from(PORTS), "frame": FRAMES, "span": SPANS}


def test_only_item_errors_come_out_of_any_file():
    before = peak(anew=True)
    limits(300)(given(**CASES)(check))()
    assert peak() - before < BYTES


@pytest.mark.slow
def test_only_item_errors_come_out_of_very_many_files():
    before = peak(anew=True)
    limits(20_000)(given(**CASES)(check))()
    assert peak() - before < BYTES


@pytest.mark.parametrize("suffix", sorted(WHOLE))
@pytest.mark.parametrize("ports", PORTS, ids=lambda ports: " ".join(str(p) for p in ports))
def test_whole_files_under_every_input_give_samples_or_a_sentence(suffix, ports):
    for data in WHOLE[suffix]:
        for frame in (None, 1, "all"):
            check((suffix, data), ports, frame, None)
