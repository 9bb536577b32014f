"""A model that takes too long to open: the process that watches ends it, and says so."""

import os

import pytest

from inputgrad_cli.supervision import model_opening_time_limits, parent_guards
from inputgrad_cli.supervision.shared_memory_page import Page, Stage
from tests.cli import strict
from tests.faults.conftest import draw_many

WORDS = ("saliency", "m.keras", "in", "--json", "-o", "out")


@pytest.mark.parametrize("stuck", ["busy", "idle"])
def test_a_model_that_does_not_open_in_time_is_refused(tool, folder, temporary, stuck):
    draw_many(folder / "in", 1)
    result = tool(*WORDS, stuck=stuck, env={"TMPDIR": str(temporary)})
    _, error, summary = [strict(line) for line in result.out.splitlines()]
    assert result.code == error["exit"] == summary["exit"] == 4
    assert error["message"].startswith("m.keras: the model does not open within")
    assert result.err == f"inputgrad: {error['message']}\n"
    assert list(temporary.iterdir()) == []


def test_a_pause_of_the_machine_rings_no_alarm(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(parent_guards.time, "monotonic", lambda: clock[0])
    page, alarm = Page(), parent_guards.TimeGuard()
    monkeypatch.setattr(parent_guards, "read_cpu_seconds", lambda process: None)
    page.enter_stage(Stage.OPENING, "m.keras", 10.0)
    assert alarm.find_fault(1, page) is None
    clock[0] += 3600
    assert alarm.find_fault(1, page) is None
    for _ in range(30):
        clock[0] += 0.4
        last = alarm.find_fault(1, page)
    assert last is not None
    page.enter_stage(Stage.COMPUTING, "m.keras")
    assert alarm.find_fault(1, page) is None


def test_what_a_file_holds_decides_how_long_it_may_take(tmp_path):
    sparse = tmp_path / "sparse.keras"
    sparse.touch()
    small = model_opening_time_limits.compute_opening_seconds(sparse)
    with sparse.open("wb") as file:
        file.truncate(10**9)
    assert model_opening_time_limits.compute_opening_seconds(sparse) == small, (
        "a claim that no byte on the disk bears out"
    )
    sparse.write_bytes(bytes(10**7))
    assert model_opening_time_limits.compute_opening_seconds(sparse) > small
    assert model_opening_time_limits.compute_opening_seconds(sparse, start=20.0) > 9 * small, (
        "a machine that is slow"
    )
    folder = tmp_path / "folder"
    (folder / "assets").mkdir(parents=True)
    (folder / "assets/a").write_bytes(bytes(10**7))
    assert model_opening_time_limits.compute_opening_seconds(folder) > small
    assert (
        model_opening_time_limits.compute_reading_seconds(tmp_path / "nowhere")
        == model_opening_time_limits.READING_SECONDS
    )


def test_no_alarm_rings_while_the_worker_enters_the_next_stage():
    class Moving:
        """A page whose worker ends a stage after it was looked at once."""

        stage_start, subject = 1.0, "m.keras"
        looks = iter([60.0])

        @property
        def seconds(self):
            return next(self.looks, 0.0)

    assert parent_guards.TimeGuard().find_fault(os.getpid(), Moving()) is None
