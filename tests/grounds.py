"""A ground for agreements of tests that are not about consent."""

from typing import Any

STATED = {"ground": "all", "stated_on": "2026-01-01", "stated_by": "Anna Rossi"}
EVERYBODY = {"email": STATED, "sms": STATED}
_TARGETS = {"email": "email", "sms": "mobile"}


def with_basis(agreement: dict[str, Any]) -> dict[str, Any]:
    """The same agreement with a basis: its column of target status where it maps one, and what the
    client has stated of everybody where it says nothing else."""
    mapping, consent = agreement["mapping"], agreement.get("consent", {})
    status = [each for each in mapping["columns"] if each["target"] == "status"]
    if consent.get("import_type") == "opt-out" or ("basis" in consent and not status):
        return agreement
    if not status:
        return agreement | {"consent": consent | {"basis": EVERYBODY}}
    others = [each for each in mapping["columns"] if each not in status]
    values = mapping.get("status_values", {"1": "subscribed", "0": "unsubscribed"})
    basis = {
        channel: _column(status[0]["column"], values, leaves=mapping.get("key", "email"), at=target)
        for channel, target in _TARGETS.items()
        if any(each["target"] == target for each in others)
    }
    rest = {name: value for name, value in mapping.items() if name != "status_values"}
    return agreement | {
        "mapping": rest | {"columns": others},
        "consent": consent | {"basis": basis},
    }


def _column(name: str, values: dict[str, str], *, leaves: str, at: str) -> dict[str, Any]:
    """A column as ground; rows that are not known by this key can only be left out."""
    if leaves not in ("both", at):
        values = {
            value: "leave_out" if meaning == "unsubscribed" else meaning
            for value, meaning in values.items()
        }
    return {"ground": "column", "column": name, "values": values}
