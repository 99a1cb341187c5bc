"""The commands that docs/operating.md gives, run as an operator would."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

OPERATING = Path(__file__).resolve().parents[1] / "docs/operating.md"


def follow(first_line: str, settings: Mapping[str, str | Path]) -> None:
    """Run the block of commands that begins with this comment, with `settings` around it."""
    blocks = OPERATING.read_text(encoding="utf-8").split("```sh\n")[1:]
    (found,) = [block.split("```")[0] for block in blocks if block.startswith(f"# {first_line}")]
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", found],
        env={**os.environ, **{name: str(value) for name, value in settings.items()}},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
