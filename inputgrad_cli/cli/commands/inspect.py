"""`inputgrad inspect`: shows the inputs, outputs and layers of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inputgrad_cli.cli.error_exit_codes import as_inputgrad_error, get_exit_code, print_error
from inputgrad_cli.cli.model_description_text import format_model
from inputgrad_cli.cli.options.arguments import model_argument
from inputgrad_cli.cli.options.group_base_classes import GroupedCommand
from inputgrad_cli.cli.options.inspection import InspectionOptions
from inputgrad_cli.cli.options.json_config_verbosity import JsonOptions
from inputgrad_cli.cli.options.opening_and_computing import OpeningOptions
from inputgrad_cli.cli.reporters.choose import choose_reporters
from inputgrad_cli.cli.reporters.reporter_protocol import Notice, Result
from inputgrad_cli.cli.signals import allow_interrupt
from inputgrad_cli.cli.terminal_output import set_stage, show_status
from inputgrad_cli.errors import InputgradError
from inputgrad_cli.option_choices import to_printable

if TYPE_CHECKING:
    from inputgrad_cli.describe.model import OpenOptions
    from inputgrad_cli.describe.model_description import OpenedModel, OpeningProblem


@click.command(
    "inspect",
    cls=GroupedCommand,
    groups={"shown": InspectionOptions, "opening": OpeningOptions, "scripts": JsonOptions},
)
@model_argument
def run_inspect(
    *, model: Path, shown: InspectionOptions, opening: OpeningOptions, scripts: JsonOptions
) -> int:
    """Show what MODEL takes and gives, and what saliency would do with it.

    Only the file is read, without TensorFlow. With --load the model is opened; this also shows its
    logits, proved by a forward pass, and what blocks a gradient.
    """
    # What reads models imports NumPy, and --help imports this module.
    from inputgrad_cli.describe.model import OpenOptions, describe_model, save_sidecar
    from inputgrad_cli.machine.process_memory_limit import limit_memory
    from inputgrad_cli.supervision.model_opening_time_limits import compute_reading_seconds
    from inputgrad_cli.supervision.shared_memory_page import Stage
    from inputgrad_cli.supervision.worker_state_reporting import WORKER

    # From here on the parent process ends a reader that takes too long for the size of the file.
    WORKER.enter_stage(Stage.READING, str(model), compute_reading_seconds(model))
    with limit_memory(opening.max_memory):
        with show_status(True, "reading the file"):
            # Written first, because the page says whether the model has a sidecar.
            written = save_sidecar(model) if shown.write_sidecar else None
            description = replace(describe_model(model), trusted=opening.trust_model)
        failed = None
        if shown.load:
            options = OpenOptions(opening.code, opening.trust_model, shown.length)
            loaded, failed = _open_model(model, options)
            description = replace(description, loaded=loaded)
    reporter = choose_reporters(scripts.json)
    reporter.report(
        Result(
            description.to_record(), lambda width: format_model(description, width, shown.layers)
        )
    )
    if written:
        reporter.report(Notice(f"wrote {to_printable(str(written))}"))
    # After the page, because what the file alone can tell is shown also if Keras cannot open it.
    if failed:
        print_error(failed)
        return get_exit_code(failed)
    return 0


def _open_model(
    model: Path, options: OpenOptions
) -> tuple[OpenedModel | OpeningProblem, InputgradError | None]:
    """Return what the opened model shows, or why it cannot be used, with the error."""
    from inputgrad_cli.describe.model import describe_opened_model
    from inputgrad_cli.describe.model_description import OpeningProblem
    from inputgrad_cli.interfaces.engine import ProgressCallbacks

    try:
        with allow_interrupt("opening the model"):
            return describe_opened_model(model, options, ProgressCallbacks(set_stage)), None
    except (InputgradError, MemoryError) as error:
        failed = as_inputgrad_error(error)
        return OpeningProblem(failed.format_line()), failed
