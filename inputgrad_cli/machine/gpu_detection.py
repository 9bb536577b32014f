"""Detects GPUs by device files, because TensorFlow takes seconds to start and list them."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from inputgrad_cli.errors import UsageError

ROOT = Path("/")
# Device files of GPUs that are not NVIDIA's: AMD's driver, and the GPU driver of WSL.
OTHER_GPU_NODES = ("dev/kfd", "dev/dxg")
NVIDIA_NODE = re.compile(r"nvidia\d+")


def refuse_absent_device(
    requested: str, root: Path = ROOT, environment: Mapping[str, str] = os.environ
) -> None:
    """Raise UsageError for `gpu` or `gpu:N` if the machine certainly has no such device.

    The device is accepted in cases of doubt: on systems other than Linux, with plug-ins for
    TensorFlow, and when TensorFlow is imported already and can be asked instead.
    """
    kind, _, index = requested.partition(":")
    if kind != "gpu" or "tensorflow" in sys.modules or not sys.platform.startswith("linux"):
        return
    if _has_plugins() or any((root / path).exists() for path in OTHER_GPU_NODES):
        return
    count = _count_nvidia_gpus(root)
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        count = min(count, len(_parse_visible(hidden)))
    if int(index or 0) < count:
        return
    suffix = "" if hidden is None else f" under CUDA_VISIBLE_DEVICES={hidden!r}"
    raise build_absent_device_error(requested, count, "this machine shows", suffix)


def build_absent_device_error(
    requested: str, count: int, observation: str, suffix: str = ""
) -> UsageError:
    """Return the error for a GPU that is not there; `observation` says who sees `count` GPUs."""
    return UsageError(
        f"--device {requested}: there is no such device here",
        reason=f"{observation} {count or 'no'} GPU{'' if count == 1 else 's'}{suffix}",
        hint="use --device auto or cpu; `inputgrad doctor` lists the devices",
    )


def _count_nvidia_gpus(root: Path) -> int:
    """Return how many GPUs the driver lists.

    Both places are read because a device file may be created only when the GPU is first used.
    """
    nodes = [name for name in _list_folder(root / "dev") if NVIDIA_NODE.fullmatch(name)]
    return max(len(nodes), len(_list_folder(root / "proc/driver/nvidia/gpus")))


def _list_folder(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _parse_visible(text: str) -> list[str]:
    """Return the devices that CUDA takes from a list; the first invalid entry ends the list."""
    devices = []
    for part in (part.strip() for part in text.split(",")):
        if not part or part.startswith("-"):
            break
        devices.append(part)
    return devices


def _has_plugins() -> bool:
    """Return whether TensorFlow may find devices through plug-ins.

    True also if TensorFlow is not found, because nothing is known then.
    """
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or spec.origin is None:
        return True
    # TensorFlow loads every library in this folder beside its own package.
    return (Path(spec.origin).parent.parent / "tensorflow-plugins").exists()
