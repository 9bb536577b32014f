"""What the sidecar next to the model settles for a job, where the command line says nothing."""

from __future__ import annotations

from dataclasses import replace

from inputgrad_cli.data.preprocessing import Preprocess
from inputgrad_cli.modelfile.sidecar import read_sidecar
from inputgrad_cli.runs.planning.options import Job


def settled(job: Job) -> Job:
    """Return the job with the model's names for the user's own, and what its sidecar settles."""
    beside = read_sidecar(job.model)
    if beside is None:
        return job
    options = dict(job.options)
    own = (
        ("preprocess", beside.preprocess),
        ("labels", beside.labels),
        ("columns", beside.columns or None),
    )
    for key, value in own:
        if value is not None and options.get(key, {}).get("source") == "default":
            told = value.name if isinstance(value, Preprocess) else value
            plain = list(told) if isinstance(told, tuple) else str(told)
            options[key] = {"value": plain, "source": "sidecar"}
    pairs = tuple((beside.name_of(name), path) for name, path in job.pairs)
    wrt = None if job.wrt is None else beside.name_of(job.wrt)
    columns = job.columns or beside.columns
    return replace(
        job,
        pairs=pairs,
        wrt=wrt,
        options=options,
        aliases=dict(beside.inputs),
        columns=columns,
    )
