"""How much memory this process has, for benchmarks that must show it flat."""

from __future__ import annotations

import gc
import resource
from pathlib import Path

_STATM = Path("/proc/self/statm")


def resident_mb() -> float:
    """Megabytes that are resident now; where the system does not tell, the most so far."""
    gc.collect()
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
