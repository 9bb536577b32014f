"""The closed form itself: the real command line, without TensorFlow."""

import json

import numpy as np

from tests.cli import arrays, journal, metadata

from .conftest import draw


def test_neither_tensorflow_nor_keras_is_imported(tool, folder):
    draw(folder / "a.png")
    assert tool("saliency", "m.keras", "a.png", modules=str(folder / "modules")).code == 0
    names = json.loads((folder / "modules").read_text())
    assert "inputgrad_cli.runs.run_loop" in names
    assert not {"tensorflow", "keras", "torch"} & set(names)


def test_the_files_hold_the_gradient_of_the_formula(tool, folder):
    from PIL import Image

    draw(folder / "a.png")
    assert tool("saliency", "m.keras", "a.png").code == 0
    out = folder / "inputgrad-out"
    x = np.asarray(Image.open(folder / "a.png"), np.float64)
    weights = 1 + np.arange(x.size).reshape(x.shape) % 7
    values = arrays(out / "a.png.gradient.npz")["picture"]
    np.testing.assert_allclose(values, weights * 2 * x / (255**2 - x**2), rtol=1e-5)
    assert metadata(out / "a.png.gradient.npz")["versions"]["tensorflow"] == "none"
    assert (out / "a.png.gradient.png").is_file()
    assert [line["status"] for line in journal(out)] == ["ok"]
