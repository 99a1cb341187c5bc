"""Checks that a MailUp account has what a client's agreements need; read-only."""

import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches
from functools import partial

from blocks.errors import (
    ConfigurationError,
    HostNotTrusted,
    LoginRefused,
    MailUpRefused,
    MailUpUnavailable,
    SyncError,
)
from blocks.mailup.client import MailUpClient
from blocks.mailup.resources.models import AccountInfo
from tasks.checks.findings import Finding, Subject, finding_text
from tasks.checks.needs import AccountNeeds, WantedGroup
from tasks.records.batching.destinations import group_named
from tasks.records.mapping.resolve import field_id

_CLOCKS_DIFFER_SECONDS = 120.0
_ALIKE = 0.8
"""How alike two names are that may mean the same: sign-up dates must not end up as birthdays."""


def check_account(
    subject: Subject, client: MailUpClient, needs: AccountNeeds, now: datetime
) -> Iterator[Finding]:
    """Log-in, expiry, clock, lists, groups and fields; only the log-in if that fails."""
    try:
        info = client.account_info()
    except SyncError as error:
        yield _refused(subject, error)
        return
    yield subject.ok("log-in", "the token is accepted")
    yield from _expiry(subject, info, now)
    yield from _clocks(subject, client.clock_ahead_seconds)
    yield from subject.tried("lists", _RETRY, lambda: _lists(subject, client, needs))
    yield from subject.tried("fields", _RETRY, lambda: _fields(subject, client, needs))
    for wanted in needs.groups:
        yield from subject.tried("groups", _RETRY, partial(_group, subject, client, wanted))


_RETRY = "Run the check again; if it fails again, give the message to MailUp's support."


def _refused(subject: Subject, error: SyncError) -> Finding:
    remedies: list[tuple[type[SyncError], str]] = [
        (LoginRefused, "Correct client id, client secret, user or password on the account block; "
         "check in MailUp's console whether the password has expired."),
        (HostNotTrusted, "Check the addresses on the block, and whether there is a proxy."),
        (ConfigurationError, "Log in to the MailUp console as this user once and accept the terms, "
         "or correct the addresses on the block: the message says which."),
        (MailUpUnavailable, "Check that this worker can reach MailUp (proxy, firewall), and the "
         "addresses on the block; then run the check again."),
        (MailUpRefused, "Give the message to MailUp's support."),
    ]  # fmt: skip
    remedy = next((text for kind, text in remedies if isinstance(error, kind)), _RETRY)
    return subject.fix("log-in", finding_text(error), remedy)


def _expiry(subject: Subject, info: AccountInfo, now: datetime) -> Iterator[Finding]:
    if info.is_trial:
        yield subject.note("account", "this is a trial account", "It has limits and expires.")
    try:
        expires = datetime.fromisoformat(info.expires).replace(tzinfo=now.tzinfo)
    except ValueError:
        yield subject.note("account", "MailUp gives no expiry date of the account")
        return
    remedy = "Renew the account with MailUp before that day."
    yield subject.dated("account", "the account is valid", expires, now, remedy)


def _clocks(subject: Subject, ahead: float | None) -> Iterator[Finding]:
    if ahead is None:
        yield subject.note("clock", "MailUp gives no time, so clocks were not compared")
    elif abs(ahead) > _CLOCKS_DIFFER_SECONDS:
        yield subject.fix(
            "clock",
            f"MailUp's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} ours",
            "Correct this machine's clock (NTP): windows of exports depend on it.",
        )
    else:
        yield subject.ok("clock", "MailUp's clock and ours agree within two minutes")


def _lists(subject: Subject, client: MailUpClient, needs: AccountNeeds) -> Iterator[Finding]:
    visible = {each.id: each.name for each in client.lists()}
    missing = [str(each) for each in needs.lists if each not in visible]
    if missing:
        yield subject.fix(
            "lists",
            f"the user does not see list {', '.join(missing)}",
            f"Give the user permission for it in the MailUp console, or correct the agreement; "
            f"visible are {_listed(visible)}.",
        )
    seen = [f"{each} {visible[each]}" for each in needs.lists if each in visible]
    if seen:
        yield subject.ok("lists", f"visible: {', '.join(seen)}")


def _fields(subject: Subject, client: MailUpClient, needs: AccountNeeds) -> Iterator[Finding]:
    if not needs.fields:
        return
    existing = {each.id: each.name for each in client.dynamic_fields()}
    found = []
    for wanted in needs.fields:
        try:
            found.append(field_id(wanted, existing))
        except ConfigurationError:
            yield subject.fix(
                "fields",
                f"there is no dynamic field {wanted!r}, or several",
                _suggestion(wanted, existing),
            )
    if found:
        named = ", ".join(f"{number} {existing[number]}" for number in sorted(set(found)))
        yield subject.ok("fields", f"existing: {named}")


def _group(subject: Subject, client: MailUpClient, wanted: WantedGroup) -> Iterator[Finding]:
    existing = {each.id: each.name for each in client.groups(wanted.list_id)}
    found = group_named(existing, wanted.text)
    if found is not None:
        yield subject.ok("groups", f"list {wanted.list_id} has group {found} {existing[found]}")
    elif wanted.create and not wanted.text.isdecimal():
        yield subject.ok(
            "groups", f"list {wanted.list_id}: {wanted.text!r} will be created by the first file"
        )
    else:
        yield subject.fix(
            "groups",
            f"list {wanted.list_id} has no group {wanted.text!r}",
            f"{_suggestion(wanted.text, existing)} Or create it in MailUp, or set create_groups.",
        )


def _suggestion(wanted: str, existing: Mapping[int, str]) -> str:
    """Suggest similar names with their ids, or list all."""
    spelled = {_letters(name): number for number, name in existing.items()}
    close = get_close_matches(_letters(wanted), spelled, n=3, cutoff=_ALIKE)
    if close:
        meant = " or ".join(f"{spelled[name]} ({existing[spelled[name]]})" for name in close)
        return f"Did you mean {meant}? Give the id."
    return f"Accepted are: {_listed(existing)}."


def _letters(name: str) -> str:
    """The letters and digits of a name, without case and accents."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in parts if each.isalnum())


def _listed(existing: Mapping[int, str], limit: int = 40) -> str:
    shown = [f"{number} {name}" for number, name in sorted(existing.items())]
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more or "none"
