"""Methods by how much of their map lies on the shape, on the twelve sample pictures.

`python -m tests.bench.mass` prints the second table of `inputgrad_cli/methods/README.md`.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = Path(__file__).parents[2] / "sample_models"


def mass(attribution, mask):
    """Return the share of a map's absolute values that lies inside the mask."""
    from inputgrad_cli.data.map_record import MapRecord
    from inputgrad_cli.numeric.resize import resize_maps
    from inputgrad_cli.rendering.colour_scale import reduce_channels

    site, values = next(iter(attribution.values.items()))
    values = MapRecord.from_json(attribution.metadata).axes.to_channels_last(values, site)
    reduction = attribution.metadata["reduce"]
    flat = reduce_channels(values, reduction, attribution.metadata["level"])
    flat = np.abs(resize_maps(flat, mask.shape))
    return float(flat[mask].sum() / flat.sum())


def measure(model, method, pictures, masks, **options):
    """Return the median mass, and the median seconds of a picture after one to warm up."""
    from inputgrad_cli import api

    api.explain(model, pictures[0], method=method, **options)
    masses, seconds = [], []
    for picture, mask in zip(pictures, masks, strict=True):
        began = time.perf_counter()
        attribution = api.explain(model, picture, method=method, **options)
        seconds.append(time.perf_counter() - began)
        masses.append(mass(attribution, mask))
    return statistics.median(masses), statistics.median(seconds)


def table(folder):
    """Yield the lines of the table, family by family, the best of each first."""
    from inputgrad_cli import api
    from inputgrad_cli.describe.methods import FAMILIES
    from inputgrad_cli.methods import methods

    pictures = sorted((SAMPLES / "inputs" / "shapes").glob("*.png"))
    references = Path(folder) / "references.npy"
    np.save(references, np.stack([np.asarray(Image.open(p)) for p in pictures]))
    masks = [np.asarray(Image.open(SAMPLES / "masks" / p.name)) > 127 for p in pictures]
    share = statistics.median(float(mask.mean()) for mask in masks)
    model = api.load(SAMPLES / "shapes.keras", batch_size=64)
    yield "| method | family | on the shape | seconds |"
    yield "|---|---|---|---|"
    yield f"| (a map without any preference) | | {share:.2f} | |"
    rows = []
    for cls in methods:
        # Baselines are drawn from the twelve pictures themselves.
        options = {"baseline": f"dataset:path={references}"} if cls.needs == "dataset" else {}
        median_mass, seconds = measure(model, cls.name, pictures, masks, **options)
        rows.append((FAMILIES.index(cls.family), -median_mass, cls.name, cls.family, seconds))
    for _, median_mass, name, family, seconds in sorted(rows):
        yield f"| `{name}` | {family} | {-median_mass:.2f} | {seconds:.3f} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        for text in table(directory):
            print(text, flush=True)
