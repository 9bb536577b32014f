"""Runs that were tampered with: every field of every record, links, pipes, headers that lie."""

import io
import itertools
import json
import os
import shutil
import zipfile

import numpy as np
import pytest

from inputgrad_cli.schema.journal_line import JournalLine
from inputgrad_cli.schema.json_type_checks import get_check
from inputgrad_cli.schema.metadata_json import ResultRecord
from inputgrad_cli.schema.run_json import RunRecord
from tests.cli import draw, journal
from tests.damaged_records import (
    CODES,
    GONE,
    OPENED,
    OUTSIDE,
    VALUES,
    at_home,
    change_lines,
    change_members,
    change_metadata,
    change_runs,
    fields_of,
    has,
    outside,
    put,
)
from tests.processor_cost import limit_cost


@pytest.fixture
def folder(honest_runs, tmp_path):
    shutil.copytree(honest_runs, tmp_path, dirs_exist_ok=True)
    at_home(tmp_path / "run")
    return tmp_path


@pytest.fixture
def meet(call, honest_runs, tmp_path):
    """Damage the runs, meet them with commands, and check what holds whatever was damaged."""

    def meet(damage, *commands):
        results = {}
        for command in commands or ("verify", "render", "report", "merge"):
            own = "shared" if command == "merge" else "run"
            for name in (own, "in", OUTSIDE):
                shutil.rmtree(tmp_path / name, ignore_errors=True)
                shutil.copytree(honest_runs / name, tmp_path / name, symlinks=True)
            at_home(tmp_path / own)
            damage(tmp_path / own)
            before = outside(tmp_path)
            OPENED.clear()
            words = (command, own)
            if command == "saliency":
                words = ("saliency", honest_runs / "m.keras", honest_runs / "in/a.png", "-o", "run")
            results[command] = result = call(*words)
            assert OPENED == [], command
            assert outside(tmp_path) == before, command
            assert result.code in CODES, (command, result.err)
            assert "Traceback" not in result.err, command
        return results

    return meet


def lines(path, new):
    return lambda out: change_lines(out, lambda row: put(row, path, new))


def runs(path, new):
    return lambda out: change_runs(out, lambda run: put(run, path, new))


def metadata(path, new):
    return lambda out: change_metadata(out, lambda record: put(record, path, new))


RECORDS = {
    "journal": (JournalLine, lines),
    "run": (RunRecord, runs),
    "metadata": (ResultRecord, metadata),
}


def honest(honest_runs, kind):
    """Return the record of a picture, of the run that honest_runs it, or what its result says."""
    if kind == "journal":
        return journal(honest_runs / "run")[0]
    if kind == "run":
        return json.loads((honest_runs / "run/run.json").read_bytes())
    with zipfile.ZipFile(honest_runs / "run/a.png.gradient.npz") as archive:
        return json.loads(archive.read("metadata.json"))


def tamperings(record, kind):
    """Yield, for each field, values that are wrong there, and those that could be right."""
    check = get_check(kind)
    for index, field in enumerate(fields_of(kind)):
        if len(field.path) > 1 and not has(record, field.path[:-1]):
            continue
        wrong = [GONE] if field.required and has(record, field.path) else []
        fine = []
        for value in itertools.islice(itertools.cycle(VALUES), index, index + len(VALUES)):
            try:
                (wrong if check(put(record, field.path, value)) else fine).append(value)
            except (KeyError, IndexError, StopIteration, TypeError):
                break
        if wrong:
            yield field, wrong, fine


@pytest.mark.parametrize("kind", RECORDS)
def test_each_field_that_is_wrong_is_named_by_each_command(meet, honest_runs, kind):
    record, (described, tamper) = honest(honest_runs, kind), RECORDS[kind]
    tampered = list(tamperings(record, described))
    assert len(tampered) > 15
    for index, (field, wrong, fine) in enumerate(tampered):
        (problem, *_) = get_check(described)(put(record, field.path, wrong[0]))
        results = meet(tamper(field.path, wrong[0]))
        assert results["verify"].code == 1, field
        for part in problem.path:
            assert str(part) in results["verify"].out, (field, results["verify"].out)
        if kind != "metadata":
            assert results["render"].code == results["merge"].code == 2, field
            assert results["report"].code == 2, field
            assert str(problem.path[-1]) in results["render"].err, field
        else:
            assert results["render"].code == results["report"].code == 3, field
        for value in fine[:1]:
            meet(tamper(field.path, value), ("verify", "render", "merge")[index % 3], "report")


def test_python_reads_no_result_that_says_something_wrong(honest_runs, tmp_path):
    from inputgrad_cli import read
    from inputgrad_cli.errors import ItemError

    (tmp_path / "run").mkdir()
    for name in ("a.png.gradient.npz", "journal.jsonl"):
        shutil.copy(honest_runs / "run" / name, tmp_path / "run")
    change_lines(tmp_path / "run", lambda row: {**row, "files": row["files"][:1]})
    (tmp_path / "run/journal.jsonl").write_text("")
    good = (tmp_path / "run/a.png.gradient.npz").read_bytes()
    record = honest(honest_runs, "metadata")
    for field, wrong, _ in tamperings(record, ResultRecord):
        for value in wrong[::4]:
            (tmp_path / "run/a.png.gradient.npz").write_bytes(good)
            metadata(field.path, value)(tmp_path / "run")
            with pytest.raises(ItemError, match=r"metadata\.json"):
                read(tmp_path / "run/a.png.gradient.npz")


def npy(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def header(shape, descr="<f4"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117)
    return b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + text.encode() + b"\n" + bytes(64)


ARRAYS = {
    "of another shape": npy(np.zeros((5, 7, 2), "float32")),
    "of no axis": npy(np.float32(0)),
    "of no numbers": npy(np.zeros((0, 64, 3), "float32")),
    "of texts": npy(np.full((64, 64, 3), "a")),
    "of doubles": npy(np.zeros((64, 64, 3))),
    "of whole numbers": npy(np.zeros((64, 64, 3), "int32")),
    "of complex numbers": npy(np.zeros((64, 64, 3), "complex64")),
    "of objects": npy(np.array([{}, None], object)),
    "of records": npy(np.zeros(4, [("a", "f4"), ("b", "i4")])),
    "of dates": npy(np.zeros((64, 64, 3), "datetime64[s]")),
    "of a header that lies": header("(100000, 100000, 30)"),
    "of negative axes": header("(-1, 64, 3)"),
    "of a header of code": header("(__import__('os').system('true'),)"),
    "of forty axes": header("(" + "1, " * 40 + "16)"),
    "of nothing": b"",
    "of no magic": b"PK" * 40,
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_that_are_not_what_was_written_are_found(meet, kind):
    def damage(out):
        change_members(
            out, lambda old: {n: ARRAYS[kind] if n.endswith("npy") else d for n, d in old.items()}
        )

    results = meet(damage)
    assert results["verify"].code == 1
    assert results["render"].code in (2, 3)


def bomb(out, packed=zipfile.ZIP_DEFLATED):
    """Write zeros of 80 MB, packed to a thousandth."""
    for file in out.glob("a*.npz"):
        with zipfile.ZipFile(file) as source:
            about = source.read("metadata.json")
        with zipfile.ZipFile(file, "w", packed) as target:
            with target.open("picture.npy", "w") as member:
                member.write(header("(8000, 833, 3)")[:128])
                for _ in range(80):
                    member.write(bytes(1_000_000))
            target.writestr("metadata.json", about)


def many_names(change):
    return lambda out: change_members(out, change)


ARCHIVES = {
    "a bomb": bomb,
    "no arrays": many_names(lambda old: {"metadata.json": old["metadata.json"]}),
    "no metadata": many_names(lambda old: {n: d for n, d in old.items() if n.endswith("npy")}),
    "more arrays": many_names(lambda old: {**old, "x.npy": npy(np.zeros(3, "float32"))}),
    "names that lead out": many_names(
        lambda old: {f"../{n}" if n.endswith("npy") else n: d for n, d in old.items()}
    ),
    "metadata of NaN": many_names(lambda old: {**old, "metadata.json": b'{"schema": NaN}'}),
    "metadata not of UTF-8": many_names(lambda old: {**old, "metadata.json": b"\xff"}),
    "metadata that is deep": many_names(lambda old: {**old, "metadata.json": b"[" * 100_000}),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_that_are_not_what_was_written_are_found(meet, kind):
    results = meet(ARCHIVES[kind])
    assert results["verify"].code == 1
    assert results["render"].code in (2, 3)


def link(pattern, target):
    def damage(out):
        for file in list(out.rglob(pattern)):
            file.unlink()
            file.symlink_to(out.parent / OUTSIDE / target)

    return damage


def hard_link(pattern, target):
    def damage(out):
        for file in list(out.rglob(pattern)):
            file.unlink()
            os.link(out.parent / OUTSIDE / target, file)

    return damage


def pipe(pattern):
    def damage(out):
        for file in list(out.rglob(pattern)):
            file.unlink()
            os.mkfifo(file)

    return damage


def pending(data):
    return lambda out: (out / ".pending").write_bytes(data)


def linked_note(out):
    (out / ".pending").symlink_to(out.parent / OUTSIDE / "note")


REPLACED = {
    "links to results": link("*.npz", "a.npz"),
    "links to pictures": link("*.png", "secret.png"),
    "dangling links": link("*.png", "none.png"),
    "a linked journal": link("journal*", "j.jsonl"),
    "a linked run.json": link("run*.json", "r.json"),
    "a linked lock": link(".lock*", "j.jsonl"),
    "a linked note": linked_note,
    "hard links to results": hard_link("*.npz", "a.npz"),
    "a hard link to a journal": hard_link("journal*", "j.jsonl"),
    "a hard link to a run.json": hard_link("run*.json", "r.json"),
    "a hard link to a lock": hard_link(".lock*", "j.jsonl"),
    "pipes for results": pipe("*.npz"),
    "pipes for pictures": pipe("*.png"),
    "a pipe for a journal": pipe("journal*"),
    "a pipe for run.json": pipe("run*.json"),
    "a pipe for the lock": pipe(".lock*"),
    "a note of names outside": pending(b"../outside/a.npz\0/etc/x\0\xff"),
    "a note that is torn": pending(b"a.png.gradi"),
    "a run of nine shares of two": lambda out: (
        shutil.copy(out / "run.json", out / "run.9-of-2.json")
        if (out / "run.json").exists()
        else None
    ),
}


@pytest.mark.parametrize("kind", REPLACED)
def test_what_stands_in_the_place_of_a_file_is_not_followed(meet, kind):
    meet(REPLACED[kind], "verify", "render", "merge", "saliency")


def test_a_linked_directory_inside_is_not_entered(call, samples, tmp_path):
    """Neither read nor written, and nothing is taken away there."""
    draw(tmp_path / "in/cats/a.png")
    draw(tmp_path / "in/b.png")
    words = ("saliency", samples / "shapes.keras", "in", "-o", "run", "--zoom", "1")
    assert call(*words).code == 0
    shutil.move(tmp_path / "run/cats", tmp_path / "elsewhere")
    (tmp_path / "run/cats").symlink_to(tmp_path / "elsewhere")
    before = {p: p.read_bytes() for p in (tmp_path / "elsewhere").iterdir()}
    assert call("verify", "run").code == 1
    assert call("render", "run", "--cmap", "jet").code == 3
    assert call(*words).code == 3
    assert {p: p.read_bytes() for p in (tmp_path / "elsewhere").iterdir()} == before


@pytest.mark.parametrize(
    "path", ["outside/secret.png", "/dev/zero", "in/b.png", "run/a.png.gradient.png"]
)
def test_a_source_that_is_not_called_like_its_item_is_not_opened(meet, path):
    results = meet(lines(("sources", "0", "path"), path), "verify", "render")
    assert results["render"].code == 0
    assert "heatmap only" in results["render"].err


OTHER_INPUTS = {
    "a source for another input": lines(("sources", "0", "for"), "x"),
    "two sources for one input": lambda out: change_lines(
        out, lambda row: {**row, "sources": row["sources"] * 2}
    ),
    "a run of no inputs": runs(("signature", "inputs"), []),
    "a run of another shape": runs(("signature", "inputs", "0", "shape"), [6000, 6000, 3]),
    "a run of no axes": runs(("signature", "inputs", "0", "shape"), []),
}


@pytest.mark.parametrize("kind", OTHER_INPUTS)
def test_a_record_of_other_inputs_is_not_drawn_over(meet, kind):
    """Found by trying each value in each field: KeyError, ValueError, a second a picture."""
    results = meet(OTHER_INPUTS[kind], "verify", "render")
    assert results["render"].code == 0
    assert "heatmap only" in results["render"].err


COLUMNS = (("score",), ("checks",), ("target", "label"), ("space",), ("target", "asked"))


@pytest.mark.parametrize("path", COLUMNS)
@pytest.mark.parametrize("value", [None, [], [None], [None] * 3, {}, "x", 0.5])
def test_a_column_of_samples_has_a_value_for_each(meet, path, value):
    """Found by trying each value in each field: a null in the place of a list was a TypeError."""
    meet(metadata(path, value), "verify", "render")


@pytest.mark.parametrize("text", ["\udc80", "a\0b\x07$x^{", "long " * 20_000, "\n" * 5000])
def test_a_panel_is_drawn_whatever_its_record_says(meet, text):
    """Half a pair was a TypeError; a text of 100,000 letters took two minutes."""

    def damage(out):
        metadata(("quantity",), text)(out)
        metadata(("space",), text)(out)
        lines(("style",), {"kind": "panel"})(out)

    with limit_cost(jobs=150):
        assert meet(damage, "render")["render"].code == 0


@pytest.mark.parametrize("suffix", ["npz", "png"])
def test_a_directory_or_a_huge_file_in_the_place_of_one_is_refused_at_once(meet, suffix):
    def folder(out):
        (out / f"a.png.gradient.{suffix}").unlink()
        (out / f"a.png.gradient.{suffix}").mkdir()

    def huge(out):
        os.truncate(out / f"a.png.gradient.{suffix}", 1 << 36)

    assert meet(folder, "render")["render"].code == 3
    with limit_cost(jobs=450):
        results = meet(huge, "verify", "render", "saliency")
    assert results["verify"].code == 1


@pytest.mark.parametrize("kind", RECORDS)
def test_what_a_later_version_adds_to_any_record_is_passed_over(meet, honest_runs, kind):
    """Found by hand: how a picture was resized was taken for all that there is (TypeError)."""
    record, (described, tamper) = honest(honest_runs, kind), RECORDS[kind]
    paths = {field.path[:-1] for field in fields_of(described) if has(record, field.path)}
    for path in paths:
        results = meet(tamper((*path, "new"), {"x": [1]}), "verify", "render")
        assert (results["verify"].code, results["render"].code) == (0, 0), path


def test_a_picture_that_would_fill_the_memory_is_refused(meet, monkeypatch):
    from inputgrad_cli.rendering.images import image_picture_base

    monkeypatch.setattr(image_picture_base, "MAX_PIXELS", 640 * 640)
    assert meet(lines(("style",), {"zoom": 10}), "render")["render"].code == 0
    result = meet(lines(("style",), {"zoom": 11}), "render")["render"]
    assert result.code == 3
    assert "--zoom" in result.err


def test_a_source_that_has_changed_is_not_drawn_over(call, folder):
    good = (folder / "run/a.png.gradient.png").read_bytes()
    assert call("render", "run").code == 0
    assert (folder / "run/a.png.gradient.png").read_bytes() == good
    draw(folder / "in/a.png", seed=9)
    result = call("render", "run")
    assert "has changed" in result.err
    assert (folder / "run/a.png.gradient.png").read_bytes() != good


def test_a_line_of_an_earlier_version_is_drawn_over_a_source_of_its_name_alone(call, folder):
    def without_hash(row):
        return {**row, "sources": [{"for": None, "path": row["sources"][0]["path"]}]}

    change_lines(folder / "run", without_hash)
    assert call("verify", "run").code == 0
    assert "heatmap only" not in call("render", "run").err
    result = call("saliency", "m.keras", "in/a.png", "-o", "run", "--json", "--zoom", "1")
    assert [item["status"] for item in result.events("item")] == ["skipped"]
    change_lines(folder / "run", lambda row: put(row, ("sources", "0", "path"), "in/b.png"))
    assert "heatmap only" in call("render", "run").err


def test_verify_reports_every_byte_that_changed_in_a_file_of_the_journal(call, folder):
    """The law: no damaged result is called whole."""
    rng = np.random.default_rng(0)
    names = [f["path"] for row in journal(folder / "run") for f in row["files"]]
    for name in names:
        path = folder / "run" / name
        good = path.read_bytes()
        for at in [0, len(good) - 1, *rng.integers(0, len(good), 6)]:
            data = bytearray(good)
            data[at] ^= 1 << int(rng.integers(8))
            path.write_bytes(data)
            result = call("verify", "run")
            assert result.code == 1, (name, at)
            assert name in result.out
            path.write_bytes(good)
    assert call("verify", "run").code == 0
