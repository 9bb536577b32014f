"""Records of maps, for tests that make no run."""

from dataclasses import replace

from inputgrad_cli.data.map_record import MapRecord, SiteFacts
from inputgrad_cli.data.sample_record import SampleRecord

SAMPLE = SampleRecord("auto", "logit", {"finite": True, "zero": False}, score=1.0)


def build_record(**changes):
    """Return the record of a map of two samples, with changes."""
    record = MapRecord(
        method={"name": "m", "label": "m"},
        samples=(SAMPLE, SAMPLE),
        many=True,
        sites=SiteFacts(),
        reduce="sum",
        quantity="logit",
        sign="signed",
        per_input=False,
        baseline=None,
        preprocess={},
        inputs={},
        wrt=None,
        precision="float32",
        seed=0,
        model_sha256="",
        versions={},
    )
    return replace(record, **changes)
