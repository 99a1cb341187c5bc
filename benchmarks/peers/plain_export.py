"""A simple export script: requests, csv, paramiko.

`python plain_export.py JOB`; JOB is JSON with url, list, page (items per page), host, port,
username, key and folder. The columns are the product's. Each run exports all rows.
"""

import csv
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import paramiko
import requests

ZONE = ZoneInfo("Europe/Rome")
FORM = "%Y%m%dT%H%M%S"
HEADER = ["idList", "idInvio", "idNl", "email", "subject", "statusType", "details",
          "statusChange", "sentDate"]  # fmt: skip
KINDS = {"Recipients": ("SNT", ""), "Views": ("OPN", ""), "UrlClickDetails": ("CLK", "Url"),
         "Bounces": ("NCO", "Type")}  # fmt: skip


def pages(session: requests.Session, url: str, size: int) -> Iterator[list[dict[str, Any]]]:
    """The items of a resource, page by page."""
    number = 0
    while True:
        asked = {"PageNumber": number, "PageSize": size}
        answer = session.get(url, params=asked, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        yield page["Items"]
        number += 1
        if number * size >= page["TotalElementsCount"]:
            return


def lines(session: requests.Session, job: dict[str, Any]) -> Iterator[list[Any]]:
    """The rows of the file."""
    url, list_id = job["url"], job["list"]
    now = datetime.now(ZONE).strftime(FORM)
    for message in session.get(f"{url}/Console/List/{list_id}/Emails", timeout=60).json():
        number = message["idMessage"]
        history = f"{url}/Console/List/{list_id}/Email/{number}/SendHistory"
        sending = session.get(history, timeout=60).json()[-1]
        started = datetime.strptime(sending["StartDate"], "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC)
        sent = started.astimezone(ZONE).strftime(FORM)
        for resource, (kind, details) in KINDS.items():
            for items in pages(session, f"{url}/Message/{number}/List/{resource}", job["page"]):
                for item in items:
                    row = [list_id, sending["idSending"], number, item["Email"],
                           message["Subject"], kind, item.get(details, ""),
                           sent if kind == "SNT" else now, sent]  # fmt: skip
                    for _ in range(item.get("Count", 1)):
                        yield row


def deliver(job: dict[str, Any], path: Path) -> None:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(job["host"], job["port"], job["username"], key_filename=job["key"])
        with client.open_sftp() as files:
            files.put(str(path), f"{job['folder']}/.statistics.part")
            files.rename(f"{job['folder']}/.statistics.part", f"{job['folder']}/statistics.csv")


def main() -> None:
    start = time.monotonic()
    job = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        path = Path(folder) / "statistics.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(HEADER)
            writer.writerows(lines(session, job))
        deliver(job, path)
    print(f"seconds={time.monotonic() - start:.3f}")


if __name__ == "__main__":
    main()
