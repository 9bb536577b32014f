"""A GPU that the machine cannot have is refused without TensorFlow, and only where that is sure."""

import sys

import pytest

from inputgrad_cli.errors import UsageError
from inputgrad_cli.machine import gpu_detection


@pytest.fixture(autouse=True)
def before_tensorflow(monkeypatch):
    """Stand where nothing is imported yet, on Linux, without plug-ins."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(gpu_detection, "_has_plugins", lambda: False)


def machine(root, *paths):
    """Make a machine whose file system shows these paths."""
    for path in paths:
        (root / path).mkdir(parents=True)
    return root


def refused(asked, root, **environment):
    """Return the sentence of a refusal, nothing where there is none."""
    try:
        gpu_detection.refuse_absent_device(asked, root, environment)
    except UsageError as error:
        return error.format_line()
    return ""


@pytest.mark.parametrize("asked", ["auto", "cpu"])
def test_what_needs_no_gpu_is_never_refused(tmp_path, asked):
    assert not refused(asked, tmp_path)


@pytest.mark.parametrize("asked", ["gpu", "gpu:0", "gpu:3"])
def test_a_machine_that_shows_none_has_none(tmp_path, asked):
    sentence = refused(asked, tmp_path)
    assert f"--device {asked}" in sentence
    assert "no GPUs" in sentence
    assert "cpu" in sentence


def test_two_nodes_are_two_gpus(tmp_path):
    root = machine(tmp_path, "dev/nvidia0", "dev/nvidia1", "dev/nvidiactl", "dev/nvidia-uvm")
    assert not refused("gpu:1", root)
    assert "2 GPUs" in refused("gpu:2", root)


def test_a_driver_whose_nodes_are_not_made_yet_counts(tmp_path):
    root = machine(tmp_path, "proc/driver/nvidia/gpus/0000:3b:00.0")
    assert not refused("gpu", root)
    assert "1 GPU;" in refused("gpu:1", root)


@pytest.mark.parametrize("hidden", ["", "-1", "-1,0", " "])
def test_gpus_that_the_environment_hides_are_absent(tmp_path, hidden):
    root = machine(tmp_path, "dev/nvidia0")
    assert "CUDA_VISIBLE_DEVICES" in refused("gpu", root, CUDA_VISIBLE_DEVICES=hidden)


def test_those_that_it_names_are_counted(tmp_path):
    root = machine(tmp_path, "dev/nvidia0", "dev/nvidia1", "dev/nvidia2")
    assert not refused("gpu:1", root, CUDA_VISIBLE_DEVICES="GPU-8932f937,2")
    assert refused("gpu:2", root, CUDA_VISIBLE_DEVICES="GPU-8932f937,2")


@pytest.mark.parametrize("path", gpu_detection.OTHER_GPU_NODES)
def test_other_makers_devices_are_left_to_tensorflow(tmp_path, path):
    assert not refused("gpu:7", machine(tmp_path, path))


def test_plugins_other_systems_and_a_running_tensorflow_are_asked(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(gpu_detection, "_has_plugins", lambda: True)
        assert not refused("gpu", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        assert not refused("gpu", tmp_path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tensorflow", object())
        assert not refused("gpu", tmp_path)
    assert refused("gpu", tmp_path)
