"""Whatever stands in a model file, one sentence comes out: no other error, no flood, no wait."""

import contextlib
import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inputgrad_cli import api
from inputgrad_cli.describe.model import describe_model
from inputgrad_cli.errors import InputgradError
from tests.peak_memory import peak

from .files import archive, layer, sequential, weights

SECONDS = 5
BYTES = 1 << 30
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "Dense",
        "Lambda",
        "Functional",
        "keras.layers",
        "keras",
        "os",
        "system",
        "relu",
        "softmax",
        "x",
    ]
)
HEALTHY = sequential(layer("Dense", "more", units=4), layer("Dropout", "drop", rate=0.5))


def places(node, path=()):
    """Yield the path of every value in a configuration."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


PLACES = sorted(places(HEALTHY), key=str)


@st.composite
def configurations(draw):
    """Return a healthy configuration with a few of its values replaced, dropped or doubled."""
    config = copy.deepcopy(HEALTHY)
    for path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4)):
        with contextlib.suppress(KeyError, IndexError, TypeError):
            node = config
            for key in path[:-1]:
                node = node[key]
            if draw(st.booleans()):
                node[path[-1]] = draw(JUNK | WORDS)
            else:
                del node[path[-1]]
    return config


@st.composite
def members(draw):
    """Return other members of the archive: damaged, missing, or more than there should be."""
    data = bytearray(weights())
    for at in draw(st.lists(st.integers(0, len(data) - 1), max_size=6)):
        data[at] = draw(st.integers(0, 255))
    changed = {"model.weights.h5": bytes(data[: draw(st.integers(0, len(data)))])}
    extra = draw(
        st.dictionaries(st.text(min_size=1, max_size=12), st.binary(max_size=40), max_size=2)
    )
    return draw(st.sampled_from([{}, changed, {"model.weights.h5": None}, extra]))


def look(path):
    describe_model(path)


def check(act, config, others):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.keras"
        with contextlib.suppress(
            UnicodeEncodeError, ValueError, IndexError
        ):  # no archive holds that
            archive(path, members={"config.json": json.dumps(config).encode(), **others})
        if path.exists():
            with contextlib.suppress(InputgradError):
                act(path)


def run(act, examples):
    before = peak(anew=True)
    limits = settings(
        max_examples=examples,
        deadline=SECONDS * 1000,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    limits(
        given(config=configurations(), others=members())(
            lambda config, others: check(act, config, others)
        )
    )()
    assert peak() - before < BYTES


@pytest.mark.filterwarnings("ignore::UserWarning")  # zipfile tells of doubled names
def test_a_damaged_archive_is_told_about_or_refused():
    run(look, 300)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_very_many_damaged_archives():
    run(look, 5000)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_archives_that_get_as_far_as_keras():
    api.load(Path(__file__).parents[2] / "sample_models" / "sequential.keras")  # import it first
    run(api.load, 300)
