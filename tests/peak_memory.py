"""How much memory this process held at most, since a moment that a test may choose."""

import resource
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(anew=False):
    """Return the most bytes held; with `anew` the count starts here, where that can be done."""
    if not CLEAR.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, never reset
    if anew:
        CLEAR.write_text("5")
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
