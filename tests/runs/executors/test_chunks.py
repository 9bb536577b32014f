"""Chunks are sized by what they cost, and what killed a process is found by halving."""

from dataclasses import replace

import pytest

from inputgrad_cli.errors import ModelError
from inputgrad_cli.runs.executors.chunk_retries import (
    MAX_CRASHES,
    MAX_OPENING_DEATHS,
    Retries,
    drop_reported,
)
from inputgrad_cli.runs.executors.chunks import MAX_CHUNK, Chunk, choose_chunk_size, yield_chunks
from inputgrad_cli.runs.inputs.find_inputs import InputList
from inputgrad_cli.runs.inputs.item import Item
from inputgrad_cli.runs.planning.model_file_checks import check_run
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.runs.planning.run_plan import make_plan
from inputgrad_cli.runs.tasks.load_tasks import FailedItem, yield_load_tasks


def make(samples, tmp_path, count, *methods):
    """Return the plan of a run of so many pictures, all of one file."""
    picture = samples / "inputs" / "shapes" / "06-cross.png"
    options = RunOptions(
        samples / "shapes.keras", (str(picture),), methods=methods or ("gradient",), out=tmp_path
    )
    plan = make_plan(check_run(options))
    items = [Item(f"{index}.png", {None: picture}) for index in range(count)]
    schedule = replace(plan.schedule, batch_size=16, padded=True)
    return replace(plan, inputs=InputList(items), schedule=schedule)


def load_tasks(plan):
    return tuple(yield_load_tasks(plan.share, plan.maps, {}, frozenset()))


def test_every_item_is_in_one_chunk_and_in_order(samples, tmp_path):
    plan = make(samples, tmp_path, 100)
    chunks = list(yield_chunks(iter(load_tasks(plan)), plan, 16))
    assert [len(chunk.tasks) for chunk in chunks] == [16] * 6 + [4]
    assert [task.index for chunk in chunks for task in chunk.tasks] == list(range(100))


def test_a_chunk_holds_whole_passes_and_each_worker_gets_some(samples, tmp_path):
    plan = make(samples, tmp_path, 1000)
    assert choose_chunk_size(plan, 2) % 16 == 0
    assert choose_chunk_size(plan, 2) <= MAX_CHUNK
    assert choose_chunk_size(plan, 60) == 16


def test_the_more_an_item_costs_the_fewer_are_in_a_chunk(samples, tmp_path):
    cheap = make(samples, tmp_path, 10_000)
    costly = make(samples, tmp_path, 10_000, "integrated-gradients:steps=5000")
    assert choose_chunk_size(costly, 1) < choose_chunk_size(cheap, 1)


def test_a_file_of_many_samples_is_a_chunk_of_its_own(samples, tmp_path):
    plan = make(samples, tmp_path, 3)
    (tmp_path / "many.npy").write_bytes(bytes(1 << 22))
    items = [*plan.inputs.items, Item("many.npy", {None: tmp_path / "many.npy"})]
    plan = replace(plan, inputs=InputList([items[0], items[3], items[1], items[2]]))
    chunks = yield_chunks(iter(load_tasks(plan)), plan, 16)
    assert [[task.item.name for task in chunk.tasks] for chunk in chunks] == [
        ["0.png"],
        ["many.npy"],
        ["1.png", "2.png"],
    ]


def test_halving_finds_the_items_that_kill_and_no_others(samples, tmp_path):
    retries, deadly, done, failed = Retries(), {3, 4, 60}, set(), set()
    chunk = Chunk(load_tasks(make(samples, tmp_path, 64)))
    attempts = 0
    while chunk:
        attempts += 1
        indices = {task.index for task in chunk.tasks}
        if indices & deadly:
            failure = retries.add(chunk, "SIGKILL")
            if failure:
                assert failure.error.kind == "crashed"
                failed |= indices
        else:
            done |= indices
        chunk = retries.take()
    assert failed == deadly
    assert done == set(range(64)) - deadly
    assert attempts <= 3 * (2 * 6 + MAX_CRASHES)


def test_maps_that_are_reported_are_not_tried_again(samples, tmp_path):
    chunk = Chunk(load_tasks(make(samples, tmp_path, 3, "gradient", "input-x-gradient")))
    first, second, _ = chunk.tasks
    outcomes = [
        FailedItem(first.item, None, tuple(item_map for item_map, _ in first.maps)),
        FailedItem(second.item, None, (second.maps[0][0],)),
    ]
    rest = drop_reported(chunk, outcomes)
    assert [task.index for task in rest.tasks] == [1, 2]
    assert [len(task.maps) for task in rest.tasks] == [1, 2]


def test_deaths_while_the_model_opens_end_the_run_unless_one_process_succeeds(samples, tmp_path):
    retries, chunk = Retries(), Chunk(load_tasks(make(samples, tmp_path, 2)))
    for _ in range(2 * MAX_OPENING_DEATHS):
        retries.add_unopened(chunk, "SIGSEGV", "log", "m.keras")
        assert retries.take() == chunk
        retries.note_success()
    for _ in range(MAX_OPENING_DEATHS - 1):
        retries.add_unopened(chunk, "SIGSEGV", "log", "m.keras")
    with pytest.raises(ModelError, match="SIGSEGV"):
        retries.add_unopened(chunk, "SIGSEGV", "log", "m.keras")
