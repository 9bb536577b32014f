"""Whether a GPU can be here, by what the machine shows; TensorFlow takes seconds to say it."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from inputgrad_cli.errors import UsageError

ROOT = Path("/")
# What other GPUs than NVIDIA's show themselves by: AMD's driver, and that of Windows below Linux.
OTHERS = ("dev/kfd", "dev/dxg")
NODE = re.compile(r"nvidia\d+")


def refuse_absent(
    asked: str, root: Path = ROOT, environment: Mapping[str, str] = os.environ
) -> None:
    """Raise UsageError for `gpu` or `gpu:N` where the machine certainly has no such device.

    Nothing is said where there is doubt: on other systems than Linux, with plug-ins for
    TensorFlow, and where TensorFlow runs already and can be asked.
    """
    word, _, number = asked.partition(":")
    if word != "gpu" or "tensorflow" in sys.modules or not sys.platform.startswith("linux"):
        return
    if _has_plugins() or any((root / path).exists() for path in OTHERS):
        return
    there = _nvidia(root)
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        there = min(there, len(_visible(hidden)))
    if int(number or 0) < there:
        return
    seen = f"{there or 'no'} GPU{'' if there == 1 else 's'}"
    by = "" if hidden is None else f" under CUDA_VISIBLE_DEVICES={hidden!r}"
    raise UsageError(
        f"--device {asked}: there is no such device here",
        reason=f"this machine shows {seen}{by}",
        mend="use --device auto or cpu; `inputgrad doctor` lists the devices",
    )


def _nvidia(root: Path) -> int:
    """Return how many GPUs the driver knows; a node is made when it is first used."""
    nodes = [name for name in _listed(root / "dev") if NODE.fullmatch(name)]
    return max(len(nodes), len(_listed(root / "proc/driver/nvidia/gpus")))


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _visible(text: str) -> list[str]:
    """Return the devices that CUDA takes from a list: it ends before the first that is none."""
    taken = []
    for part in (part.strip() for part in text.split(",")):
        if not part or part.startswith("-"):
            break
        taken.append(part)
    return taken


def _has_plugins() -> bool:
    """Return whether TensorFlow, where it is installed, finds devices through plug-ins."""
    found = importlib.util.find_spec("tensorflow")
    if found is None or found.origin is None:
        return True
    return (Path(found.origin).parent.parent / "tensorflow-plugins").exists()
