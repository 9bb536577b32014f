"""Checks what a call says of a cluster, before Dask or TensorFlow is imported."""

from __future__ import annotations

import importlib.util

from inputgrad_cli.errors import UsageError
from inputgrad_cli.runs.planning.run_options import ClusterOptions


def refuse_missing_dask(cluster: ClusterOptions) -> None:
    """Raise UsageError if Dask is not installed, or if the scheduler's file is not there."""
    if importlib.util.find_spec("distributed") is None:
        raise UsageError(
            "--engine dask: Dask is not installed here",
            hint="pip install 'inputgrad-cli[dask]'",
        )
    path = cluster.scheduler_file
    if path is not None and not path.is_file():
        raise UsageError(
            f"--scheduler-file {path}: there is no such file",
            reason="a scheduler writes it when it starts: dask scheduler --scheduler-file FILE",
            hint="start the scheduler first, or name the file that it wrote",
        )
