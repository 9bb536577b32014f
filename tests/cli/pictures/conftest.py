"""What the tests of pictures share."""

import shutil

import pytest

from inputgrad_cli import api
from tests.cli import draw


@pytest.fixture
def folder(tmp_path, samples):
    """Return a folder with the model `m.keras` and two pictures in `in`."""
    shutil.copy(samples / "shapes.keras", tmp_path / "m.keras")
    draw(tmp_path / "in/a.png")
    draw(tmp_path / "in/b.png", seed=1)
    return tmp_path


@pytest.fixture
def refuse_models(monkeypatch):
    """Return a function after whose call a model that is opened fails the test."""

    def refuse():
        monkeypatch.setattr(api, "load", lambda *_, **__: pytest.fail("the model was opened"))

    return refuse
