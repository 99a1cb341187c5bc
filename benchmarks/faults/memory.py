"""The memory for reading one case: `python -m benchmarks.faults.memory FILE` prints it.

In its own process, because a process does not return memory.
"""

import re
import sys
import tempfile
from pathlib import Path

from benchmarks.faults.cases import Case
from benchmarks.faults.ours import outcome


def kilobytes(path: Path) -> int:
    """The peak memory of this process, after reading a file with the shared agreement."""
    with tempfile.TemporaryDirectory() as folder:
        outcome(Case(path, {}), Path(folder))
    # Not from getrusage, which includes the process from which it was forked.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+([0-9]+)", status)[0])


if __name__ == "__main__":
    print(kilobytes(Path(sys.argv[1])))
