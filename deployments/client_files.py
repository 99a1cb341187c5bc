"""The Prefect files of the project: one for each client, and those that all share."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from blocks.errors import ConfigurationError
from blocks.yaml_files import load_yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "deployments"
SHARED = ("prefect.yaml",)
"""Files that are not called after the client that they deploy."""


def prefect_files() -> list[Path]:
    """Every deployment file of the project."""
    return [*_shared(), FOLDER / "project" / "watch.yaml", *_own()]


def client_names() -> list[str]:
    """Names of the clients that have a file of their own."""
    return [path.stem for path in _own()]


def file_of(client: str) -> Path:
    """The file that deploys a client; a path of a file is taken as it is.

    ConfigurationError where there is none.
    """
    if client.endswith((".yaml", ".yml")):
        return Path(client).resolve()
    path = FOLDER / f"{client}.yaml"
    if path in _own():
        return path
    for shared in _shared():
        if client in _named_in(shared):
            return shared
    near = get_close_matches(client, client_names(), n=1)
    raise ConfigurationError(
        f"There is no client {client!r}: deployments/{client}.yaml is not there. "
        + (f"Did you mean {near[0]}? " if near else "")
        + f"`mailup-exchange onboard {client} SAMPLE` creates the file from a sample."
    )


def shown(path: Path) -> str:
    """A path as people give it: within the project from its folder."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def deployments_in(path: Path) -> list[dict[str, Any]]:
    """What a file deploys; nothing of a file that cannot be read, which is for `check` to say."""
    try:
        entries = load_yaml(path)["deployments"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        return []
    return [each for each in entries or () if isinstance(each, dict)]


def _own() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def _shared() -> list[Path]:
    return [ROOT / name for name in SHARED]


def _named_in(path: Path) -> Iterator[str]:
    """The clients that a shared file deploys."""
    for entry in deployments_in(path):
        for tag in map(str, entry.get("tags") or ()):
            if tag.startswith("client:"):
                yield tag.removeprefix("client:")
