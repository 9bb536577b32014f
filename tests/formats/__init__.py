"""Input files of every kind, whole and broken, to samples that fit the model."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.preprocessing import PRESETS
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.formats.read_samples import read_samples
from inputgrad_cli.interfaces.reader import ReadOptions


def port(shape, dtype="float32", name="x"):
    """Return a model input."""
    return InputSpec(name, shape, dtype)


def read(name, data, *ports, preprocess="raw", **viewing):
    """Return the samples that a file of this name and content holds."""
    options = ReadOptions(ports, PRESETS[preprocess], ImageOptions(**viewing))
    return read_samples({None: data}, {None: Path(name)}, options)


def npy(array):
    """Return the bytes of a .npy file, pickles allowed: that is how traps are made."""
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def npz(packed=False, **arrays):
    """Return the bytes of an .npz file."""
    out = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(out, **arrays)
    return out.getvalue()


def jsonl(*values):
    """Return the bytes of a file of JSON lines."""
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def picture(array, kind="PNG", mode=None, **options):
    """Return the bytes of a picture file of these pixels."""
    image = Image.fromarray(np.asarray(array))
    out = io.BytesIO()
    (image if mode is None else image.convert(mode)).save(out, kind, **options)
    return out.getvalue()


def film(*greys, kind="GIF", size=4):
    """Return the bytes of a file of several frames, each of one grey."""
    first, *others = (Image.fromarray(np.full((size, size, 3), g, np.uint8)) for g in greys)
    out = io.BytesIO()
    first.save(out, kind, save_all=True, append_images=others)
    return out.getvalue()
