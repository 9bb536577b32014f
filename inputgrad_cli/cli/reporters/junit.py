"""A run as JUnit XML, which CI systems show: one testcase a map of an item, or of a sample."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from inputgrad_cli.choices import printable
from inputgrad_cli.errors import InputgradError, StorageError, UsageError
from inputgrad_cli.runs.events import Event, ItemDone, Summary
from inputgrad_cli.runs.item_fields import unmet
from inputgrad_cli.storage.atomic_write import write_whole

SUITE = "inputgrad"


class Junit:
    """What a run tells, kept for the file; `strict` makes a check that does not hold a failure."""

    def __init__(self, path: Path, strict: bool) -> None:
        if path.is_dir():
            raise UsageError(f"--junit {path}: is a directory", mend="name a file in it")
        self._path, self._strict = Path(os.path.abspath(path)), strict
        self._suite = ElementTree.Element("testsuite", name=SUITE)
        self._numbers = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
        self._seconds = 0.0

    def event(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, ItemDone):
            self._case(event.fields)
        elif isinstance(event, Summary):
            self._seconds = event.seconds

    def error(self, error: InputgradError) -> None:
        """Take in what ended the whole run."""
        case = self._add(SUITE, "run", 0.0)
        self._tell(case, "error", error.kind, error.sentence())

    def write(self) -> None:
        """Write the file, whole or not at all; StorageError."""
        told = {name: str(number) for name, number in self._numbers.items()}
        self._suite.attrib.update({**told, "time": f"{self._seconds:.3f}"})
        root = ElementTree.Element("testsuites", told)
        root.append(self._suite)
        ElementTree.indent(root)
        data = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
        try:
            write_whole(self._path, data)
        except StorageError as error:
            raise StorageError(
                f"--junit {error.what}", reason=error.reason, mend="name another file"
            ) from None

    def _case(self, fields: Mapping[str, Any]) -> None:
        name = fields["input"]
        if fields["sample"] is not None:
            name += f"#{fields['sample']}"
        name += f" {fields['target']['asked']}"
        case = self._add(fields["method"], name, fields.get("seconds", 0.0))
        if fields["status"] == "failed":
            error = fields["error"]
            self._tell(case, "failure", error["kind"], error["message"])
        elif fields["status"] == "skipped":
            self._tell(case, "skipped", "", "done before")
        elif self._strict and (bad := unmet(fields["checks"])):
            self._tell(case, "failure", "check", f"checks that do not hold: {', '.join(bad)}")

    def _add(self, kind: str, name: str, seconds: float) -> ElementTree.Element:
        self._numbers["tests"] += 1
        return ElementTree.SubElement(
            self._suite,
            "testcase",
            classname=printable(f"{SUITE}.{kind}" if kind != SUITE else kind),
            name=printable(name),
            time=f"{seconds:.4f}",
        )

    def _tell(self, case: ElementTree.Element, tag: str, kind: str, message: str) -> None:
        self._numbers[{"failure": "failures", "error": "errors"}.get(tag, tag)] += 1
        told = {"type": kind} if kind else {}
        ElementTree.SubElement(case, tag, {**told, "message": printable(message)})
