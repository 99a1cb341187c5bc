"""Files of operators: what aliases unfold into is bounded, and no number is a traceback."""

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from blocks.errors import ConfigurationError
from blocks.yaml_files import MOST_YAML_BYTES, load_yaml
from deployments.check import check_files
from tasks.connections.deployed_agreements import client_of_file

pytestmark = pytest.mark.core

ROOT = Path(__file__).resolve().parents[3]
LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 30)
)
LAUGHS += "definitions: {}\ndeployments: [{name: *a29}]\n"
MERGED = "a0: &a0 {k: x}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}, *a{n - 1}], k{n}: x}}\n" for n in range(1, 60)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200))
HOSTILE = {
    "billion laughs": LAUGHS,
    "merged": MERGED,
    "a long chain": CHAIN,
    "a cycle": "deployments: &a [*a]",
    "a cycle of two": "deployments: &a {b: &b [*a], c: *b}",
    "merged into itself": "deployments: &a\n  <<: *a",
    "deep lists": "[" * 10_000,
    "deep mappings": "{a: " * 20_000,
    "deep blocks": "".join(f"{' ' * n}-\n" for n in range(600)),
    "digits": "deployments: " + "9" * 5000,
    "sexagesimal": "deployments: 1" + ":1" * 50_000,
    "a day that is none": "deployments: 2026-99-99",
    "a moment that is none": "deployments: 2026-01-01T99:99:99Z",
    "too large": "#" * (MOST_YAML_BYTES + 1),
    "an object": "deployments: !!python/object/apply:os.getcwd []",
    "a list as a key": "? [a]\n: b",
    "two documents": "a: b\n---\nc: d",
    "no text": "deployments: \x00",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_soon(text: str, tmp_path: Path) -> None:
    """With a finding, or an error of ours, wherever such files are read."""
    path = tmp_path / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    began = time.monotonic()
    findings = check_files([path])
    with pytest.raises(ConfigurationError):
        client_of_file(str(path))
    assert time.monotonic() - began < 6
    assert findings


@given(st.recursive(st.integers() | st.text("ab: -"), st.lists, max_leaves=20))
def test_what_is_written_is_what_is_read(value: object) -> None:
    """Anchors and aliases, where the writer uses some, included."""
    with pytest.MonkeyPatch.context() as patch:
        text = yaml.safe_dump([value, [value, value]])
        patch.setattr(Path, "read_text", lambda *_, **__: text)
        assert load_yaml(ROOT / "prefect.yaml") == [value, [value, value]]


def test_shared_parts_may_be_used(tmp_path: Path) -> None:
    """Anchors and merge keys save a client's file from repeating itself."""
    path = tmp_path / "acme.yaml"
    path.write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n", encoding="utf-8")
    assert load_yaml(path) == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}


def test_there_is_one_loader() -> None:
    """No other part of the product reads YAML by itself."""
    parts = ("blocks", "deployments", "flows", "tasks")
    files = [path for part in parts for path in (ROOT / part).rglob("*.py")]
    loads = {path.name for path in files if "safe_load" in (text := path.read_text("utf-8")) or
             "yaml.load" in text or "SafeLoader" in text}  # fmt: skip
    assert loads == {"yaml_files.py"}
