"""Every one of the 55 fault cases has its test: here, by the docstring, or elsewhere, by name."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
CASES = set(range(1, 56))

LEFT_OUT = {
    29: "there is no time limit a file; a decoder runs in this process",
}

ELSEWHERE = {
    4: ["cli/runs/test_journal.py::test_a_torn_last_line_is_cut_and_its_map_done_anew"],
    5: ["cli/runs/test_journal.py::test_a_line_that_is_none_is_named_with_its_number"],
    17: ["cli/runs/test_resume.py::test_a_changed_input_is_computed_again_and_said"],
    19: ["cli/runs/test_journal.py::test_another_model_under_the_same_name_is_2"],
    20: [
        "cli/test_error_exit_codes.py::test_a_broken_model_is_4",
        "cli/test_process.py::test_a_missing_layer_class_is_4_in_a_fresh_process",
    ],
    23: ["cli/test_signals.py::test_a_signal_in_a_long_native_call_ends_it_after_the_grace"],
    24: ["cli/test_process.py::test_a_reader_that_leaves_early_is_141_or_fine"],
    26: ["runs/executors/test_dask.py::test_a_worker_that_is_killed_loses_one_chunk"],
    27: ["runs/executors/test_dask.py::test_pictures_that_kill_their_process_fail_alone"],
    28: ["runs/executors/test_local_cluster.py::test_a_driver_that_is_killed_leaves_no_process"],
    30: ["model_zoo/test_limits.py::test_55_a_batch_beyond_the_memory_leaves_no_half_file"],
    34: ["cli/runs/test_shards.py::test_two_shares_at_once"],
    35: ["cli/runs/test_names.py::test_items_whose_files_would_share_a_name_are_refused"],
    37: [
        "cli/test_file_names.py::test_an_odd_name_in_a_directory",
        "cli/test_file_names.py::test_control_characters_do_not_reach_the_terminal",
        "cli/test_file_names.py::test_a_name_that_is_not_utf8",
        "cli/reporters/test_junit.py::test_hostile_names_are_harmless",
    ],
    38: ["cli/runs/test_journal.py::test_a_name_as_long_as_a_file_system_takes"],
    39: [
        "cli/runs/test_journal.py::test_names_that_lead_out_stay_below_the_output",
        "cli/runs/test_journal.py::test_a_bad_line_of_a_list_is_told_with_its_number",
    ],
    40: [
        "cli/runs/test_journal.py::test_a_link_in_the_output_is_not_followed_out",
        "cli/runs/test_journal.py::test_a_link_at_a_destination_is_a_foreign_file",
    ],
    41: ["cli/runs/test_journal.py::test_what_is_no_file_never_blocks"],
    43: ["cli/runs/test_resume.py::test_a_foreign_file_fails_its_item_alone_and_stays"],
    46: [
        "cli/test_bad_inputs.py::test_a_bad_file_fails_alone",
        "formats/test_pictures.py::test_fifty_bytes_that_claim_to_be_a_huge_picture_take_no_memory",
        "formats/test_safe_npy_reading.py::test_a_bomb_is_refused_by_its_declared_size",
    ],
    47: ["cli/test_bad_inputs.py::test_pickles_in_an_npz_are_not_run"],
    52: ["cli/runs/test_journal.py::test_what_matches_nothing_names_the_pattern"],
    53: ["cli/commands/test_verify.py::test_a_bad_file_is_listed_and_repaired_alone"],
    54: ["cli/runs/test_shards.py::test_a_merge_that_is_killed_leaves_the_old_or_the_new"],
}


def named_in(path):
    """Return the tests of a file with their docstrings."""
    tree = ast.parse(path.read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        node.name: ast.get_docstring(node) or "" for node in functions if node.name[:5] == "test_"
    }


def shown_here():
    """Return the numbers that the docstrings of this package name."""
    docstrings = [
        text for path in Path(__file__).parent.glob("test_*.py") for text in named_in(path).values()
    ]
    heads = [re.match(r"Cases? ([\d, ]+):", text) for text in docstrings]
    return {int(case) for head in heads if head for case in head[1].split(",")}


def test_every_case_is_shown_or_left_out_for_a_reason():
    assert shown_here() | set(ELSEWHERE) | set(LEFT_OUT) == CASES
    assert not (shown_here() | set(ELSEWHERE)) & set(LEFT_OUT)


def test_what_is_shown_elsewhere_is_there():
    for names in ELSEWHERE.values():
        for file, _, test in (name.partition("::") for name in names):
            assert test in named_in(TESTS / file), f"{file}: {test}"
