"""Saves and explains small models."""

import pytest

from inputgrad_cli import api


@pytest.fixture
def explain(tmp_path):
    """Save a model and explain inputs: `explain(model, inputs, target=...) -> Attribution`."""

    def explain(model, inputs, code=(), batch_size=16, traced=False, **asked):
        path = tmp_path / "model.keras"
        model.save(path)
        opened = api.load(path, code=code, batch_size=batch_size, traced=traced)
        return api.explain(opened, inputs, **asked)

    return explain
