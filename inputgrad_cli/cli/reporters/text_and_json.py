"""Reports a run as text for people or as JSON lines for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.choices import to_printable
from inputgrad_cli.cli import terminal
from inputgrad_cli.cli.exit_codes import as_inputgrad_error, print_error, save_bug_report
from inputgrad_cli.cli.reporters.session import Session
from inputgrad_cli.cli.terminal import write_stderr, write_stdout
from inputgrad_cli.errors import InputgradError, ModelError, StorageError
from inputgrad_cli.runs.events import (
    Event,
    ItemEvent,
    Progress,
    RunNote,
    RunStart,
    RunWarning,
    Summary,
)
from inputgrad_cli.version import __version__

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.plan import Plan


MAX_NAME_WIDTH = 48  # columns for the names of items; longer names push the rest of the line right


class TextReporter:
    """Prints one line per map on stdout, and warnings, notes and errors on stderr."""

    def __init__(self, quiet: bool, verbose: bool) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._done = self._total = 0
        self._warned: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._width = 0

    @staticmethod
    def choose(as_json: bool, quiet: bool, verbose: bool) -> TextReporter:
        """Return the reporter that the options ask for."""
        return (JsonReporter if as_json else TextReporter)(quiet, verbose)

    @contextmanager
    def open_session(self) -> Iterator[Session]:
        """Report an error that ends the whole run, and keep its exit code in the session."""
        session = Session(self)
        try:
            yield session
            session.close()
        except (BrokenPipeError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except (InputgradError, OSError, MemoryError) as error:
            self._end_session(as_inputgrad_error(error), session)
        except Exception:
            self._end_session(save_bug_report(), session)
        finally:
            try:
                session.close()
            except StorageError as error:
                print_error(error)

    def _end_session(self, error: InputgradError, session: Session) -> None:
        session.record_error(error)
        self.report_error(error, session)

    def report_error(self, error: InputgradError, session: Session) -> None:
        """Print an error that ends the run, after the log of TensorFlow that belongs to it."""
        if isinstance(error, ModelError):
            _print_verbatim(error.log)
        elif session.current_run:
            self.print_log(session.current_run.captured_output)
        print_error(error)

    def print_log(self, text: str) -> None:
        """Print the log of TensorFlow if --verbose was given."""
        if self._verbose and text:
            _print_verbatim(text)

    def report_stop(self) -> None:
        """Print, as the last line, how much was done before a signal ended the run."""
        if not self._quiet:
            done = f"{self._done:,} of {format_count(self._total, 'item')} done"
            write_stderr(f"inputgrad: stopped: {done}; the same call again does the rest.")

    def show_plan(self, plan: Plan) -> None:
        """Print every source and destination, and the total size of the arrays."""
        from inputgrad_cli.runs.planning.dry_run import yield_planned_maps

        maps = list(yield_planned_maps(plan))
        for planned in maps:
            source = to_printable(str(planned.item_map.item.path))
            for path in planned.files:
                write_stdout(f"{source} -> {to_printable(path)}")
        total = sum(planned.size for planned in maps)
        write_stdout(f"{format_count(len(maps), 'map')}, about {total:,} bytes of arrays needed.")

    def prepare(self, plan: Plan) -> None:
        """Fix the column width, and show the progress, before the first event."""
        self._width = min(MAX_NAME_WIDTH, max(len(item.name) for item in plan.inputs.items))
        self._show_progress(Progress(0, len(plan.share)))
        if self._verbose and plan.inputs.ignored_count:
            write_stderr(
                f"inputgrad: {format_count(plan.inputs.ignored_count, 'file')} passed over."
            )

    def report(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, ItemEvent):
            self._print_item(event)
        elif isinstance(event, RunWarning):
            self._print_warning(event)
        elif isinstance(event, RunNote):
            self._print_note(event)
        elif isinstance(event, Progress):
            self._show_progress(event)
        elif isinstance(event, Summary):
            self._print_summary(event)

    def remember(self, event: Event) -> None:
        """Count an event that an earlier process of this call has already reported."""
        if isinstance(event, RunWarning):
            self._warned[event.code] += 1
        elif isinstance(event, ItemEvent) and event.status == "failed":
            self._failed.add(event.fields["error"]["message"])

    def _show_progress(self, event: Progress) -> None:
        self._done, self._total = event.done, event.total
        terminal.update_items(event.done, event.total, event.skipped)

    def _print_item(self, event: ItemEvent) -> None:
        fields = event.fields
        if event.status == "failed":
            self._print_failure(fields)
        elif event.status == "ok":
            write_stdout(self._format_item(fields))

    def _format_item(self, fields: Any) -> str:
        name = to_printable(fields["input"])
        if fields["sample"] is not None:
            name += f"#{fields['sample']}"
        label = _format_target(fields["target"])
        score, p = fields["score"], fields["probability"]
        parts = [name.ljust(self._width), to_printable(label)]
        parts += [f"{score:.6g}"] if score is not None else []
        parts += [f"{p:.2%}"] if p is not None else []
        return "  ".join([*parts, *map(to_printable, _list_paths(fields))])

    def _print_failure(self, fields: Any) -> None:
        message = fields["error"]["message"]
        if message not in self._failed:  # every map of the item has the same message
            self._failed.add(message)
            write_stderr(f"inputgrad: failed: {to_printable(message)}")

    def _print_warning(self, event: RunWarning) -> None:
        self._warned[event.code] += 1
        if self._quiet or (self._warned[event.code] > 1 and not self._verbose):
            return
        prefix = f"{event.input}: " if event.input else ""
        write_stderr(f"inputgrad: warning: {to_printable(prefix + event.message)}.")

    def _print_note(self, event: RunNote) -> None:
        if self._verbose or (event.loud and not self._quiet):
            write_stderr(f"inputgrad: {to_printable(event.message)}.")

    def _print_summary(self, event: Summary) -> None:
        terminal.close_status()
        for code, count in self._warned.items():
            if count > 1 and not self._verbose and not self._quiet:
                write_stderr(f"inputgrad: warning {code}: {count - 1} more like it; -v shows all.")
        if not self._quiet and (event.failed or event.skipped):
            counts = f"{event.ok} done, {event.skipped} done before, {event.failed} failed"
            write_stderr(f"inputgrad: {counts}.")


class JsonReporter(TextReporter):
    """Prints JSON lines on stdout; the last one is always `summary`."""

    def report_error(self, error: InputgradError, session: Session) -> None:
        """Print an error that ends the run as `error` and `summary`."""
        code = session.code
        self._print(
            {"type": "error", "kind": error.kind, "message": error.format_line(), "exit": code}
        )
        self._print(session.build_summary(code).record())
        super().report_error(error, session)

    def show_plan(self, plan: Plan) -> None:
        """Print every source and destination as items of status `planned`."""
        from inputgrad_cli.runs.item_fields import build_planned_fields
        from inputgrad_cli.runs.planning.dry_run import yield_planned_maps

        self._print(RunStart(__version__, str(plan.options.model), len(plan.share)).record())
        for planned in yield_planned_maps(plan):
            self._print(ItemEvent(build_planned_fields(planned)).record())
        self._print(Summary(0, 0, 0, 0.0, 0).record())

    def report(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, (RunStart, ItemEvent, RunWarning, Summary)):
            self._print(event.record())
        if not (isinstance(event, ItemEvent) and event.status == "ok"):
            super().report(event)

    def _print(self, record: dict[str, Any]) -> None:
        from inputgrad_cli.formats.attribution_npz import dump_json

        write_stdout(dump_json(record))

    def _print_note(self, event: RunNote) -> None:
        if self._verbose:  # the stream has loud notes as fields
            super()._print_note(event)

    def _print_failure(self, fields: Any) -> None:
        if not self._quiet:  # the stream has the message already
            super()._print_failure(fields)


def _list_paths(fields: Any) -> list[str]:
    """Return the paths of a map's pictures, or of its arrays if it has none."""
    return list(fields.get("pictures") or [fields["picture"] or fields["arrays"]])


def _format_target(target: Any) -> str:
    """Return what was differentiated: the class name, else the unit, else the target as given."""
    if target["label"] is not None:
        return str(target["label"])
    index = target["index"]
    if index is None or (index and isinstance(index[0], list)):
        return str(target["asked"])
    if target["class"] is not None:
        return f"class {target['class']}"
    return f"{target['output']}{index}"


def _print_verbatim(text: str) -> None:
    """Write text of several lines to stderr without wrapping."""
    if text:
        write_stderr(text.removesuffix("\n"), verbatim=True)


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun: 1 file, 2 files."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
