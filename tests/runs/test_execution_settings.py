"""The pace of a run follows from the size of the whole job, and from the memory there is."""

from dataclasses import asdict
from pathlib import Path

import pytest

from inputgrad_cli import api
from inputgrad_cli.data.signature import InputSpec
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.engine.adapter.cpu_kernel_selection import EIGEN, ONEDNN, ONEDNN_VARIABLE
from inputgrad_cli.machine.memory_and_core_limits import Limit
from inputgrad_cli.modelfile.model_summary import Layer, Outline
from inputgrad_cli.modelfile.pass_cost_estimate import Workload
from inputgrad_cli.runs.planning import mode_and_batch_size
from inputgrad_cli.runs.planning.execution_mode_costs import MODES, estimate_seconds
from inputgrad_cli.runs.planning.mode_and_batch_size import (
    Schedule,
    build_schedule_record,
    choose_schedule,
    resume_schedule,
)
from inputgrad_cli.runs.planning.run_options import RunOptions
from inputgrad_cli.storage.requested_maps import build_map_specs

# As large as MobileNetV2, ResNet50, a perceptron, and two recurrent layers of forty steps.
MOBILE = Workload(156, 0, 0, 307_000_000, 21_800_000, 3_500_000)
RESNET = Workload(177, 0, 0, 3_860_000_000, 37_100_000, 25_600_000)
PERCEPTRON = Workload(4, 0, 0, 5_600, 151, 5_700)
RECURRENT = Workload(4, 3, 120, 213_000, 1_700, 22_000)


@pytest.fixture(autouse=True)
def no_kernels_asked_for(monkeypatch):
    monkeypatch.delenv(ONEDNN_VARIABLE, raising=False)


def maps_for(methods, targets=("auto",)):
    wishes = api.parse_methods(methods)
    return build_map_specs(
        [(wish.label, wish.method) for wish in wishes], [parse_target(t) for t in targets]
    )


def chosen(items, shape=(224, 224, 3), methods=("gradient",), targets=("auto",), **more):
    work = more.pop("work", MOBILE)
    asked = tuple(parse_target(text) for text in targets)
    job = RunOptions(Path("m.keras"), methods=methods, targets=asked, **more)
    outline = Outline("Functional", "m", (InputSpec("x", shape),), None, ())
    maps = maps_for(methods, targets)
    passes = [request.method.passes for request in api.parse_methods(methods)]
    return choose_schedule(job, passes, maps, (outline, work), (items, items))


def test_one_picture_is_computed_eagerly_without_onednn():
    assert chosen(1) == Schedule("eager", 1, padded=False, kernels=EIGEN)


@pytest.mark.parametrize("work", [MOBILE, RESNET])
def test_more_pictures_are_compiled_with_onednn_and_a_thousand_folded(work):
    assert chosen(64, work=work).mode == "traced"
    assert chosen(64, work=work).kernels == ONEDNN
    assert chosen(1000, work=work) == Schedule("folded", 16, padded=True, kernels=ONEDNN)


@pytest.mark.parametrize("work", [MOBILE, RESNET, PERCEPTRON, RECURRENT])
def test_a_larger_job_is_never_compiled_less(work):
    modes = [MODES.index(chosen(n, work=work).mode) for n in (1, 4, 16, 64, 256, 1024, 4096)]
    assert modes == sorted(modes)
    assert modes[0] == 0


@pytest.mark.parametrize("work", [MOBILE, RESNET, PERCEPTRON, RECURRENT])
@pytest.mark.parametrize("items", [1, 16, 48, 96, 160, 320, 1000])
def test_the_mode_is_the_cheapest(work, items):
    pace_ = chosen(items, work=work)
    costs = {mode: estimate_seconds(mode, work, items, pace_.batch_size) for mode in MODES}
    assert costs[pace_.mode] <= 1.001 * min(costs.values())


def test_recurrent_layers_take_many_eager_calls():
    """Forty steps of three layers are run one by one; a graph of their loops takes seconds."""
    assert chosen(64, shape=(40, 8), work=RECURRENT).mode == "eager"
    assert chosen(2000, shape=(40, 8), work=RECURRENT).mode == "traced"


def test_steps_and_targets_count_like_pictures():
    assert chosen(1, methods=("integrated-gradients:steps=1000",)).mode == "folded"
    assert chosen(2, targets=("all",)).mode == "folded"


def test_a_class_whose_name_ends_like_a_word_of_the_grammar_is_one_map():
    assert chosen(4, targets=("class:football",)) == chosen(4, targets=("class:cross",))


def test_small_samples_are_not_folded():
    assert chosen(100_000, shape=(10,), work=PERCEPTRON) == Schedule("traced", 64, True, ONEDNN)


def test_passes_are_evenly_full():
    """Seventeen pictures are two passes of nine, not one of sixteen and one of one."""
    assert chosen(17).batch_size == 9


def test_a_size_that_was_asked_for_is_taken():
    assert chosen(1000, batch_size=5).batch_size == 5


def test_kernels_that_the_user_set_are_never_eager_where_that_is_not_safe(monkeypatch):
    monkeypatch.setenv(ONEDNN_VARIABLE, "1")
    assert chosen(1) == Schedule("traced", 1, padded=False, kernels=ONEDNN)
    monkeypatch.setenv(ONEDNN_VARIABLE, "0")
    assert chosen(1000) == Schedule("folded", 16, padded=True, kernels=EIGEN)


@pytest.mark.parametrize(("gigabytes", "size"), [(64, 16), (4, 9), (0.01, 1)])
def test_a_pass_fits_in_half_of_the_memory(monkeypatch, gigabytes, size):
    limit = Limit(int(gigabytes * 1e9), "a test")
    monkeypatch.setattr(mode_and_batch_size, "find_available_memory", lambda: limit)
    layers = (
        Layer("a", "Conv2D", "", (112, 112, 1000)),
        Layer("b", "Conv2D", "", (None, 112, 500)),
    )
    maps = maps_for(("gradient",))
    outline = Outline("Functional", "m", (InputSpec("x", (224, 224, 3)),), None, layers)
    counts = (10_000, 10_000)
    result = choose_schedule(RunOptions(Path("m.keras")), [1], maps, (outline, MOBILE), counts)
    assert result.batch_size == size


def test_memory_is_read():
    assert mode_and_batch_size.find_available_memory().value > 1 << 26


def test_maps_that_were_begun_keep_their_pace():
    job, new = RunOptions(Path("m.keras")), Schedule("folded", 16, True, ONEDNN)
    maps = maps_for(("gradient",))
    first = Schedule("eager", 3, True, EIGEN)
    earlier = build_schedule_record(first, maps, None)
    assert resume_schedule(job, new, maps, earlier) == first
    assert resume_schedule(job, new, maps, None) == new
    assert (
        resume_schedule(RunOptions(Path("m.keras"), on_exists="overwrite"), new, maps, earlier)
        == new
    )
    assert resume_schedule(RunOptions(Path("m.keras"), batch_size=7), new, maps, earlier) == new
    # As `run.json` was written before each map had a pace of its own.
    older = {key: value for key, value in asdict(first).items() if key != "kernels"}
    assert resume_schedule(job, new, maps, older).mode == "eager"


def test_another_method_in_the_directory_has_a_pace_of_its_own():
    job, new = RunOptions(Path("m.keras")), Schedule("traced", 64, False, ONEDNN)
    first, two = maps_for(("gradient",)), maps_for(("occlusion",))
    earlier = build_schedule_record(Schedule("eager", 1, False, EIGEN), first, None)
    assert resume_schedule(job, new, two, earlier) == new
    both = build_schedule_record(new, two, earlier)
    assert resume_schedule(job, Schedule("eager", 1), first, both).mode == "eager"
    assert resume_schedule(job, Schedule("eager", 1), [*first, *two], both).mode == "traced"


def test_what_a_record_lacks_or_should_not_say_is_chosen_anew():
    job, new, maps = (
        RunOptions(Path("m.keras")),
        Schedule("traced", 8, kernels=ONEDNN),
        maps_for(["gradient"]),
    )
    assert resume_schedule(job, new, maps, {"mode": "eager"}) == Schedule("eager", 8, kernels=EIGEN)
    forged = {"mode": "eager", "batch_size": 4, "kernels": ONEDNN}
    assert resume_schedule(job, new, maps, forged).kernels == EIGEN
    assert resume_schedule(job, new, maps, {"paces": {maps[0].suffix: forged}}).kernels == EIGEN


def test_a_size_that_no_run_chooses_is_kept_only_if_it_was_asked_for():
    """A record of 65536 padded samples a pass took 2 GB for one picture."""
    job, new, maps = RunOptions(Path("m.keras")), Schedule("eager", 1), maps_for(["gradient"])
    forged = {"mode": "eager", "batch_size": 65536, "padded": True}
    for earlier in (forged, {"paces": {maps[0].suffix: forged}}):
        assert resume_schedule(job, new, maps, earlier).batch_size == mode_and_batch_size.MAX_BATCH
        auto = {**earlier, "options": {"batch_size": {"value": "auto"}}}
        assert resume_schedule(job, new, maps, auto).batch_size == mode_and_batch_size.MAX_BATCH
        asked = {**earlier, "options": {"batch_size": {"value": 500}}}
        assert resume_schedule(job, new, maps, asked).batch_size == 500
