"""The yardstick for many small pictures: two processes that only decode, colour and save.

`python -m tests.bench.decode_only FOLDER OUT`: no model, no gradient; an array and an overlay each.
"""

import sys
from multiprocessing import Pool
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image


def decode(paths):
    """Save the array and the picture of one file."""
    path, out = paths
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32)
    values = pixels - pixels.mean()
    np.savez(out.with_suffix(".npz"), picture=values)
    flat = np.abs(values).max(axis=-1)
    heat = matplotlib.colormaps["inferno"](flat / (flat.max() or 1))[..., :3] * 255
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    mixed = np.uint8(0.5 * heat + 0.5 * grey[..., np.newaxis])
    factor = -(-224 // min(mixed.shape[:2]))
    size = mixed.shape[1] * factor, mixed.shape[0] * factor
    Image.fromarray(mixed).resize(size, Image.Resampling.NEAREST).save(out.with_suffix(".png"))


def main(folder, out):
    """Do all pictures of a folder, half of them in each of two processes."""
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(folder.iterdir())
    with Pool(2) as pool:
        pool.map(decode, [(path, out / path.name) for path in paths], chunksize=32)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
