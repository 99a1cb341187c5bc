"""Sources of Airbyte and Singer that read files over SFTP; only reading is measured.

Each has its own environment below that of the other peers, with locked versions. They write one
JSON message per row to standard output, which is discarded; neither validates rows, nor the host
key. Airbyte's `discover` and tap-sftp's schema are given, so that only reading is measured.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.contacts import COLUMNS
from benchmarks.measuring import Contender
from benchmarks.servers import Sshd, openssh

AIRBYTE, SINGER = "airbyte-source-sftp-bulk (reads only)", "tap-sftp (reads only)"
PROGRAMS = {AIRBYTE: "airbyte/bin/source-sftp-bulk", SINGER: "tap-sftp/bin/tap-sftp"}


def missing(peers: str) -> list[str]:
    """Those that are not installed next to the peers' Python, which is "" without peers."""
    if not peers:
        return list(PROGRAMS)
    return [name for name, program in PROGRAMS.items() if not _program(peers, program).exists()]


def contenders(folder: Path, sshd: Sshd, file: str, peers: str) -> Iterator[Contender]:
    """Those that are installed, on a file of the server."""
    absent = missing(peers)
    there = [name for name in PROGRAMS if name not in absent]
    options = {AIRBYTE: _airbyte, SINGER: _singer}
    for name in there:
        program = str(_program(peers, PROGRAMS[name]))
        arguments = options[name](folder, sshd, file)
        # Their large output must not be kept.
        yield Contender(name, ["sh", "-c", 'exec "$@" > /dev/null', "sh", program, *arguments])


def _program(peers: str, program: str) -> Path:
    return Path(peers).parents[1] / program


def _airbyte(folder: Path, sshd: Sshd, file: str) -> list[str]:
    config = {
        "host": "127.0.0.1", "port": sshd.port, "username": sshd.user,
        "credentials": {"auth_type": "private_key",
                        "private_key": sshd.key.read_text(encoding="ascii")},
        "folder_path": str(sshd.files),
        "delivery_method": {"delivery_type": "use_records_transfer"},
        "streams": [{
            "name": "contacts", "globs": [f"**/{file}"], "validation_policy": "Emit Record",
            "format": {"filetype": "csv", "delimiter": ";"},
            "input_schema": json.dumps(dict.fromkeys(COLUMNS, "string")),
        }],
    }  # fmt: skip
    stream = {"name": "contacts", "json_schema": _schema(),
              "supported_sync_modes": ["full_refresh", "incremental"]}  # fmt: skip
    catalog = {"streams": [{"stream": stream, "sync_mode": "full_refresh",
                            "destination_sync_mode": "append"}]}  # fmt: skip
    paths = _written(folder, "airbyte", config=config, catalog=catalog)
    return ["read", "--config", paths[0], "--catalog", paths[1]]


def _singer(folder: Path, sshd: Sshd, file: str) -> list[str]:
    table = {"table_name": "contacts", "search_prefix": str(sshd.files), "search_pattern": file,
             "key_properties": [], "delimiter": ";"}  # fmt: skip
    config = {
        "host": "127.0.0.1", "port": sshd.port, "username": sshd.user,
        "private_key_file": str(_rsa_key(sshd)), "start_date": "2020-01-01T00:00:00Z",
        "tables": json.dumps([table]),
    }  # fmt: skip
    chosen = [{"breadcrumb": [], "metadata": {"selected": True, "table-key-properties": []}}]
    chosen += [{"breadcrumb": ["properties", name], "metadata": {"selected": True}}
               for name in COLUMNS]  # fmt: skip
    stream = {"stream": "contacts", "tap_stream_id": "contacts", "schema": _schema(),
              "metadata": chosen}  # fmt: skip
    paths = _written(folder, "singer", config=config, catalog={"streams": [stream]})
    return ["--config", paths[0], "--catalog", paths[1]]


def _schema() -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": ["null", "string"]}
                                             for name in COLUMNS}}  # fmt: skip


def _written(folder: Path, name: str, **arguments: dict[str, Any]) -> list[str]:
    """Write JSON files; returns their paths."""
    paths = {kind: folder / f"{name}-{kind}.json" for kind in arguments}
    for kind, value in arguments.items():
        paths[kind].write_text(json.dumps(value), encoding="utf-8")
    return [*map(str, paths.values())]


def _rsa_key(sshd: Sshd) -> Path:
    """An RSA key, the only type that tap-sftp reads, which the server also accepts."""
    key = sshd.key.with_name("rsa")
    if not key.exists():
        made = ["-q", "-t", "rsa", "-b", "3072", "-m", "PEM", "-N", "", "-f", str(key)]
        subprocess.run([openssh("ssh-keygen"), *made], check=True)
        public = key.with_name("rsa.pub").read_text(encoding="ascii")
        with sshd.key.with_suffix(".pub").open("a", encoding="ascii") as allowed:
            allowed.write(public)
    return key
