"""Integrated gradients on the sample pictures: complete, and on the shape rather than around it."""

import numpy as np
import pytest
from PIL import Image

from inputgrad_cli import api

PICTURES = 12


@pytest.fixture(scope="module")
def ratios_and_gaps(samples):
    """Return, picture by picture, attribution inside the mask over outside, and the gap."""
    model = api.load(samples / "shapes.keras")
    out = []
    for path in sorted((samples / "inputs" / "shapes").glob("*.png")):
        attribution = api.explain(model, path, method="integrated-gradients")
        size = np.abs(attribution.values["picture"].sum(axis=-1))
        mask = np.asarray(Image.open(samples / "masks" / path.name)) > 127
        ratio = size[mask].mean() / size[~mask].mean()
        out.append((ratio, attribution.metadata["checks"]["completeness"]["gap"]))
    assert len(out) == PICTURES
    return np.array(out)


def test_every_gap_is_within_one_percent(ratios_and_gaps):
    assert ratios_and_gaps[:, 1].max() <= 0.01


def test_most_attribution_is_on_the_shape(ratios_and_gaps):
    """A model with shuffled weights also passes ten of twelve; its median ratio is below two."""
    ratios = ratios_and_gaps[:, 0]
    print(f"inside over outside: median {np.median(ratios):.2f}, above 1: {np.sum(ratios > 1)}")
    assert np.sum(ratios > 1) >= 10
    assert np.median(ratios) > 2.5


def test_the_model_is_right_on_pictures_it_never_saw(samples):
    from draw_shapes import draw_pictures

    model = api.load(samples / "shapes.keras")
    fresh = draw_pictures(200, seed=4321)
    attribution = api.explain(model, fresh.pixels, target="top1")
    chosen = [index[0] for index in attribution.metadata["target"]["index"]]
    assert np.mean(chosen == fresh.labels) >= 0.98
