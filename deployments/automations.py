"""Apply the project's automations.

Prefect would make an automation anew each time; here the name is its identity. What is in the
file is created or changed, what the project made earlier and has left the file is removed, and
everything else in Prefect is left alone.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import Automation, AutomationCore
from pydantic import ValidationError

from blocks.errors import ConfigurationError
from blocks.yaml_files import load_yaml
from tasks.monitoring.notifications import EXPECTED, emit_watched

FILE = Path(__file__).parent / "project" / "automations.yaml"
OWNER = "mailup.file-exchange"
"""Prefect remembers it with each automation, and so tells ours from all others."""


def apply(path: Path = FILE) -> list[str]:
    """Make Prefect's automations of this project those of the file; lines that say what was done.

    ConfigurationError, and nothing is changed, where the file cannot be used.
    """
    with get_client(sync_client=True) as client:
        wanted = _read(client, path)
        ours = client.read_resource_related_automations(OWNER)
        done = [_bring(client, each, ours) for each in wanted]
        done += _remove(client, {each.name for each in wanted}, ours)
        emit_watched(client, EXPECTED)
    return done


def _read(client: SyncPrefectClient, path: Path) -> list[AutomationCore]:
    try:
        entries = load_yaml(path)["automations"]
        found = [_automation(client, entry) for entry in entries]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} is not a file of automations ({type(error).__name__}); accepted is a list "
            "under the key 'automations'. Compare it with the one in deployments/project."
        ) from None
    names = [each.name for each in found]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{path} has two automations of one name; give each its own.")
    return found


def _automation(client: SyncPrefectClient, entry: Mapping[str, Any]) -> AutomationCore:
    actions = [ready for action in entry["actions"] for ready in _actions(client, action)]
    try:
        return AutomationCore(**{**entry, "actions": actions})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(
            f"The automation {entry.get('name')!r} is not what Prefect accepts: {wrong}."
        ) from None


def _actions(client: SyncPrefectClient, action: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """An action as it is or, where it names a block, once for each block of that name."""
    if "block" not in action:
        yield dict(action)
        return
    rest = {key: value for key, value in action.items() if key != "block"}
    numbers = list(_notification_blocks(client, action["block"]))
    if not numbers:
        raise ConfigurationError(
            f"There is no notification block named {action['block']!r}. Create one in the UI "
            "(Blocks, for example Slack Webhook, Sendgrid Email or Custom Webhook) under that name."
        )
    for number in numbers:
        yield {**rest, "block_document_id": number}


def _notification_blocks(client: SyncPrefectClient, name: str) -> Iterator[str]:
    for document in client.read_block_documents(limit=None):
        schema = document.block_schema
        if document.name == name and schema and "notify" in schema.capabilities:
            yield str(document.id)


def _bring(client: SyncPrefectClient, wanted: AutomationCore, ours: list[Automation]) -> str:
    known = next((each for each in ours if each.name == wanted.name), None)
    if known is None:
        client.create_automation(wanted.model_copy(update={"owner_resource": OWNER}))
        return f"created {wanted.name!r}"
    if known.model_dump(exclude={"id", "owner_resource"}) == wanted.model_dump(
        exclude={"owner_resource"}
    ):
        # An update, even with the same content, would make Prefect forget whom it waits for.
        return f"kept {wanted.name!r}"
    client.update_automation(known.id, wanted)
    return f"changed {wanted.name!r}"


def _remove(client: SyncPrefectClient, names: set[str], ours: list[Automation]) -> Iterator[str]:
    for each in ours:
        if each.name not in names:
            client.delete_automation(each.id)
            yield f"removed {each.name!r}"
