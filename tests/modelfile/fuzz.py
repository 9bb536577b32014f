"""Model files with random bytes changed, by number: the same number gives the same file.

    python -m tests.modelfile.fuzz FOLDER FIRST COUNT

writes a few of them, to try them with the command.
"""

import io
import json
import sys
import zipfile
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from tests.modelfile.files import layer, sequential

WORDS = "assets/layers/string_lookup/vocabulary.txt"


def packed_weights():
    """Return the bytes of a weights file with every kind of array that may stand in one."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        first, second = file.create_group("layers/dense/vars"), file.create_group("layers/dense_1")
        first.attrs["name"] = "more"
        first.create_dataset("0", data=np.eye(2), compression="gzip", shuffle=True)
        first.create_dataset("1", data=np.zeros(2, np.float16), fletcher32=True)
        values = np.arange(6, dtype=np.float32).reshape(2, 3)
        second.create_dataset("vars/0", data=values, chunks=(2, 2))
        second["vars/1"] = np.zeros(3, np.float32)
    return data.getvalue()


def members():
    """Return the members of a healthy archive."""
    config = sequential(layer("Dense", "more", units=2), layer("Dropout", "drop", rate=0.5))
    return {
        "metadata.json": json.dumps({"keras_version": "3.15.1"}).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": packed_weights(),
        WORDS: b"a\nb\nc\n",
    }


def packed(inside, packing=zipfile.ZIP_STORED):
    """Return the bytes of an archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", packing) as file:
        for name, content in inside.items():
            file.writestr(name, content)
    return data.getvalue()


def as_hdf5():
    """Return the bytes of a `.h5` file."""
    data, texts = io.BytesIO(), h5py.string_dtype()
    with h5py.File(data, "w") as file:
        file.attrs["model_config"] = json.dumps(sequential())
        file.attrs["keras_version"] = "3.15.1"
        group = file.create_group("model_weights")
        group.attrs.create("layer_names", ["dense"], dtype=texts)
        group.create_group("dense").attrs.create(
            "weight_names", ["d/kernel", "d/bias"], dtype=texts
        )
        group["dense/d/kernel"] = np.arange(6, dtype=np.float32).reshape(2, 3)
        group["dense/d/bias"] = np.zeros(3, np.float32)
    return data.getvalue()


@cache
def healthy():
    """Return whole files by their kind: bytes, and the ending of their name."""
    return {
        "stored": (packed(members()), ".keras"),
        "deflated": (packed(members(), zipfile.ZIP_DEFLATED), ".keras"),
        "hdf5": (as_hdf5(), ".h5"),
    }


def changed(data, random):
    """Return bytes with a few of them changed, in one of the ways that find something."""
    data = bytearray(data)
    for _ in range(random.integers(1, 9)):
        at = int(random.integers(len(data)))
        way = random.integers(6)
        if way < 3:
            data[at] = random.integers(256)
        elif way == 3:  # a number of two, four or eight bytes at an end of its range
            count = 1 << int(random.integers(1, 4))
            data[at : at + count] = bytes([int(random.choice([0, 0x7F, 0xFF]))]) * count
        elif way == 4:  # a piece of the file in the place of another
            count, other = int(random.integers(1, 64)), int(random.integers(len(data)))
            data[at : at + count] = data[other : other + count]
        else:
            data[at] ^= 1 << int(random.integers(8))
    if random.integers(8) == 0:
        del data[int(random.integers(len(data))) :]
    return bytes(data)


def bent(seed):
    """Return the bytes of the model file of a seed, and the ending of its name."""
    random = np.random.default_rng(seed)
    kind = ("stored", "deflated", "hdf5", "config", "weights", "weights")[seed % 6]
    if kind in healthy():
        data, ending = healthy()[kind]
        return changed(data, random), ending
    inside = members()
    name = "config.json" if kind == "config" else "model.weights.h5"
    inside[name] = changed(inside[name], random)
    return packed(inside), ".keras"


if __name__ == "__main__":
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        content, suffix = bent(seed)
        (folder / f"{seed}{suffix}").write_bytes(content)
