"""What comes after a death, by rules that need no process: every crash loop comes to an end."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputgrad_cli.errors import InputgradError, ModelError
from inputgrad_cli.supervision.shared_memory_page import Page, Stage
from inputgrad_cli.supervision.worker_crash_history import (
    MAX_DEATHS,
    PROGRESS_FACTOR,
    EarlierWorkers,
)
from inputgrad_cli.supervision.worker_death_errors import CRASH_REASONS, Crash, GuardFault

ITEMS = 40


def page_of(stage=Stage.COMPUTING, items=(1,), alone=True, done=0, size=0):
    page = Page()
    page.enter_stage(stage, "m.keras")
    page.under_way, page.alone, page.done, page.size = items, alone, done, size
    page.resumable = True
    return page


def death(stage=Stage.COMPUTING, signum=signal.SIGSEGV):
    return Crash(signum, stage, "m.keras")


@given(st.data())
def test_whatever_dies_the_workers_are_bounded(data):
    """Each worker finishes some items, then dies; the next one begins with the suspects."""
    past, left = EarlierWorkers(), set(range(1, ITEMS + 1))
    for _ in range(3 * ITEMS + PROGRESS_FACTOR * MAX_DEATHS):
        if past.failure or not left - set(past.crashed):
            return
        todo = [*past.suspects, *sorted(left - set(past.suspects) - set(past.crashed))]
        done = data.draw(st.integers(0, len(todo) - 1))
        left -= set(todo[:done])
        alone = past.alone or done < len(past.suspects)
        batch = 1 if alone else data.draw(st.integers(1, 8))
        size = past.batch_limit if alone else past.limit_batch_size(8)
        items = tuple(todo[done : done + batch])
        past = past.record_end(death(), page_of(items=items, alone=alone, done=done, size=size))
    raise AssertionError("it never ends")


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("signum", CRASH_REASONS)
def test_every_death_has_a_sentence_and_its_class(stage, signum):
    error = death(stage, signum).to_error()
    assert error.kind == "crashed"
    assert signal.Signals(signum).name in error.format_line()
    assert isinstance(error, ModelError) == (stage in (Stage.READING, Stage.OPENING))


def test_an_item_is_blamed_only_where_it_was_alone():
    both = EarlierWorkers().record_end(death(), page_of(items=(1, 2), alone=False))
    assert both.suspects == (1, 2)
    once = EarlierWorkers().record_end(death(), page_of(items=(1,), alone=False))
    assert (once.suspects, once.crashed) == ((1,), {})
    result = once.record_end(death(), page_of(items=(1,)))
    assert (result.suspects, list(result.crashed)) == ((), [1])


@pytest.mark.parametrize("stage", [Stage.READING, Stage.OPENING])
def test_what_a_guard_finds_while_the_model_opens_ends_the_call_at_once(stage):
    error = ModelError("too large", kind="memory")
    past = EarlierWorkers().record_end(GuardFault(error), page_of(stage, items=(1, 2), alone=False))
    assert past.failure is error


def test_what_a_guard_finds_in_a_batch_is_the_fault_of_an_item():
    error = InputgradError("too large", hint="do less", kind="memory")
    past = EarlierWorkers().record_end(GuardFault(error), page_of(items=(1, 2), alone=False))
    assert (past.failure, past.suspects) == (None, (1, 2))
    past = past.record_end(GuardFault(error), page_of(items=(2,)))
    assert past.crashed[2].kind == "memory"


def test_what_was_under_way_last_is_suspected_where_nothing_is():
    page = page_of(items=(1, 2), alone=False)
    page.under_way = ()
    assert EarlierWorkers().record_end(death(), page).suspects == (1, 2)
    page.enter_stage(Stage.ENDING)
    assert EarlierWorkers().record_end(death(Stage.ENDING), page).failure is not None


def test_what_has_no_notes_does_not_go_on():
    page = page_of()
    page.resumable = False
    assert EarlierWorkers().record_end(death(), page).failure is not None
