"""Carries out a call of `saliency` or `optimize`: plans the run, and runs or shows the plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from inputgrad_cli.cli.options.shared_run_arguments import RunCall
from inputgrad_cli.cli.terminal_output import show_status

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.run_options import RunOptions
    from inputgrad_cli.runs.planning.run_plan import Plan


def run_command(
    call: RunCall,
    build_options: Callable[[], RunOptions],
    *,
    strict: bool,
    shows_preview: bool = False,
) -> int:
    """Run what the call asks for, within its memory limit, and return the exit code.

    With `strict`, checks that do not hold are failures in the JUnit file. With `shows_preview`, the
    first maps are shown on the terminal as well.
    """
    from inputgrad_cli.machine.process_memory_limit import limit_memory

    with (
        show_status(not call.scripts.quiet, "reading the files"),
        limit_memory(call.execution.max_memory),
    ):
        return _run(call, build_options, strict=strict, shows_preview=shows_preview)


def _run(
    call: RunCall, build_options: Callable[[], RunOptions], *, strict: bool, shows_preview: bool
) -> int:
    from inputgrad_cli.cli.reporters.choose import add_junit, add_preview, choose_reporters
    from inputgrad_cli.cli.reporters.run_session import open_session

    scripts, dry_run = call.scripts, call.output.dry_run
    reporters = choose_reporters(scripts.json, scripts.quiet, scripts.verbose)
    with open_session(reporters) as session:
        if not dry_run:
            add_preview(reporters, shows_preview, has_colour=not scripts.no_color)
            add_junit(reporters, scripts.junit, strict)
            session.replay_earlier()
        # Within the session, so that a wrong option also reaches the stream, as error and summary.
        plan = _make_plan(build_options())
        if dry_run:
            session.show_plan(plan)
        else:
            session.run(plan)
    return session.code


def _make_plan(options: RunOptions) -> Plan:
    from inputgrad_cli.modelfile.config_errors import name_model_file
    from inputgrad_cli.runs.planning.model_file_checks import check_run
    from inputgrad_cli.supervision.model_opening_time_limits import compute_reading_seconds
    from inputgrad_cli.supervision.shared_memory_page import Stage
    from inputgrad_cli.supervision.worker_state_reporting import WORKER

    # From here on the parent process ends a reader that takes too long for the size of the file.
    WORKER.enter_stage(Stage.READING, str(options.model), compute_reading_seconds(options.model))
    with name_model_file(options.model):
        checked = check_run(options)
        WORKER.enter_stage(Stage.STARTING)
        # Imports all readers; late, so that a refused call is quick.
        from inputgrad_cli.runs.planning.run_plan import make_plan

        return make_plan(checked)
