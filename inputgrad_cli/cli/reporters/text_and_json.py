"""What a run tells, in words for people or in JSON lines for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from inputgrad_cli.choices import printable
from inputgrad_cli.cli import terminal
from inputgrad_cli.cli.exit_codes import bug, known, tell
from inputgrad_cli.cli.reporters.session import Outcome
from inputgrad_cli.cli.terminal import put, say
from inputgrad_cli.errors import InputgradError, ModelError, StorageError
from inputgrad_cli.runs.events import Event, ItemDone, Noted, Progress, Start, Summary, Warned
from inputgrad_cli.version import __version__

if TYPE_CHECKING:
    from inputgrad_cli.runs.planning.plan import Plan


class Show:
    """Text: one line an item on stdout, talk on stderr."""

    def __init__(self, quiet: bool, verbose: bool) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._done = self._total = 0
        self._warned: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._width = 0

    @staticmethod
    def pick(as_json: bool, quiet: bool, verbose: bool) -> Show:
        """Return the way of telling that the options ask for."""
        return (JsonShow if as_json else Show)(quiet, verbose)

    @contextmanager
    def errors(self) -> Iterator[Outcome]:
        """Turn what ends the whole run into words, and its exit code."""
        outcome = Outcome(self)
        try:
            yield outcome
            outcome.close()
        except (BrokenPipeError, click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except (InputgradError, OSError, MemoryError) as error:
            self._end(known(error), outcome)
        except Exception:
            self._end(bug(), outcome)
        finally:
            try:
                outcome.close()
            except StorageError as error:
                tell(error)

    def _end(self, error: InputgradError, outcome: Outcome) -> None:
        outcome.end(error)
        self.error(error, outcome)

    def error(self, error: InputgradError, outcome: Outcome) -> None:
        """Tell an error that ends the run."""
        if isinstance(error, ModelError):
            _say_all(error.log)
        elif outcome.started:
            self.noise(outcome.started.noise)
        tell(error)

    def noise(self, text: str) -> None:
        """Show what TensorFlow wrote, if that was wanted."""
        if self._verbose and text:
            _say_all(text)

    def stopped(self) -> None:
        """Tell how far a run came that a signal ended, and how it goes on: the last line."""
        if not self._quiet:
            done = f"{self._done:,} of {counted(self._total, 'item')} done"
            say(f"inputgrad: stopped: {done}; the same call again does the rest.")

    def plan(self, plan: Plan) -> None:
        """Show every source and destination, and the bytes that are needed."""
        from inputgrad_cli.runs.planning.dry_run import forecast

        moves = list(forecast(plan))
        for move in moves:
            for path in move.files:
                put(f"{printable(str(move.item.path))} -> {printable(path)}")
        total = sum(move.size for move in moves)
        put(f"{counted(len(moves), 'map')}, about {total:,} bytes of arrays needed.")

    def expect(self, plan: Plan) -> None:
        """Line up what will be told."""
        self._width = min(48, max(len(item.name) for item in plan.found.items))
        self._count(Progress(0, len(plan.share)))
        if self._verbose and plan.found.passed:
            say(f"inputgrad: {counted(plan.found.passed, 'file')} passed over.")

    def event(self, event: Event) -> None:
        """Tell one event."""
        if isinstance(event, ItemDone):
            self._item(event)
        elif isinstance(event, Warned):
            self._warn(event)
        elif isinstance(event, Noted):
            self._note(event)
        elif isinstance(event, Progress):
            self._count(event)
        elif isinstance(event, Summary):
            self._summary(event)

    def remember(self, event: Event) -> None:
        """Know of an event that an earlier process of this call told."""
        if isinstance(event, Warned):
            self._warned[event.code] += 1
        elif isinstance(event, ItemDone) and event.status == "failed":
            self._failed.add(event.fields["error"]["message"])

    def _count(self, event: Progress) -> None:
        self._done, self._total = event.done, event.total
        terminal.count(event.done, event.total, event.skipped)

    def _item(self, event: ItemDone) -> None:
        fields = event.fields
        if event.status == "failed":
            self._fail(fields)
        elif event.status == "ok":
            put(self._line(fields))

    def _line(self, fields: Any) -> str:
        name = printable(fields["input"])
        if fields["sample"] is not None:
            name += f"#{fields['sample']}"
        label = _unit(fields["target"])
        score, p = fields["score"], fields["probability"]
        parts = [name.ljust(self._width), printable(label)]
        parts += [f"{score:.6g}"] if score is not None else []
        parts += [f"{p:.2%}"] if p is not None else []
        return "  ".join([*parts, *map(printable, _paths(fields))])

    def _fail(self, fields: Any) -> None:
        message = fields["error"]["message"]
        if message not in self._failed:  # every map of the item says the same
            self._failed.add(message)
            say(f"inputgrad: failed: {printable(message)}")

    def _warn(self, event: Warned) -> None:
        self._warned[event.code] += 1
        if self._quiet or (self._warned[event.code] > 1 and not self._verbose):
            return
        where = f"{event.input}: " if event.input else ""
        say(f"inputgrad: warning: {printable(where + event.message)}.")

    def _note(self, event: Noted) -> None:
        if self._verbose or (event.loud and not self._quiet):
            say(f"inputgrad: {printable(event.message)}.")

    def _summary(self, event: Summary) -> None:
        terminal.end()
        for code, number in self._warned.items():
            if number > 1 and not self._verbose and not self._quiet:
                say(f"inputgrad: warning {code}: {number - 1} more like it; -v shows all.")
        if not self._quiet and (event.failed or event.skipped):
            told = f"{event.ok} done, {event.skipped} done before, {event.failed} failed"
            say(f"inputgrad: {told}.")


class JsonShow(Show):
    """JSON lines on stdout; `summary` is always last."""

    def error(self, error: InputgradError, outcome: Outcome) -> None:
        """Tell an error that ends the run as `error` and `summary`."""
        code = outcome.code
        self._print(
            {"type": "error", "kind": error.kind, "message": error.sentence(), "exit": code}
        )
        self._print(outcome.summary(code).record())
        super().error(error, outcome)

    def plan(self, plan: Plan) -> None:
        """Show every source and destination as items of status `planned`."""
        from inputgrad_cli.runs.item_fields import planned_fields
        from inputgrad_cli.runs.planning.dry_run import forecast

        self._print(Start(__version__, str(plan.job.model), len(plan.share)).record())
        for move in forecast(plan):
            self._print(ItemDone(planned_fields(move)).record())
        self._print(Summary(0, 0, 0, 0.0, 0).record())

    def event(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, (Start, ItemDone, Warned, Summary)):
            self._print(event.record())
        if not (isinstance(event, ItemDone) and event.status == "ok"):
            super().event(event)

    def _print(self, record: dict[str, Any]) -> None:
        from inputgrad_cli.formats.attribution_npz import dump

        put(dump(record))

    def _note(self, event: Noted) -> None:
        if self._verbose:  # what is loud, the stream tells by its fields
            super()._note(event)

    def _fail(self, fields: Any) -> None:
        if not self._quiet:  # the stream has told it
            super()._fail(fields)


def _paths(fields: Any) -> list[str]:
    """Return the pictures of an item, else its arrays."""
    return list(fields.get("pictures") or [fields["picture"] or fields["arrays"]])


def _unit(target: Any) -> str:
    """Return what was differentiated: the class's name, else the unit, else the target as asked."""
    if target["label"] is not None:
        return str(target["label"])
    index = target["index"]
    if index is None or (index and isinstance(index[0], list)):
        return str(target["asked"])
    if target["class"] is not None:
        return f"class {target['class']}"
    return f"{target['output']}{index}"


def _say_all(text: str) -> None:
    """Write text of many lines as it is."""
    if text:
        say(text.removesuffix("\n"), keep=True)


def counted(number: int, thing: str) -> str:
    """Return a number with its noun: 1 file, 2 files."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
