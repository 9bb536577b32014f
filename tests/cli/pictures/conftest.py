"""What the tests of pictures share."""

import pytest

from inputgrad_cli import api


@pytest.fixture
def refuse_models(monkeypatch):
    """Return a function after whose call a model that is opened fails the test."""

    def refuse():
        monkeypatch.setattr(api, "load", lambda *_, **__: pytest.fail("the model was opened"))

    return refuse
