"""Lists, groups and dynamic fields of an account."""

import json
from itertools import chain

from blocks.mailup.http.answers import Answer
from blocks.mailup.http.session import Session
from blocks.mailup.pages.paging import pages
from blocks.mailup.resources.models import AccountInfo, DynamicField, Group, MailUpList


def account_info(session: Session) -> AccountInfo:
    """The account of the log-in; the cheapest call that checks the credentials."""
    path = "/Console/Authentication/Info"
    return AccountInfo.read(session.get(path), f"GET {path}")


def lists(session: Session) -> list[MailUpList]:
    """All lists that the user may see; others are missing, without an error."""
    found = pages(session, "/Console/List", "IdList")
    return [MailUpList.read(item, "GET /Console/List") for items in found for item in items]


def groups(session: Session, list_id: int) -> list[Group]:
    """All groups of a list."""
    path = f"/Console/List/{list_id}/Groups"
    found = pages(session, path, "idGroup")
    return [Group.read(item, f"GET {path}") for items in found for item in items]


def create_group(session: Session, list_id: int, name: str) -> Group:
    """Create a group. MailUp accepts duplicate names: check `groups` first.

    Raises `MailUpUnavailable` with `context["maybe_accepted"]` if the answer is lost.
    """
    body = json.dumps({"Name": name, "Notes": ""}).encode()

    def understand(answer: Answer) -> Group:
        return Group.read(answer.json(), answer.doing)

    return session.change("POST", f"/Console/List/{list_id}/Group", understand, body=body)


def dynamic_fields(session: Session) -> list[DynamicField]:
    """All dynamic fields of the account, by id."""
    path = "/Console/Recipient/DynamicFields"
    found = chain.from_iterable(pages(session, path, "Id"))
    unique = {each.id: each for each in (DynamicField.read(item, f"GET {path}") for item in found)}
    return [unique[key] for key in sorted(unique)]
