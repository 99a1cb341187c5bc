"""YAML files that people write, read with limits: a small file must not unfold into a huge one.

Anchors, aliases and merge keys may be used; what they unfold into counts as if it were written out.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent
from yaml.nodes import Node, ScalarNode

MOST_YAML_BYTES = 256 * 1024
MOST_NODES = 50_000
MOST_DEPTH = 50
MOST_DIGITS = 100
_NUMBERS = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}


class _Loader(yaml.SafeLoader):
    """Counts what is composed, aliases unfolded, before anything is built of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = self._depth = self._reached = 0
        self._unfolded: dict[int, tuple[int, int]] = {}

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """The next node, whose nodes and levels are counted."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, AliasEvent):
            node = super().compose_node(parent, index)
            nodes, levels = self._unfolded.get(id(node), (MOST_NODES, MOST_DEPTH))  # it is open yet
        else:
            before, above, self._reached = self._nodes, self._reached, self._depth
            self._depth += 1
            self._count(event, 1, 0)
            node = super().compose_node(parent, index)
            self._depth -= 1
            nodes, levels = self._nodes - before, self._reached - self._depth
            self._unfolded[id(node)] = nodes, levels
            self._reached = max(self._reached, above)
            nodes = 0
        self._count(event, nodes, levels)
        _check_number(node)
        return node

    def _count(self, event: Any, nodes: int, levels: int) -> None:
        self._nodes += nodes
        self._reached = max(self._reached, self._depth + levels)
        if self._nodes > MOST_NODES or self._reached > MOST_DEPTH:
            raise ComposerError(
                None,
                None,
                f"more than {MOST_NODES:,} values, or {MOST_DEPTH} levels, once its aliases are "
                "unfolded; an alias may not be part of its own anchor",
                event.start_mark,
            )


def compose(path: Path, look: Callable[[Node], None] = lambda _: None) -> tuple[Any, Node | None]:
    """The content of a file as plain values, and its nodes; yaml.YAMLError where it is no YAML.

    `look` sees the nodes as they were written, before merge keys are unfolded.
    """
    if path.stat().st_size > MOST_YAML_BYTES:
        raise yaml.YAMLError(f"more than {MOST_YAML_BYTES:,} bytes")
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
        if root is None:
            return None, None
        look(root)
        return loader.construct_document(root), root
    except (ValueError, ArithmeticError, LookupError, RecursionError):
        raise yaml.YAMLError("a number or a date that is none") from None
    finally:
        loader.dispose()


def load_yaml(path: Path) -> Any:
    """The content of a file as plain values; yaml.YAMLError where it is no YAML."""
    return compose(path)[0]


def _check_number(node: Node | None) -> None:
    if isinstance(node, ScalarNode) and node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
        raise ComposerError(None, None, "a number of too many digits", node.start_mark)
