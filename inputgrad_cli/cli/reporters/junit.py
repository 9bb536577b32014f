"""Reports a run as JUnit XML for CI systems: one test case per map of an item or of a sample."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from inputgrad_cli.cli.reporters.reporter_protocol import CommandEvent
from inputgrad_cli.errors import InputgradError, StorageError, UsageError
from inputgrad_cli.option_choices import to_printable
from inputgrad_cli.runs.item_event_fields import list_unmet_checks
from inputgrad_cli.runs.run_events import Event, ItemEvent, Summary
from inputgrad_cli.storage.atomic_write import write_atomically

SUITE = "inputgrad"


class JunitReporter:
    """Collects the events of a run and writes them as JUnit XML.

    With `strict`, a check that does not hold is reported as a failure.
    """

    def __init__(self, path: Path, strict: bool) -> None:
        if path.is_dir():
            raise UsageError(f"--junit {path}: is a directory", hint="name a file in it")
        self._path, self._strict = Path(os.path.abspath(path)), strict
        self._suite = ElementTree.Element("testsuite", name=SUITE)
        self._counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
        self._seconds = 0.0
        self._closed = False

    def report(self, event: CommandEvent) -> None:
        """Record one event; the last one, the summary, also writes the file."""
        if isinstance(event, ItemEvent):
            self._add_map(event.fields)
        elif isinstance(event, Summary):
            self._seconds = event.seconds
            self.close()

    def remember(self, event: Event) -> None:
        """Record an event that an earlier process of this call has already reported."""
        self.report(event)

    def report_error(self, error: InputgradError, log: str, summary: Summary) -> None:
        """Record the error that ended the whole run."""
        case = self._add_case(SUITE, "run", 0.0)
        self._add_result(case, "error", error.kind, error.format_line())

    def close(self) -> None:
        """Write the file atomically, once; StorageError."""
        # The summary closes the file, and so does the end of a call that never had one.
        if self._closed:
            return
        self._closed = True
        counts = {name: str(count) for name, count in self._counts.items()}
        self._suite.attrib.update({**counts, "time": f"{self._seconds:.3f}"})
        root = ElementTree.Element("testsuites", counts)
        root.append(self._suite)
        ElementTree.indent(root)
        data = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
        try:
            write_atomically(self._path, data)
        except StorageError as error:
            raise StorageError(
                f"--junit {error.message}", reason=error.reason, hint="name another file"
            ) from None

    def _add_map(self, fields: Mapping[str, Any]) -> None:
        name = fields["input"]
        if fields["sample"] is not None:
            name += f"#{fields['sample']}"
        # CI systems tell test cases apart by class and name, so two targets need two names.
        name += f" {fields['target']['asked']}"
        case = self._add_case(fields["method"], name, fields.get("seconds", 0.0))
        if fields["status"] == "failed":
            error = fields["error"]
            self._add_result(case, "failure", error["kind"], error["message"])
        elif fields["status"] == "skipped":
            self._add_result(case, "skipped", "", "done before")
        elif self._strict and (failed := list_unmet_checks(fields["checks"])):
            self._add_result(
                case, "failure", "check", f"checks that do not hold: {', '.join(failed)}"
            )

    def _add_case(self, kind: str, name: str, seconds: float) -> ElementTree.Element:
        self._counts["tests"] += 1
        # Names and messages lose their control characters, which XML cannot hold in any form.
        return ElementTree.SubElement(
            self._suite,
            "testcase",
            classname=to_printable(f"{SUITE}.{kind}" if kind != SUITE else kind),
            name=to_printable(name),
            time=f"{seconds:.4f}",
        )

    def _add_result(self, case: ElementTree.Element, tag: str, kind: str, message: str) -> None:
        # The counts are plural, except for `skipped`.
        self._counts[{"failure": "failures", "error": "errors"}.get(tag, tag)] += 1
        attributes = {"type": kind} if kind else {}
        ElementTree.SubElement(case, tag, {**attributes, "message": to_printable(message)})
