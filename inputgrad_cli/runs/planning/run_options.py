"""The options of a call of `saliency` or `optimize`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inputgrad_cli.data.image_options import ImageOptions
from inputgrad_cli.data.pictures.picture_style import Style
from inputgrad_cli.data.shard import Shard
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.unresolved_target import Target
from inputgrad_cli.optimization.summaries.fail_thresholds import Gate


@dataclass(frozen=True)
class SearchOptions:
    """The options of `optimize` alone: goals, what may move, and gates on the results.

    `until` is the score that is wanted. `freeze` are columns or inputs; `ranges`, `data` and
    `where` are files. With `from_noise` there is no input, and the search begins at noise. With
    `gif` pictures get an animation of their search.
    """

    goals: tuple[str, ...]
    until: float | None = None
    freeze: tuple[str, ...] = ()
    ranges: Path | None = None
    data: Path | None = None
    where: Path | None = None
    gates: tuple[Gate, ...] = ()
    from_noise: bool = False
    gif: bool = False


@dataclass(frozen=True)
class ClusterOptions:
    """The Dask cluster that computes, by its address or the file of its scheduler.

    With neither, Dask's own settings name it, or one of processes is started on this machine.
    `max_memory` is what each process may hold, as written in the call.
    """

    scheduler: str | None = None
    scheduler_file: Path | None = None
    max_memory: str = "auto"


@dataclass(frozen=True)
class RunOptions:
    """The options of a call of `saliency`, or of `optimize` with `search`.

    `option_records` has the value and the source of each option, for the record of the run.
    `aliases` are the model's names of inputs that the sidecar renames. `shown_classes` is how many
    classes of largest probability are reported of each sample. With `preview`, the items that are
    done are reported with the columns or tokens that a terminal shows. Without a `cluster` this
    process computes.
    """

    model: Path
    inputs: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    methods: tuple[str, ...] = ("gradient",)
    targets: tuple[Target, ...] = (parse_target("auto"),)
    truth: str | None = None
    space: str = "auto"
    wrt: str | None = None
    baseline: str | None = None
    preprocess: str = "auto"
    viewing: ImageOptions = field(default_factory=ImageOptions)
    columns: tuple[str, ...] = ()
    lines: bool = False
    out: Path = Path("inputgrad-out")
    root: Path | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    style: Style | None = field(default_factory=Style)
    batch_size: int | None = None
    device: str = "auto"
    precision: str = "float32"
    seed: int = 0
    labels: Path | None = None
    code: tuple[str, ...] = ()
    trust: bool = False
    tolerance: float = 0.01
    strict: bool = False
    check_grad: bool = False
    on_exists: str = "resume"
    shard: Shard | None = None
    max_failures: int | None = None
    argv: tuple[str, ...] = ()
    option_records: Mapping[str, Any] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    search: SearchOptions | None = None
    shown_classes: int = 0
    preview: bool = False
    cluster: ClusterOptions | None = None
