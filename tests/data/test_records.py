"""Records of maps: what is stored is read back, for one sample and for many."""

import json

from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.data.map_record import MapRecord, SiteFacts
from inputgrad_cli.data.preprocessing import PRESETS, Preprocess
from inputgrad_cli.data.sample_record import SampleRecord
from inputgrad_cli.schema.json_type_checks import get_check
from inputgrad_cli.schema.metadata_json import ResultRecord

HASH = "0" * 64
names = st.text("abc/_:", min_size=1, max_size=5)
numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe_numbers = st.none() | numbers
indices = st.lists(st.integers(0, 9), min_size=1, max_size=3)
flags = st.booleans()
completeness = st.fixed_dictionaries(
    {"sum": numbers, "difference": numbers, "gap": numbers, "steps": st.integers(1, 9), "ok": flags}
)
gradient = st.fixed_dictionaries(
    {"slope": numbers, "difference": numbers, "error": numbers, "ok": flags}
)
standard_error = st.fixed_dictionaries(
    {"mean": numbers, "relative": numbers, "samples": st.integers(1, 9)}
)
checks = st.fixed_dictionaries(
    {"finite": flags, "zero": flags},
    optional={
        "zero_because": names,
        "completeness": completeness,
        "standard_error": standard_error,
        "gradient": gradient,
    },
)
preprocesses = st.sampled_from(list(PRESETS.values())) | st.builds(
    Preprocess,
    name=st.just("mean-std"),
    scale=st.floats(1, 300),
    mean=st.lists(numbers, max_size=3).map(tuple),
    std=st.lists(st.floats(0.1, 9), max_size=3).map(tuple),
    bgr=flags,
    source=names,
    channels_first=flags,
    flat=flags,
    frames=flags,
)


@st.composite
def sample_records(draw, extras=()):
    """Draw the record of a sample; all samples of a map have the same `extras`."""
    return SampleRecord(
        asked=draw(names),
        space=draw(st.sampled_from(["logit", "probability", "output"])),
        checks=draw(checks),
        output=draw(names),
        index=draw(st.none() | indices | st.lists(indices, min_size=2, max_size=2)),
        label=draw(st.none() | names),
        class_index=draw(st.none() | st.integers(0, 1)),
        score=draw(maybe_numbers),
        baseline_score=draw(maybe_numbers),
        probability=draw(maybe_numbers),
        scores=draw(st.lists(maybe_numbers, min_size=1, max_size=3))
        if "scores" in extras
        else None,
        tokens={"text": draw(st.lists(names, max_size=3))} if "tokens" in extras else None,
    )


@st.composite
def map_records(draw):
    """Draw the record of a map of one sample or of many, of which some may have failed."""
    samples = sample_records(draw(st.lists(st.sampled_from(["scores", "tokens"]), unique=True)))
    many = draw(flags)
    rows = [draw(samples)]
    if many:
        rows += draw(st.lists(st.none() | st.just(rows[0]) | samples, max_size=3))
    facts = {"layer": names, "cam": st.just(True), "copied": st.lists(names)}
    facts |= {"region": st.fixed_dictionaries({"shape": st.just([2, 3]), "mask": st.just("pA==")})}
    facts |= {"sees": st.dictionaries(names, st.lists(names)), "rules": st.integers(0, 9)}
    inputs = {
        "resize": st.just({"how": "crop", "interp": "box"}),
        "frame": st.integers(0, 9) | st.just("all"),
        "input_range": st.just([0.0, 9.0]),
        "channels_first": st.lists(names),
        "animated": st.lists(names),
        "sample_rate": st.dictionaries(names, st.integers(1, 96000)),
        "columns": st.lists(names),
    }
    return MapRecord(
        method={"name": "gradient", "label": draw(names), "parameters": {}},
        samples=tuple(draw(st.permutations(rows))),
        many=many,
        sites=SiteFacts(
            draw(st.fixed_dictionaries({}, optional=facts)),
            tuple(draw(st.lists(names))),
            draw(st.dictionaries(names, names)),
        ),
        reduce=draw(st.sampled_from(["sum", "l2", "max-abs"])),
        quantity=draw(names),
        sign=draw(st.sampled_from(["signed", "positive", "either"])),
        per_input=draw(flags),
        baseline=draw(st.none() | st.sampled_from(["zeros", "constant:value=1.5"])),
        preprocess={
            name: preprocess.to_json()
            for name, preprocess in draw(st.dictionaries(names, preprocesses)).items()
        },
        inputs=draw(st.fixed_dictionaries({}, optional=inputs)),
        wrt=draw(st.none() | names),
        precision=draw(st.sampled_from(["float32", "float64"])),
        seed=draw(st.integers(0, 2**31)),
        model_sha256=HASH,
        versions=draw(st.dictionaries(names, names)),
    )


@given(map_records())
def test_a_record_of_a_map_is_read_back_as_it_was(record):
    stored = json.loads(json.dumps(record.to_json()))
    assert get_check(ResultRecord)(stored) == ()
    again = MapRecord.from_json(stored)
    assert json.dumps(again.to_json()) == json.dumps(record.to_json())
    assert again.samples == record.samples
    assert again.sites == record.sites
    for name in record.preprocess:
        assert again.get_preprocess(name) == record.get_preprocess(name)


@given(sample_records(("scores", "tokens")))
def test_a_record_of_a_sample_is_read_back_as_it_was(record):
    assert SampleRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


@given(preprocesses)
def test_a_preprocessing_is_read_back_as_it_was(preprocess):
    assert Preprocess.from_json(json.loads(json.dumps(preprocess.to_json()))) == preprocess
