"""What must hold after every fault, I1 to I9; each check names the one that is broken."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tests.cli import strict

RECORDS = ("run.json", "journal.jsonl")
ENDS = {0, 3, 74, 75}


def content(folder: Path) -> dict[str, str]:
    """Return the hash of every file below a folder, by name; a link is told by its target."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            hashes[name] = f"-> {path.readlink()}"
        elif path.is_file():
            hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def results(out: Path) -> dict[str, str]:
    """Return the hash of every result of a run: not its records, not what is hidden."""
    return {
        name: mark
        for name, mark in content(out).items()
        if name not in RECORDS and not name.rpartition("/")[2].startswith(".")
    }


def lines(out: Path) -> list[dict]:
    """Return the whole lines of a journal; one that was torn is not among them."""
    path = out / "journal.jsonl"
    data = path.read_bytes() if path.exists() else b""
    return [strict(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


@dataclass(frozen=True)
class Whole:
    """An uninterrupted run's results, to hold others against, and all that lies outside `out`."""

    folder: Path
    out: Path
    clean: dict[str, str]
    outside: dict[str, str]
    inputs: frozenset[str]

    @staticmethod
    def of(folder: Path, out: Path, clean: Path, inputs) -> "Whole":
        """Return what a directory holds now; `clean` is the output of an uninterrupted run."""
        return Whole(folder, out, results(clean), _outside(folder, out), frozenset(inputs))

    def check(self, result=None) -> None:
        """Check what holds at every moment, and, of a run that was not killed, what it told."""
        self._files_are_whole()
        self._lines_are_true()
        assert _outside(self.folder, self.out) == self.outside, "I4, I5"
        if result is not None and result.code >= 0:
            self._told_is_true(result)

    def check_end(self, result) -> None:
        """Check what holds after a run that nothing disturbed."""
        self.check(result)
        assert result.code == 0, (result.code, result.err)
        assert results(self.out) == self.clean, "I7"
        assert not [name for name in content(self.out) if ".tmp" in name], "I6"
        assert not list(self.out.glob(".pending*")), "I6"
        done = [line["input"] for line in lines(self.out) if line["status"] == "ok"]
        assert set(done) == self.inputs, "I3"

    def check_once(self) -> None:
        """Check that the journal tells of every map once."""
        stems = [line["stem"] for line in lines(self.out)]
        assert len(stems) == len(set(stems)), "a map has two lines"

    def _files_are_whole(self) -> None:
        for name, mark in results(self.out).items():
            assert self.clean.get(name) == mark, f"I1: {name}"

    def _lines_are_true(self) -> None:
        for line in lines(self.out):
            assert line["input"] in self.inputs, "I3"
            for file in line.get("files", ()):
                data = (self.out / file["path"]).read_bytes()
                assert hashlib.sha256(data).hexdigest() == file["sha256"], f"I2: {file['path']}"

    def _told_is_true(self, result) -> None:
        assert "Traceback" not in result.err + result.out, "I9"
        assert result.code in ENDS, f"I9: {result.code} {result.err}"
        stream = [json.loads(line) for line in result.out.splitlines()]
        if not stream:
            return
        *events, summary = stream
        assert summary["type"] == "summary", "I8"
        assert summary["exit"] == result.code, "I8"
        reported = {e["input"] for e in events if e["type"] == "item" and e["status"] == "ok"}
        known = {line["input"] for line in lines(self.out) if line["status"] == "ok"}
        assert reported <= known, "I8"


def _outside(folder: Path, out: Path) -> dict[str, str]:
    inside = out.relative_to(folder).as_posix() + "/"
    return {name: mark for name, mark in content(folder).items() if not name.startswith(inside)}
