"""The simple script with pandas: whole file in memory, checks by column, json, requests."""

import json
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import requests
from plain import BATCH_ROWS, EMAIL, FIELDS, MOBILE, fetch, post


def main() -> None:
    start = time.monotonic()
    sftp, sink = json.loads(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        path = Path(folder) / "contacts.csv"
        fetch(sftp, path)
        rows = pd.read_csv(path, sep=";", dtype=str, keep_default_na=False)
        for name in rows.columns:
            rows[name] = rows[name].str.strip()
        rows["email"] = rows["email"].str.lower()
        rows = rows.drop_duplicates("email", keep="last")
        good = rows["email"].str.match(EMAIL) & rows["cellulare"].str.match(MOBILE)
        rows = rows[good]
        birth = pd.to_datetime(rows["nascita"], format="%d/%m/%Y", errors="coerce")
        rows = rows[birth.notna()].assign(nascita=birth.dt.strftime("%Y-%m-%d"))
        for first in range(0, len(rows), BATCH_ROWS):
            part = rows.iloc[first : first + BATCH_ROWS]
            post(session, sink, [_recipient(row) for row in part.to_dict("records")])
    print(f"seconds={time.monotonic() - start:.3f}")


def _recipient(row: dict[str, str]) -> dict[str, object]:
    fields = [{"Id": number, "Value": row[name]} for name, number in FIELDS.items() if row[name]]
    return {
        "Email": row["email"],
        "MobilePrefix": "0039",
        "MobileNumber": row["cellulare"],
        "Fields": fields,
    }


if __name__ == "__main__":
    main()
