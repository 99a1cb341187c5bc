"""The sandbox: three file servers for one folder, and the MailUp emulator.

Layout of the home: `files/` the servers' files, `mailup/` the emulator's state, `tls/` the
certificates, `ssh/` host key, client key and authorized_keys, `sandbox.json` the addresses,
`blocks.json` the same as blocks of Prefect, `ports.json` the ports, which are kept between starts.
"""

import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.certificates import Certificates, certificates
from sandbox.file_servers import FileServer, new_key, start_ftp, start_ftps, start_sftp
from sandbox.mailup.server import Emulator
from sandbox.mailup.server import start as start_mailup

USERNAME, PASSWORD = "acme", "sandbox-files"
PORTS, BLOCKS = "ports.json", "blocks.json"
FOLDERS = ("incoming", "outgoing")


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1; 0 means that of the last start in this home, at first a free one."""

    sftp: int = 0
    ftp: int = 0
    ftps: int = 0
    mailup: int = 0

    def as_before(self, home: Path) -> "Ports":
        """The same, with the ports of the last start where none is given."""
        try:
            before = json.loads((home / PORTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return self
        return Ports(
            **{each.name: getattr(self, each.name) or before[each.name] for each in fields(self)}
        )


class Sandbox:
    """The running servers; `addresses` is the content of sandbox.json."""

    def __init__(self, home: Path, ports: Ports, *, implicit_ftps: bool, **settings: Any) -> None:
        self.home = home.resolve()
        self.description = self.home / "sandbox.json"
        self.description.unlink(missing_ok=True)
        self.files = self.home / "files"
        for folder in FOLDERS:
            (self.files / folder).mkdir(parents=True, exist_ok=True)
        self._running = ExitStack()
        try:
            before = ports.as_before(self.home)
            self.addresses = self._start(before, implicit_ftps=implicit_ftps, **settings)
        except BaseException:
            self._running.close()
            raise
        self._keep_ports()
        blocks = json.dumps(_blocks(self.addresses), indent=2) + "\n"
        _write_atomically(self.home / BLOCKS, blocks)
        _write_atomically(self.description, json.dumps(self.addresses, indent=2) + "\n")

    def _start(self, ports: Ports, *, implicit_ftps: bool, **settings: Any) -> dict[str, Any]:
        enter = self._running.enter_context
        who, word, root = USERNAME, PASSWORD, self.files
        tls = certificates(self.home / "tls")
        keys, key = _client_key(self.home / "ssh")
        host_key = new_key(self.home / "ssh" / "host_key")
        sftp = enter(
            start_sftp(root, username=who, password=word, authorized_keys=keys,
                       host_key=host_key, port=ports.sftp)
        )  # fmt: skip
        ftp = enter(start_ftp(root, username=who, password=word, port=ports.ftp))
        ftps = enter(
            start_ftps(root, username=who, password=word, certificate=tls.certificate,
                       private_key=tls.private_key, implicit=implicit_ftps, port=ports.ftps)
        )  # fmt: skip
        mailup = enter(start_mailup(self.home / "mailup", port=ports.mailup, **settings))
        return {
            "sftp": _address(sftp) | {"host_key": sftp.host_key, "private_key": str(key)},
            "ftp": _address(ftp),
            "ftps": _address(ftps) | _tls(tls, implicit=implicit_ftps),
            "mailup": _account(mailup),
            "page": mailup.base_url,
            "files": str(self.files),
        }

    def _keep_ports(self) -> None:
        facts = self.addresses
        mailup = urlsplit(facts["page"]).port or 0
        ports = Ports(facts["sftp"]["port"], facts["ftp"]["port"], facts["ftps"]["port"], mailup)
        _write_atomically(self.home / PORTS, json.dumps(asdict(ports)) + "\n")

    def stop(self) -> None:
        """Stop all servers and delete sandbox.json; may be repeated."""
        self.description.unlink(missing_ok=True)
        self._running.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    home: Path, ports: Ports | None = None, *, implicit_ftps: bool = False, **settings: Any
) -> Sandbox:
    """Start everything; `settings` are those of the emulator. Returns when all servers listen."""
    return Sandbox(home, ports or Ports(), implicit_ftps=implicit_ftps, **settings)


def _client_key(folder: Path) -> tuple[Path, Path]:
    """authorized_keys, and the private key that it accepts."""
    key = new_key(folder / "client_key")
    keys = folder / "authorized_keys"
    if not keys.exists():
        keys.write_bytes(key.with_suffix(".pub").read_bytes())
    return keys, key


def _address(server: FileServer) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "username": USERNAME,
        "password": PASSWORD,
    }


def _tls(tls: Certificates, *, implicit: bool) -> dict[str, Any]:
    return {"ca_certificate": str(tls.authority), "tls": "implicit" if implicit else "explicit"}


def _account(mailup: Emulator) -> dict[str, Any]:
    return {
        "base_url": mailup.base_url,
        "console_url": mailup.console_url,
        "statistics_url": mailup.statistics_url,
        "token_url": mailup.token_url,
        "client_id": mailup.client_id,
        "client_secret": mailup.client_secret,
        "username": mailup.username,
        "password": mailup.password,
    }


def _blocks(addresses: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The addresses as `mailup-exchange provision` reads blocks from a pipe."""
    login = ("host", "port", "username", "password")
    sftp, ftp, ftps = ({name: addresses[kind][name] for name in login}
                       for kind in ("sftp", "ftp", "ftps"))  # fmt: skip
    authority = Path(addresses["ftps"]["ca_certificate"]).read_text(encoding="ascii")
    tls = {"ca_certificate": authority, "tls": addresses["ftps"]["tls"]}
    account = {key: value for key, value in addresses["mailup"].items() if key != "base_url"}
    return {
        "sftp-server/sandbox": sftp | {"host_key": addresses["sftp"]["host_key"]},
        "ftp-server/sandbox": ftp,
        "ftps-server/sandbox": ftps | tls,
        "mailup-account/sandbox": account,
    }


def _write_atomically(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
