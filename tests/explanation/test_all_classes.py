"""The maps of all classes at once: one method that fails takes nothing from the others."""

from dataclasses import dataclass, replace

import numpy as np

from inputgrad_cli.data.attribution_results import MethodResult
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.signature import OutputSpec
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.errors import ItemError
from inputgrad_cli.explanation.batch_attribution import explain_batch
from inputgrad_cli.explanation.request import ExplainRequest, MethodRequest
from inputgrad_cli.explanation.sample_record_builder import merge_records
from inputgrad_cli.interfaces.method import Method
from tests.formula_engines import Formula

CLASSES = 3
WEIGHTS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)  # by value of the input and class
INPUT = np.array([[1, -1], [2, 5]], np.float32)


class Linear(Formula):
    """Scores class k by `x . w_k`; a second input counts for nothing."""

    def __init__(self, reason):
        super().__init__(None, None, {"x": (2,), "z": (1,)})
        self.reason = reason
        output = OutputSpec("y", (CLASSES,), "softmax")
        self.signature = replace(self.signature, outputs=(output,))

    def compute_scores(self, inputs, target):
        return inputs["x"] @ WEIGHTS[:, target.index[0, 0, 0]]

    def find_gradient_blockers(self, inputs, sites, target):
        return self.reason


@dataclass(frozen=True)
class Weights(Method):
    """The weights of the class that is explained, and ones at the second input.

    No input leads to the class `fails`, the second does not lead to those in `ignores`, and the
    first does not lead to `blind`.
    """

    name = "weights"
    family, paper = "gradient", "none"
    fails: int | None = None
    ignores: tuple[int, ...] = ()
    blind: int | None = None

    def attribute(self, engine, batch):
        k = batch.target.index[0, 0, 0]
        values = {"x": np.tile(WEIGHTS[:, k], (len(batch), 1)), "z": np.ones((len(batch), 1))}
        sites = {"x": (self.fails, self.blind), "z": (self.fails, *self.ignores)}
        return MethodResult(
            values, disconnected=frozenset(site for site, classes in sites.items() if k in classes)
        )


def explain(*methods, reason="it is rounded"):
    requests = tuple(MethodRequest(m, f"m{i}", "weights") for i, m in enumerate(methods))
    request = ExplainRequest(requests, (parse_target("all"),), space="output")
    samples = Samples({"x": INPUT, "z": np.zeros((len(INPUT), 1), np.float32)})
    return explain_batch(Linear(reason), samples, request)


def is_whole(result):
    return np.array_equal(result.values["x"], np.tile(WEIGHTS.T, (len(INPUT), 1, 1)))


def test_the_maps_of_all_classes_stand_on_an_axis_of_their_own():
    (result,) = explain(Weights())
    assert is_whole(result)
    assert [record.scores for record in result.records] == (INPUT @ WEIGHTS).tolist()


def test_a_method_that_fails_at_one_class_leaves_the_maps_of_the_others_whole():
    for fails in range(CLASSES):
        for order in (1, -1):
            failed, whole = explain(*(Weights(fails=fails), Weights())[::order])[::order]
            assert isinstance(failed.error, ItemError)
            assert "it is rounded" in failed.error.reason
            assert whole.error is None
            assert is_whole(whole)
            assert {record.asked for record in whole.records} == {"all"}


def test_each_method_has_its_own_first_error():
    first, second = explain(Weights(fails=0), Weights(fails=2))
    assert first.error is not None
    assert second.error is not None
    assert not first.values


def test_an_input_that_one_class_cannot_explain_has_no_map_of_all():
    for ignored in range(CLASSES):
        (result,) = explain(Weights(ignores=(ignored,)))
        assert is_whole(result)
        assert list(result.values) == ["x"]
        assert result.sites.unexplained == {"z": "it is rounded"}


def test_if_each_input_is_unexplained_by_some_class_there_is_no_map():
    (result,) = explain(Weights(ignores=(0,), blind=2))
    assert isinstance(result.error, ItemError)
    assert "'x'" in result.error.message
    assert "'z'" in result.error.message


def test_an_input_is_disconnected_if_no_class_depends_on_it():
    for ignores in ((), (0,), (1, 2), (0, 1, 2)):
        (result,) = explain(Weights(ignores=ignores), reason="")
        assert result.values["z"].shape == (len(INPUT), CLASSES, 1)
        assert result.sites.disconnected == (("z",) if len(ignores) == CLASSES else ())


def test_a_map_that_is_zero_for_one_class_alone_has_no_reason_for_zeros():
    (result,) = explain(Weights())
    record = replace(result.records[0], scores=None)
    zero = replace(record, checks={"finite": True, "zero": True, "zero_because": "it is off"})
    other = replace(record, checks={"finite": True, "zero": False})
    assert merge_records([zero, other], "all").checks == other.checks
    assert merge_records([zero, zero], "all").checks == zero.checks
