"""Run directories with random bytes changed and random values replaced: refused, never a bug."""

import contextlib
import json
import random
import resource
import shutil
import sys
import zipfile
import zlib

import pytest

from inputgrad_cli import read
from inputgrad_cli.errors import InputgradError
from tests.damaged_records import (
    CODES,
    GONE,
    OPENED,
    OUTSIDE,
    VALUES,
    agree,
    at_home,
    change_members,
    outside,
    put,
)
from tests.processor_cost import limit_cost

COMMANDS = (("verify", "run"), ("render", "run"), ("merge", "shared"))
JOBS, MAX_MEMORY = 150, 1 << 30


def ways_into(value, path=()):
    """Yield the way to every value in a record."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, (dict, list)):
        for key, each in inner:
            yield from ways_into(each, (*path, str(key)))


def replace_value(rng, record):
    """Return a record with one of its values replaced, or taken away."""
    path = rng.choice([path for path in ways_into(record) if path])
    return put(record, path, rng.choice((GONE, *VALUES)))


def change_bytes(rng, data):
    """Return bytes, some of them changed, cut off, doubled or put in."""
    data, at = bytearray(data), rng.randrange(max(1, len(data)))
    way = rng.randrange(5)
    if way == 0:
        del data[at:]
    elif way == 1:
        data[at:at] = rng.randbytes(rng.randrange(1, 40))
    elif way == 2:
        data[at:at] = data[at : at + rng.randrange(1, 400)]
    for _ in range(rng.randrange(1, 9) if way > 2 else 0):
        data[rng.randrange(len(data)) if data else 0 :][:1] = b""
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def harm_file(rng, out):
    """Change bytes of any file of the run; return its name."""
    path = rng.choice(sorted(p for p in out.rglob("*") if p.is_file()))
    path.write_bytes(change_bytes(rng, path.read_bytes()))
    return path.name


def harm_line(rng, out):
    """Replace a value of a journal line."""
    path = rng.choice(sorted(out.glob("journal*")))
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    index = rng.randrange(len(rows))
    rows[index] = replace_value(rng, rows[index])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def harm_run(rng, out):
    """Replace a value of a `run.json`."""
    path = rng.choice(sorted(out.glob("run*.json")))
    path.write_text(json.dumps(replace_value(rng, json.loads(path.read_bytes()))))


def harm_metadata(rng, out):
    """Replace a value of what results say of themselves; the journal agrees."""
    change_members(
        out,
        lambda old: {
            **old,
            "metadata.json": json.dumps(replace_value(rng, json.loads(old["metadata.json"]))),
        },
    )


def harm_members(rng, out):
    """Change bytes of the members of results; the journal agrees."""
    change_members(out, lambda old: {n: change_bytes(rng, data[:4000]) for n, data in old.items()})


def harm_archive(rng, out):
    """Change bytes of results where the archive tells what is in it; the journal agrees."""
    for path in out.rglob("*.npz"):
        data = path.read_bytes()
        path.write_bytes(data[:-1200] + change_bytes(rng, data[-1200:]))
    agree(out)


EXPECTED = (ValueError, KeyError, TypeError, IndexError, OSError, AttributeError)
EXPECTED += (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError)
HARMS = (harm_file, harm_line, harm_line, harm_run, harm_metadata, harm_members, harm_archive)


def harm(rng, out):
    """Harm a run in one way or several; return the name of the file whose bytes were changed."""
    name = None
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        try:
            name = rng.choice(HARMS)(rng, out) or name
        except EXPECTED:
            break  # what was harmed before leaves nothing to harm so
    return name


def meet(call, originals, folder, seed):
    """Harm a copy of the runs by a seed, and check what every command makes of it."""
    for command, own in COMMANDS:
        rng = random.Random(f"{seed} {command}")
        for name in (own, "in", OUTSIDE):
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(originals / name, folder / name)
        at_home(folder / own)
        changed = harm(rng, folder / own)
        before = outside(folder)
        OPENED.clear()
        with limit_cost(JOBS):
            result = call(command, own)
        where = (seed, command, result.code, result.err[-300:])
        assert OPENED == [], where
        assert outside(folder) == before, where
        assert result.code in CODES, where
        assert "Traceback" not in result.err, where
        if command == "verify" and changed and changed.endswith((".npz", ".png")):
            assert result.code == 1, where
        for path in (folder / own).rglob("*.npz"):
            with contextlib.suppress(InputgradError):
                read(path)


FOUND = ()  # seeds that once found something


@pytest.mark.parametrize("seed", [*FOUND, *range(30)])
def test_a_harmed_run_is_refused_or_read_and_never_a_bug(call, honest_runs, tmp_path, seed):
    meet(call, honest_runs, tmp_path, seed)


@pytest.mark.slow
def test_two_thousand_harmed_runs(call, honest_runs, tmp_path):
    for seed in range(2000):
        meet(call, honest_runs, tmp_path, seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    assert "tensorflow" in sys.modules or peak * unit < MAX_MEMORY
