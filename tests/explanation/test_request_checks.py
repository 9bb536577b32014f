"""What the archive alone answers: refused before TensorFlow, and only where the model refuses."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from inputgrad_cli import api
from inputgrad_cli.data.samples import Samples
from inputgrad_cli.data.target_parser import parse_target
from inputgrad_cli.data.unresolved_target import RECONSTRUCTION
from inputgrad_cli.describe.model import OpenOptions, describe_opened_model
from inputgrad_cli.errors import UsageError
from inputgrad_cli.explanation.request import ExplainRequest, resolve_targets
from inputgrad_cli.explanation.request_checks import check_request
from inputgrad_cli.modelfile.model_file import open_model
from tests.request_examples import layer_words, method_texts, misspelt, sample, save_forms, targets

# In these the archive does not tell the shape of an output, or which layers there are.
UNTOLD = {"by-operation", "added", "attention", "states", "steps", "both"}
SCRIPT = """
import contextlib, io, json, sys
from inputgrad_cli.cli.main import run

for argv in json.load(sys.stdin):
    said, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(err):
        code = run(argv)
    began = sorted({"tensorflow", "keras"} & set(sys.modules))
    readers = sorted({"PIL", "inputgrad_cli.runs.planning.run_plan"} & set(sys.modules))
    print(json.dumps([argv, code, said.getvalue(), err.getvalue(), began, readers]), flush=True)
    if began:
        break
"""


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    return save_forms(tmp_path_factory.mktemp("forms"))


@cache
def config_of(path):
    return open_model(path).config


def foreseen(form, **asked):
    """Return the sentence with which the archive answers, nothing where it leaves it open."""
    try:
        question = ExplainRequest(api.parse_methods((asked.pop("method", "gradient"),)))
        request = replace(
            question, **{**asked, "targets": (parse_target(asked.get("targets", "auto")),)}
        )
        check_request(request, config_of(form.path))
    except UsageError as error:
        return error.format_line()
    return ""


def given(model, form, word):
    """Return what the opened model's layer gives, or the sentence with which it refuses."""
    tap = f"layer:{word}"
    try:
        return model.engine.to_points(sample(form), [tap])[tap]
    except UsageError as error:
        return error.format_line()


def test_no_target_is_refused_that_the_model_has_and_none_left_that_it_lacks(forms):
    apart, late = [], []
    for name, form in forms.items():
        model = api.load(form.path)
        for text in targets(form):
            for space in ("auto", "logit", "probability"):
                asked = {"targets": text, "space": space}
                foreseen_kinds, model_told = foreseen(form, **asked), chosen(model, form, **asked)
                if foreseen_kinds and not model_told:
                    apart.append((name, text, space, foreseen_kinds))
                if model_told and not foreseen_kinds and name not in UNTOLD:
                    late.append((name, text, space, model_told))
    assert (apart, late) == ([], [])


def chosen(model, form, targets, space):
    """Return the sentence with which the opened model refuses a target."""
    target = parse_target(targets)
    try:
        model.calibrate(Samples(sample(form)), () if target.layer is None else (target,))
        question = ExplainRequest(api.parse_methods(("gradient",)), (target,), space)
        for choice, *_ in resolve_targets(question, model.signature):
            if choice.kind == "loss" and choice.argument != RECONSTRUCTION:
                assert model.engine.adapter.losses[choice.argument]
    except UsageError as error:
        return error.format_line()
    return ""


def test_no_layer_is_refused_that_the_model_has_and_none_left_that_it_lacks(forms):
    apart, late = [], []
    for name, form in forms.items():
        model = api.load(form.path)
        target = f"{next(iter(form.outputs))}/sum"
        for word in layer_words(form):
            said = given(model, form, word)
            there, maps = not isinstance(said, str), not isinstance(said, str) and said.ndim > 2
            for asked, answer in (
                ({"wrt": f"layer:{word}"}, there),
                ({"method": f"grad-cam:layer='{word}'"}, maps),
                ({"method": f"internal-influence:steps=1,layer='{word}'"}, there),
            ):
                refusals = foreseen(form, targets=target, **asked)
                if refusals and answer:
                    apart.append((name, asked, refusals))
                if not answer and not refusals and name not in UNTOLD:
                    late.append((name, asked, said))
    assert (apart, late) == ([], [])


def test_a_map_of_no_layer_in_particular_is_refused_where_none_gives_maps(forms):
    refusals = {name for name, form in forms.items() if "maps" in foreseen(form, method="grad-cam")}
    lacking = {
        n for n, f in forms.items() if not describe_opened_model(f.path, OpenOptions()).cam_layers
    }
    assert refusals <= lacking
    assert lacking - refusals <= UNTOLD | {"open"}  # its only convolution is its output


def wrong_calls(form):
    """Yield what follows MODEL INPUT in calls that name what a model does not have."""
    wrong = misspelt(next(iter(form.layers)))
    for name, shape in form.outputs.items():
        head = f"{name}/" if len(form.outputs) > 1 else ""
        if name != "soft" and None not in shape:
            yield ["-t", head + "unit:" + ",".join(str(dim) for dim in shape)]
        yield ["-t", head + "unit:" + ",".join("0" for _ in shape) + ",0,0"]
    for word in wrong:
        yield ["-t", f"{word}/sum"]
        yield ["-t", f"layer:{word}/sum"]
        yield ["--wrt", word]
        yield ["--wrt", f"layer:{word}"]
        yield ["-i", f"{word}=x.npy"]
        yield from (["-m", text] for text in method_texts(word))
    yield ["--labels", "many.txt"]
    yield ["--code", "none.py"]
    yield ["--device", "gpu:99"]
    yield ["-m", "ig"]
    yield ["--baseline", "zero"]
    yield ["--truth", "two.csv", "-t", "loss:compiled"]
    for name in form.outputs:
        head = f"{name}/" if len(form.outputs) > 1 else ""
        yield ["-t", f"{head}loss:mean_squared_eror"]
        yield ["-t", f"{head}loss:mean_squared_eror", "--truth", "1"]


def run_script(script, given, folder):
    """Return the lines of JSON that a script answers in a process of its own, and its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=120,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("name", ["classes", "unet", "nested", "heads", "twice", "steps", "chain"])
def test_a_thing_that_the_model_lacks_is_told_without_tensorflow(forms, tmp_path, name):
    form = forms[name]
    (tmp_path / "many.txt").write_text("\n".join(f"class {n}" for n in range(77)))
    (tmp_path / "two.csv").write_text("input,value\na,1\n")
    np.savez(tmp_path / "x.npz", **sample(form))
    calls = []
    for words in wrong_calls(form):
        inputs = [] if "-i" in words else ["x.npz"]
        calls.append(["saliency", str(form.path), *inputs, *words])
    answers, err = run_script(SCRIPT, calls, tmp_path)
    assert [argv for argv, *_ in answers] == calls, err
    for argv, code, said, err, began, readers in answers:
        assert (code, said, began) == (2, "", []), (argv, err)
        assert readers == [] or "--truth" in argv, argv  # a quick answer needs no reader of files
        assert err.startswith("inputgrad: ")
        assert "Traceback" not in err
    assert not (tmp_path / "inputgrad-out").exists()


IN_PYTHON = """
import json, sys
import inputgrad_cli as ig
from inputgrad_cli.errors import UsageError

path, *calls = json.load(sys.stdin)
for asked in calls:
    try:
        ig.explain(path, "x.npz", **asked)
        said = ""
    except UsageError as error:
        said = error.format_line()
    print(json.dumps([asked, said, sorted({"tensorflow", "keras"} & set(sys.modules))]))
"""


def test_python_is_told_without_tensorflow_too(forms, tmp_path):
    form = forms["classes"]
    np.savez(tmp_path / "x.npz", **sample(form))
    layer = misspelt(next(iter(form.layers)))[0]
    calls = [
        {"target": "unit:99"},
        {"target": "class:99"},
        {"target": f"layer:{layer}/sum"},
        {"wrt": f"layer:{layer}"},
        {"method": f"grad-cam:layer='{layer}'"},
        {"method": "expected-gradients"},
        {"baseline": "zero"},
        {"target": "mask:none.png"},
    ]
    answers, err = run_script(IN_PYTHON, [str(form.path), *calls], tmp_path)
    assert [asked for asked, *_ in answers] == calls, err
    for asked, said, began in answers:
        assert said, asked
        assert began == [], asked
