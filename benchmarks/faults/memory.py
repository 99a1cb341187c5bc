"""How much memory reading one case takes: `python -m benchmarks.faults.memory FILE` prints it.

In a process of its own, for what a process once had is never given back.
"""

import re
import sys
import tempfile
from pathlib import Path

from benchmarks.faults.cases import Case
from benchmarks.faults.ours import outcome


def kilobytes(path: Path) -> int:
    """The most that this process held in memory, after reading a file of the shared agreement."""
    with tempfile.TemporaryDirectory() as folder:
        outcome(Case(path, {}), Path(folder))
    # Not getrusage: that one also counts what the process had been forked from.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+([0-9]+)", status)[0])


if __name__ == "__main__":
    print(kilobytes(Path(sys.argv[1])))
