"""What cannot be read fails alone; nothing in it is ever run."""

import struct
import zipfile

import numpy as np
import pytest

from . import arrays, draw, files, items


@pytest.fixture
def shapes(samples):
    return samples / "shapes.keras"


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def broken_picture(path):
    whole = draw(path.with_name("whole.bmp")).read_bytes()
    draw(path)
    path.write_bytes(path.read_bytes()[:300])
    path.with_name("whole.bmp").unlink()
    assert whole


def lying_header(path):
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (900000000, 64, 64, 3), }"
    head += b" " * (117 - len(head)) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + b"\0" * 64)


def with_nan(path):
    values = np.full((64, 64, 3), 9, "float32")
    values[3, 4, 1] = np.nan
    np.save(path, values)


def with_inf(path):
    np.save(path, np.full((64, 64, 3), np.inf, "float32"))


def pickled(path):
    held = np.empty(1, object)
    held[0] = Canary(path.with_name("canary"))
    np.save(path, held, allow_pickle=True)


def bomb_of_zip(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.npy", b"\0" * 50_000_000)


BAD = {
    "broken.png": broken_picture,
    "broken.jpg": lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 20),
    "text.png": lambda path: path.write_text("<html>not found</html>"),
    "empty.png": lambda path: path.write_bytes(b""),
    "empty.npy": lambda path: path.write_bytes(b""),
    "text.npy": lambda path: path.write_text("1 2 3"),
    "text.npz": lambda path: path.write_text("1 2 3"),
    "shape.npy": lambda path: np.save(path, np.zeros((5, 6), "float32")),
    "channels.npy": lambda path: np.save(path, np.zeros((64, 64, 4), "float32")),
    "none.npy": lambda path: np.save(path, np.zeros((0, 64, 64, 3), "float32")),
    "scalar.npy": lambda path: np.save(path, np.float32(3)),
    "complex.npy": lambda path: np.save(path, np.zeros((64, 64, 3), "complex64")),
    "words.npy": lambda path: np.save(path, np.full((64, 64, 3), "a")),
    "dates.npy": lambda path: np.save(path, np.zeros((64, 64, 3), "datetime64[s]")),
    "object.npy": pickled,
    "nan.npy": with_nan,
    "inf.npy": with_inf,
    "lie.npy": lying_header,
    "bomb.npz": bomb_of_zip,
    "names.npz": lambda path: np.savez(path, other=np.zeros((64, 64, 3), "float32")),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_fails_alone(call, shapes, tmp_path, name):
    draw(tmp_path / "in/good.png")
    BAD[name](tmp_path / "in" / name)
    result = call("saliency", shapes, "in", "--json", "--picture", "none")
    assert result.code == 3
    assert "Traceback" not in result.err
    statuses = {item["input"]: item["status"] for item in items(result)}
    assert statuses == {"good.png": "ok", name: "failed"}
    (failed,) = [item for item in items(result) if item["status"] == "failed"]
    assert name in failed["error"]["message"]
    assert failed["error"]["message"].count("\n") <= 1
    assert files(tmp_path / "inputgrad-out") == {"good.png.gradient.npz"}
    assert not (tmp_path / "in/canary").exists()


def test_pickles_in_an_npz_are_not_run(call, shapes, tmp_path):
    held = np.empty(1, object)
    held[0] = Canary(tmp_path / "canary")
    np.savez(tmp_path / "x.npz", picture=held)
    assert call("saliency", shapes, "x.npz").code == 3
    assert not (tmp_path / "canary").exists()


def test_each_method_and_target_of_a_bad_file_is_a_failed_item(call, shapes, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    words = ("-m", "gradient", "-m", "smoothgrad", "-t", "top:2", "--json")
    result = call("saliency", shapes, "a.png", *words)
    statuses = [(item["method"], item["status"]) for item in items(result)]
    assert {method for method, _ in statuses} == {"gradient", "smoothgrad"}
    assert {status for _, status in statuses} == {"failed"}
    assert result.events("summary")[0]["failed"] == len(statuses)


def test_fail_fast_stops_after_the_first(call, shapes, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_text("no picture")
    result = call("saliency", shapes, "a.png", "b.png", "c.png", "--fail-fast", "--json")
    assert result.code == 3
    assert [item["status"] for item in items(result)] == ["failed"]
    assert result.events()[-1]["type"] == "summary"


def test_max_failures_stops_after_as_many(call, shapes, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.png").write_text("no picture")
    result = call("saliency", shapes, "a.png", "b.png", "c.png", "--max-failures", "2", "--json")
    assert result.code == 3
    assert len(items(result)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "1,2,3,4,5,6,7,8,9\n",
        ",".join("abcdefghij") + "\n" + "1," * 9 + "x\n",
        ",".join("abcdefghij") + "\n" + "1," * 9 + "1\n1,2\n",
        ",".join("abcdefghij") + "\n",
        ",".join("abcdefghij") + "\n" + "1," * 9 + "nan\n",
        "",
        "\0\0\0",
    ],
)
def test_a_bad_table_fails_alone(call, samples, tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    good = samples / "inputs/sequential.npy"
    result = call("saliency", samples / "sequential.keras", "t.csv", good, "--json", "--root", "/")
    assert result.code == 3
    assert "Traceback" not in result.err
    statuses = [item["status"] for item in items(result)]
    assert statuses.count("ok") >= 8
    assert "failed" in statuses


def test_a_bad_cell_is_named_by_line(call, samples, tmp_path):
    row = "1," * 9
    (tmp_path / "t.csv").write_text(",".join("abcdefghij") + f"\n{row}1\n{row}x\n")
    result = call("saliency", samples / "sequential.keras", "t.csv")
    assert result.code == 3
    assert "3" in result.err
    assert "x" in result.err


def test_a_sample_with_nan_among_many_is_a_row_of_nan(call, samples, tmp_path):
    values = np.load(samples / "inputs/sequential.npy")
    values[3, 4] = np.nan
    np.save(tmp_path / "x.npy", values)
    result = call("saliency", samples / "sequential.keras", "x.npy", "--json")
    assert result.code == 3
    states = [item["status"] for item in items(result)]
    assert states.count("failed") == 1
    array = arrays(tmp_path / "inputgrad-out/x.npy.gradient.npz")["features"]
    assert np.isnan(array[3]).all()
    assert np.isfinite(np.delete(array, 3, axis=0)).all()


def test_a_pipe_named_like_a_picture_does_not_hang(call, shapes, tmp_path):
    import os

    draw(tmp_path / "in/good.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    result = call("saliency", shapes, "in", "--json")
    assert result.code in (0, 3)
    assert {item["input"] for item in items(result) if item["status"] == "ok"} == {"good.png"}


@pytest.mark.parametrize("kind", ["float64", "int32", "uint8", ">f4", "float16", "bool"])
def test_other_number_types_are_read_as_float32(call, samples, tmp_path, kind):
    values = (np.load(samples / "inputs/sequential.npy") > 0).astype("float32")
    np.save(tmp_path / "a.npy", values)
    np.save(tmp_path / "b.npy", np.asfortranarray(values.astype(kind)))
    assert call("saliency", samples / "sequential.keras", "a.npy", "b.npy").code == 0
    first, two = (arrays(tmp_path / f"inputgrad-out/{n}.npy.gradient.npz") for n in "ab")
    np.testing.assert_array_equal(first["features"], two["features"])
