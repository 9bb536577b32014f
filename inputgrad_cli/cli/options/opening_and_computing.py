"""The options that say how a model is opened and computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from inputgrad_cli.cli import option_value_completion
from inputgrad_cli.cli.options.group_base_classes import OptionGroup, declare_option
from inputgrad_cli.cli.options.types import BatchSizeType, DeviceType, MemorySizeType, ShardType
from inputgrad_cli.data.shard import Shard
from inputgrad_cli.option_choices import PRECISIONS


def declare_memory_limit() -> Any:
    """Return the field of --max-memory."""
    return declare_option(
        "--max-memory",
        type=MemorySizeType(),
        metavar="SIZE|auto",
        default="auto",
        show_default=True,
        help="Memory limit of the process: 800M, 4G; auto: nine tenths of the free memory.",
    )


def declare_code(help_text: str) -> Any:
    """Return the field of --code."""
    return declare_option(
        "--code",
        multiple=True,
        metavar="FILE.py|MODULE",
        shell_complete=option_value_completion.complete_file,
        help=help_text,
    )


def declare_trust(help_text: str) -> Any:
    """Return the field of --trust-model, which no environment variable sets."""
    # Trust is said anew in each call; a variable that somebody has forgotten must not open models
    # that can run code.
    return declare_option("--trust-model", is_flag=True, allow_from_autoenv=False, help=help_text)


@dataclass(frozen=True)
class ComputingOptions(OptionGroup):
    """How a run computes and when it stops."""

    heading = "Run"

    batch_size: str | int = declare_option(
        "--batch-size",
        type=BatchSizeType(),
        metavar="N|auto",
        default="auto",
        show_default=True,
        help="Samples per pass.",
    )
    device: str = declare_option(
        "--device",
        type=DeviceType(),
        metavar="auto|cpu|gpu[:N]",
        default="auto",
        show_default=True,
        help="Device to compute on.",
    )
    max_memory: str = declare_memory_limit()
    seed: int = declare_option(
        "--seed", type=click.IntRange(0), default=0, show_default=True, help="Random seed."
    )
    code: tuple[str, ...] = declare_code("Python code of custom layers and functions. Repeatable.")
    trust_model: bool = declare_trust(
        "Open models that can run code (Lambda layers, SavedModel). Command line only."
    )
    # A gradient in half precision is wrong by 2 to 20 percent.
    precision: str = declare_option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="float32",
        show_default=True,
        help="For half-precision models: compute in float32, or as the model does.",
    )
    fail_fast: bool = declare_option(
        "--fail-fast", is_flag=True, help="Stop after the first item that fails."
    )
    max_failures: int | None = declare_option(
        "--max-failures", type=click.IntRange(1), metavar="N", help="Stop after N failed items."
    )
    shard: Shard | None = declare_option(
        "--shard",
        type=ShardType(),
        metavar="I/N",
        help="Compute part I (from 0) of N parts; `inputgrad merge` joins the results.",
    )

    @property
    def fixed_batch_size(self) -> int | None:
        """Return the batch size, None for `auto`."""
        return None if isinstance(self.batch_size, str) else self.batch_size

    @property
    def failure_limit(self) -> int | None:
        """Return the number of failed items after which the run stops, None for no limit."""
        return 1 if self.fail_fast else self.max_failures


@dataclass(frozen=True)
class ExecutionOptions(ComputingOptions):
    """How `saliency` computes, what it checks and when it stops."""

    check_grad: bool = declare_option(
        "--check-grad",
        is_flag=True,
        help="Check each gradient against finite differences of the score.",
    )
    strict: bool = declare_option("--strict", is_flag=True, help="Exit with 1 if a check fails.")
    tolerance: float = declare_option(
        "--tolerance",
        type=click.FloatRange(0, min_open=True),
        default=0.01,
        show_default=True,
        help="Largest allowed relative completeness gap.",
    )


@dataclass(frozen=True)
class OpeningOptions(OptionGroup):
    """How `inspect` opens a model."""

    heading = "Run"

    max_memory: str = declare_memory_limit()
    code: tuple[str, ...] = declare_code("Python code of custom layers. Repeatable.")
    trust_model: bool = declare_trust(
        "Let --load open a model that can run code. Command line only."
    )
