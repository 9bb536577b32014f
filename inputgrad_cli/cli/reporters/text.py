"""Reports as text: results on stdout; warnings, notes and errors on stderr."""

from __future__ import annotations

from collections import Counter
from functools import singledispatchmethod
from typing import Any

from inputgrad_cli.cli import terminal_output
from inputgrad_cli.cli.error_exit_codes import print_error
from inputgrad_cli.cli.reporters.optimization_text import format_search, yield_summary_lines
from inputgrad_cli.cli.reporters.reporter_protocol import (
    CommandEvent,
    DryRunEnd,
    EngineLog,
    Notice,
    PlannedFiles,
    Result,
    RunPreparation,
    Stop,
    TextLine,
)
from inputgrad_cli.cli.terminal_output import measure_page, write_stderr, write_stdout
from inputgrad_cli.data.prediction_text import format_percent
from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.runs.run_events import (
    STRONGEST,
    TOP_CLASSES,
    Event,
    ItemEvent,
    Progress,
    RunNote,
    RunWarning,
    Summary,
)

MAX_NAME_WIDTH = 48  # columns for the names of items; longer names push the rest of the line right


class TextReporter:
    """Prints events for people; with `beside_json` on stderr only, because stdout has the JSON."""

    def __init__(self, *, quiet: bool, verbose: bool, beside_json: bool) -> None:
        self._quiet, self._verbose, self._beside_json = quiet, verbose, beside_json
        self._done = self._total = 0
        self._warned: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._classified: set[tuple[str, int | None, str | None]] = set()
        self._width = 0

    def remember(self, event: Event) -> None:
        """Count an event that an earlier process of this call has already reported."""
        if isinstance(event, RunWarning):
            self._warned[event.code] += 1
        elif isinstance(event, ItemEvent) and event.status == "failed":
            self._failed.add(event.fields["error"]["message"])

    def report_error(self, error: InputgradError, log: str, summary: Summary) -> None:
        """Print an error that ends the run, after the log of TensorFlow that belongs to it."""
        if error.log or isinstance(error, ModelError):
            _print_verbatim(error.log)
        else:
            self._print_log(EngineLog(log))
        print_error(error)

    def close(self) -> None:
        """Do nothing, because each line is flushed."""

    def _write_result(self, text: str) -> None:
        if not self._beside_json:
            write_stdout(text)

    @singledispatchmethod
    def report(self, event: CommandEvent) -> None:
        """Print one event; there is a method below for each class that has a text."""

    @report.register
    def _print_result(self, event: Result) -> None:
        if text := event.format_text(measure_page()):
            self._write_result(text)
        for note in event.notes if not self._beside_json else ():
            write_stderr(f"inputgrad: {note}")

    @report.register
    def _print_line(self, event: TextLine) -> None:
        self._write_result(event.text)

    @report.register
    def _print_notice(self, event: Notice) -> None:
        write_stderr(f"inputgrad: {event.text}")

    @report.register
    def _print_planned(self, event: PlannedFiles) -> None:
        source = to_printable(str(event.planned.item_map.item.path))
        for path in event.planned.files:
            self._write_result(f"{source} -> {to_printable(path)}")

    @report.register
    def _print_total(self, event: DryRunEnd) -> None:
        maps = format_count(event.maps, "map")
        self._write_result(f"{maps}, about {event.bytes:,} bytes of arrays needed.")

    @report.register
    def _prepare_run(self, event: RunPreparation) -> None:
        self._width = min(MAX_NAME_WIDTH, event.name_width)
        if self._verbose and event.ignored_count:
            write_stderr(f"inputgrad: {format_count(event.ignored_count, 'file')} passed over.")

    @report.register
    def _print_log(self, event: EngineLog) -> None:
        if self._verbose and event.text:
            _print_verbatim(event.text)

    @report.register
    def _print_stop(self, event: Stop) -> None:
        """Print, as the last line, how much was done before a signal ended the run."""
        if not self._quiet:
            done = f"{self._done:,} of {format_count(self._total, 'item')} done"
            write_stderr(f"inputgrad: stopped: {done}; the same call again does the rest.")

    @report.register
    def _show_progress(self, event: Progress) -> None:
        self._done, self._total = event.done, event.total
        terminal_output.update_items(event.done, event.total, event.skipped)

    @report.register
    def _print_item(self, event: ItemEvent) -> None:
        fields = event.fields
        if event.status == "failed":
            self._print_failure(fields)
        elif event.status == "ok":  # what was done before has no line; the summary counts it
            self._print_classes(fields)
            self._write_result(self._format_item(fields))

    def _print_classes(self, fields: Any) -> None:
        """Print the classes of largest probability, once for all maps of a sample."""
        sample = (fields["input"], fields["sample"], fields["target"].get("output"))
        is_shown = self._verbose and not self._quiet and fields.get(TOP_CLASSES)
        if not is_shown or sample in self._classified:
            return
        self._classified.add(sample)
        classes = ", ".join(
            f"{to_printable(name)} {format_percent(p, digits=2)}" for name, p in fields[TOP_CLASSES]
        )
        write_stderr(f"inputgrad: {_format_name(fields)}: {classes}.")

    def _format_item(self, fields: Any) -> str:
        name = _format_name(fields)
        if "search" in fields:
            paths = fields["results"] or _list_paths(fields)
            parts = [name.ljust(self._width), format_search(fields), *paths]
            return "  ".join(map(to_printable, parts))
        label = _format_target(fields["target"])
        score, p = fields["score"], fields["probability"]
        parts = [name.ljust(self._width), to_printable(label)]
        parts += [f"{score:.6g}"] if score is not None else []
        parts += [format_percent(p, digits=2)] if p is not None else []
        parts += list(map(to_printable, _list_paths(fields)))
        return "  ".join([*parts, *_format_strongest(fields)])

    def _print_failure(self, fields: Any) -> None:
        message = fields["error"]["message"]
        if self._beside_json and self._quiet:  # the stream has the message already
            return
        if message not in self._failed:  # every map of the item has the same message
            self._failed.add(message)
            write_stderr(f"inputgrad: failed: {to_printable(message)}")

    @report.register
    def _print_warning(self, event: RunWarning) -> None:
        self._warned[event.code] += 1
        # The first warning of a kind is shown, and the summary counts the others.
        if self._quiet or (self._warned[event.code] > 1 and not self._verbose):
            return
        prefix = f"{event.input}: " if event.input else ""
        write_stderr(f"inputgrad: warning: {to_printable(prefix + event.message)}.")

    @report.register
    def _print_note(self, event: RunNote) -> None:
        loud = event.loud and not self._quiet and not self._beside_json  # JSON has it as a field
        if self._verbose or loud:
            write_stderr(f"inputgrad: {to_printable(event.message)}.")

    @report.register
    def _print_summary(self, event: Summary) -> None:
        # Otherwise the line would be drawn once more below the counts.
        terminal_output.close_status()
        for code, count in self._warned.items():
            if count > 1 and not self._verbose and not self._quiet:
                write_stderr(f"inputgrad: warning {code}: {count - 1} more like it; -v shows all.")
        if not self._quiet and (event.failed or event.skipped):
            counts = f"{event.ok} done, {event.skipped} done before, {event.failed} failed"
            write_stderr(f"inputgrad: {counts}.")
        for line in yield_summary_lines(event.searches) if not self._quiet else ():
            write_stderr(f"inputgrad: {to_printable(line)}.")


def _format_name(fields: Any) -> str:
    """Return the name of an item, with the index of the sample if it has many."""
    index = "" if fields["sample"] is None else f"#{fields['sample']}"
    return to_printable(fields["input"]) + index


def _list_paths(fields: Any) -> list[str]:
    """Return the paths of a map's pictures, or of its arrays if it has none."""
    return list(fields.get("pictures") or [fields["picture"] or fields["arrays"]])


def _format_strongest(fields: Any) -> list[str]:
    """Return the largest parts of an item with their values, as one text if there are any."""
    pairs = fields.get(STRONGEST, ())
    return (
        [", ".join(f"{to_printable(name)} {value:+.3g}" for name, value in pairs)] if pairs else []
    )


def _format_target(target: Any) -> str:
    """Return what was differentiated: the class name, else the unit, else the target as given."""
    if target["label"] is not None:
        return str(target["label"])
    index = target["index"]
    # No units, or the two of a margin, which the index of one unit cannot describe.
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
