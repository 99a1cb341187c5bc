"""A server in place of MailUp's e-mail statistics: a million rows in prepared pages.

`python -m benchmarks.source PORTFILE` serves until it is stopped, and writes its port to PORTFILE.
A page has `PAGE_ROWS` items, the maximum of an account block, in the emulator's format. Pages are
encoded beforehand and there is no rate limit, so that its own cost is negligible.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from benchmarks.sink import answer as other
from benchmarks.sink import serve

LIST_ID = 1
MESSAGE_IDS = range(101, 111)
PAGE_ROWS = 5000
SENT_AT = "2026-11-01 08:00:00Z"
STATISTICS = {
    "Recipients": (70_000, ""),
    "Views": (20_000, '"Count":1,'),
    "UrlClickDetails": (8_000, '"Count":1,"Url":"https:\\/\\/www.posta-di-esempio.it\\/offerta\\/'),
    "Bounces": (2_000, '"Count":1,"Type":"550 5.1.1"'),
}
"""Items of each kind per message: their number, and the fields that only this kind has."""
ROWS = len(MESSAGE_IDS) * sum(items for items, _ in STATISTICS.values())
_LINKS = 12

_STATISTIC = re.compile(r"/Message/(\d+)/(List|Count)/(\w+)$")

Pages = dict[tuple[int, str], list[bytes]]


def pages() -> Pages:
    """The pages of each statistic of each message, and an empty one after them."""
    return {
        (message, kind): [
            _page(message, kind, first)
            for first in range(0, STATISTICS[kind][0] + PAGE_ROWS, PAGE_ROWS)
        ]
        for message in MESSAGE_IDS
        for kind in STATISTICS
    }


def _page(message: int, kind: str, first: int) -> bytes:
    total = STATISTICS[kind][0]
    items = [_item(message, kind, at) for at in range(first, min(first + PAGE_ROWS, total))]
    return _envelope(",".join(items), first // PAGE_ROWS, total)


def _item(message: int, kind: str, at: int) -> str:
    # Spread over all recipients.
    person = at * (STATISTICS["Recipients"][0] // STATISTICS[kind][0])
    link = f'{at % _LINKS}",' if kind == "UrlClickDetails" else "," if kind == "Bounces" else ""
    return (
        f'{{{STATISTICS[kind][1]}{link}"Email":"cliente.{person:08}@posta-di-esempio.it",'
        f'"IdMessage":{message},"IdRecipient":{100_000 + person}}}'
    )


def _envelope(items: str, number: int, total: int) -> bytes:
    return (
        f'{{"IsPaginated":{json.dumps(total > PAGE_ROWS)},"Items":[{items}],"PageNumber":{number},'
        f'"PageSize":{PAGE_ROWS},"Skipped":{number * PAGE_ROWS},"TotalElementsCount":{total}}}'
    ).encode()


def answered(finished: Pages, method: str, target: str, body: bytes) -> Any:
    """The answer of a resource: a prepared page, or a JSON value."""
    path, _, query = target.partition("?")
    if found := _STATISTIC.search(path):
        if found[2] == "Count":
            return STATISTICS[found[3]][0]
        number = int(parse_qs(query)["PageNumber"][0])
        return finished[int(found[1]), found[3]][number]
    if path.endswith("/Emails"):
        return [{"idList": LIST_ID, "idMessage": number, "Subject": f"Novità {number}"}
                for number in MESSAGE_IDS]  # fmt: skip
    if path.endswith("/SendHistory"):
        return [{"idSending": 7, "StartDate": SENT_AT, "EndDate": SENT_AT,
                 "Recipients": STATISTICS["Recipients"][0]}]  # fmt: skip
    return other(method, target, body)


def main() -> None:
    finished = pages()
    serve(Path(sys.argv[1]), lambda *asked: answered(finished, *asked))


if __name__ == "__main__":
    main()
