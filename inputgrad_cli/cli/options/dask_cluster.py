"""The options that say which machines compute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.option_choices import ENGINES

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.run_options import ClusterOptions


@dataclass(frozen=True)
class MachineOptions(OptionGroup):
    """What computes a run: this process, or the workers of a Dask cluster."""

    heading = "Many machines"

    engine: str = declare_option(
        "--engine",
        type=click.Choice(ENGINES),
        default="local",
        show_default=True,
        help="Compute in this process, or on a Dask cluster: by default of all cores here.",
    )
    scheduler: str | None = declare_option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler to use, as tcp://host:8786. Default: DASK_SCHEDULER_ADDRESS.",
    )
    scheduler_file: Path | None = declare_option(
        "--scheduler-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that a Dask scheduler wrote, to find it by.",
    )

    def refuse_contradictions(self) -> None:
        """Raise UsageError if a cluster is named that would not be used, or two are."""
        flags = [("--scheduler", self.scheduler), ("--scheduler-file", self.scheduler_file)]
        names = [flag for flag, value in flags if value is not None]
        if names and self.engine != "dask":
            raise click.UsageError(f"{names[0]} names a Dask cluster: add --engine dask.")
        if len(names) > 1:
            raise click.UsageError("Give --scheduler or --scheduler-file, not both.")

    def to_cluster(self, max_memory: str) -> ClusterOptions | None:
        """Return the cluster to use, None for this process; `max_memory` is that of a process."""
        from inputgrad_cli.runs.planning.run_options import ClusterOptions

        if self.engine != "dask":
            return None
        return ClusterOptions(self.scheduler, self.scheduler_file, max_memory)
