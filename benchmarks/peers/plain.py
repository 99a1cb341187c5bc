"""A simple import script: paramiko, csv, a few checks, json, requests.

`python plain.py SFTP SINK`; SFTP is JSON with host, port, username, key and file. Mapping and
checks are like the product's, as far as they affect time: address, number, date, duplicates.
"""

import csv
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import paramiko
import requests

FIELDS = {
    "nome": 1,
    "cognome": 2,
    "nascita": 5,
    "citta": 6,
    "provincia": 7,
    "tessera": 8,
    "punti": 9,
    "canale": 10,
}
BATCH_ROWS = 5000
EMAIL = re.compile(r"^[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@(?:[a-z0-9-]+\.)+[a-z]{2,63}$")
MOBILE = re.compile(r"^3[0-9]{8,9}$")


def fetch(sftp: dict[str, Any], target: Path) -> None:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(sftp["host"], sftp["port"], sftp["username"], key_filename=sftp["key"])
        with client.open_sftp() as files:
            files.get(sftp["file"], str(target))


def recipient(row: dict[str, str]) -> dict[str, Any] | None:
    """The row in MailUp's format; None if it is invalid."""
    email, mobile = row["email"].strip().lower(), row["cellulare"].strip()
    if not EMAIL.match(email) or not MOBILE.match(mobile):
        return None
    day, month, year = row["nascita"].strip().split("/")
    values = row | {"nascita": f"{year}-{month}-{day}"}
    fields = [
        {"Id": number, "Value": value}
        for name, number in FIELDS.items()
        if (value := values[name].strip())
    ]
    return {"Email": email, "MobilePrefix": "0039", "MobileNumber": mobile, "Fields": fields}


def main() -> None:
    start = time.monotonic()
    sftp, sink = json.loads(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        path = Path(folder) / "contacts.csv"
        fetch(sftp, path)
        last: dict[str, int] = {}
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, delimiter=";")):
                last[row["email"].strip().lower()] = number
        batch: list[dict[str, Any]] = []
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, delimiter=";")):
                if last[row["email"].strip().lower()] != number:
                    continue
                made = recipient(row)
                if made is not None:
                    batch.append(made)
                if len(batch) == BATCH_ROWS:
                    post(session, sink, batch)
                    batch = []
        if batch:
            post(session, sink, batch)
    print(f"seconds={time.monotonic() - start:.3f}")


def post(session: requests.Session, sink: str, batch: list[dict[str, Any]]) -> None:
    body = json.dumps(batch, ensure_ascii=False, separators=(",", ":")).encode()
    answer = session.post(f"{sink}/Console/List/1/Recipients", data=body, timeout=60)
    answer.raise_for_status()


if __name__ == "__main__":
    main()
