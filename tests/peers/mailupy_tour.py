"""Everything that mailupy offers, once, against an emulator: what it answered, as JSON.

Runs with mailupy's own Python: `python mailupy_tour.py '{"base_url": ..., "username": ...}'`.
"""

import json
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any

import mailupy
import requests

CONSOLE = "/API/v1.1/Rest/ConsoleService.svc/Console"


def logged_in(keys: dict[str, str]) -> Any:
    """A client of the emulator at `base_url`."""
    mailupy.Mailupy.AUTH_URL = keys["base_url"] + "/Authorization/OAuth/Token"
    mailupy.Mailupy.BASE_URL = keys["base_url"] + CONSOLE
    names = ("username", "password", "client_id", "client_secret")
    return mailupy.Mailupy(*(keys[name] for name in names))


def tried(call: Callable[[], Any]) -> Any:
    """What a call answers, or the error that it raises, as text."""
    try:
        return call()
    except mailupy.MailupyException as error:
        return f"{type(error).__name__}: {error}"


def emails(items: Any) -> list[str]:
    """The addresses of a walk."""
    return [item["Email"] for item in items]


def reading(m: Any) -> dict[str, Any]:
    """Lists, groups, fields, people, messages."""
    named = {"filter_by": "Email.Contains('subscribed.00')", "order_by": ["Email desc"]}
    return {
        "fields": [field["Description"] for field in m.get_fields()],
        "groups": [group["Name"] for group in m.get_groups_from_list(1, order_by=["Name asc"])],
        "filtered groups": [
            group["idGroup"] for group in m.get_groups_from_list(1, filter_by="Name=='Clienti'")
        ],
        "everybody": len(emails(m.get_recipients_from_list(1))),
        "first": next(islice(m.get_recipients_from_list(1), 1)),
        "subscribed": emails(m.get_subscribed_recipients_from_list(1, **named)),
        "unsubscribed": len(emails(m.get_unsubscribed_recipients_from_list(1))),
        "one": m.get_recipient_from_list(1, "unsubscribed.131@example.it")["Status"],
        "one subscribed": m.get_subscribed_recipient_from_list(1, "subscribed.001@example.it"),
        "one unsubscribed": m.get_unsubscribed_recipient_from_list(1, "subscribed.001@example.it"),
        "of a group": len(emails(m.get_recipients_from_group(2))),
        "one of a group": m.get_recipient_from_group(2, "subscribed.001@example.it")["Email"],
        "messages": [message["Subject"] for message in m.get_messages_from_list(1)],
        "tagged": list(m.get_messages_from_list(1, tags=["estate"])),
        "unknown list": tried(lambda: list(m.get_groups_from_list(99))),
    }


def writing(m: Any) -> dict[str, Any]:
    """People, groups, and what is sent."""
    found, new = m.get_or_create_group(1, "Clienti"), m.get_or_create_group(1, "Nuovi")
    again = m.get_or_create_group(1, "Nuovi")
    anna = m.subscribe_to_list(1, "Anna", "anna@example.it", fields={"nome": "Anna"})
    asked = m.subscribe_to_list(1, "Bea", "bea@example.it", pending=True)
    result = {
        "made": [found, new[1], again == (new[0], False)],
        "again": m.subscribe_to_group(new[0], "Anna", "anna@example.it") == anna,
        "pending": m.get_recipient_from_list(1, "bea@example.it")["Status"],
        "updated": m.update_customer_fields("Anna", "anna@example.it", {"cognome": "Rossi"}),
        "members": emails(m.get_recipients_from_group(new[0])),
        "mail": m.send_message("anna@example.it", 11, {"nome": "Anna"}),
        "sms": m.send_sms("0039", "3471200003", 13),
        "left the group": m.unsubscribe_from_group(new[0], anna),
        "left the list": m.unsubscribe_from_list(1, anna),
        "afterwards": m.get_recipient_from_list(1, "anna@example.it")["Status"],
        "removed": m.remove_from_list(1, anna),
        "in the list": m.get_recipient_from_list(1, "anna@example.it"),
        "removed from all": m.remove_from_list("all", asked),
        "in the account": m.get_recipient_from_list(1, "bea@example.it"),
        "not an address": tried(lambda: m.subscribe_to_list(1, "x", "not an address")),
    }
    return result | {"ids": [type(anna).__name__, type(asked).__name__]}


def main() -> None:
    """Log in, read, write, be renewed."""
    keys = json.loads(sys.argv[1])
    m = logged_in(keys)
    result = reading(m) | writing(m)
    # The emulator's control API lets the token expire: the next call has to renew it.
    requests.post(keys["base_url"] + "/_sandbox/expire_tokens", timeout=10)
    result["renewed"] = len(list(m.get_groups_from_list(2)))
    result["login"] = m.login()
    wrong = keys | {"password": "wrong"}
    result["wrong password"] = tried(lambda: logged_in(wrong))
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
