"""Command lines of other clients: sftp, curl, lftp and rclone.

All of them verify the server. Programs that are not installed are left out.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which

from benchmarks.places import Place

SFTP, CURL, LFTP, RCLONE = "OpenSSH sftp", "curl", "lftp", "rclone"
PROGRAMS = {SFTP: "sftp", CURL: "curl", LFTP: "lftp", RCLONE: "rclone"}

Command = Callable[[Place, str, Path, bool], list[str]]
"""From a server, a remote path, a local path, and whether to download, to a command line."""


def sftp(place: Place, there: str, local: Path, down: bool) -> list[str]:
    batch = local.with_name("batch")
    batch.write_text(f"get {there} {local}\n" if down else f"put {local} {there}\n")
    return ["sftp", "-q", "-b", str(batch), "-P", str(place.port), *_ssh_options(place),
            f"{place.user}@{place.host}"]  # fmt: skip


def curl(place: Place, there: str, local: Path, down: bool) -> list[str]:
    url = f"ftp://{place.host}:{place.port}/{there}"
    tls = ["--ssl-reqd", "--cacert", str(place.trusted)] if place.name == "FTPS" else []
    way = ["-o", str(local), url] if down else ["-T", str(local), url]
    return ["curl", "-sS", "-u", f"{place.user}:{place.fields['password']}", *tls, *way]


def lftp(place: Place, there: str, local: Path, down: bool) -> list[str]:
    way = f"get {there} -o {local}" if down else f"put {local} -o {there}"
    return lftp_of(place, way)


def lftp_of(place: Place, command: str) -> list[str]:
    """lftp with any command."""
    settings = {"xfer:clobber": "yes", "ssl:ca-file": str(place.trusted),
                "ftp:ssl-allow": "yes" if place.name == "FTPS" else "no",
                "ftp:ssl-force": "yes" if place.name == "FTPS" else "no",
                "sftp:connect-program": f'"ssh -a -x {" ".join(_ssh_options(place))}"'}  # fmt: skip
    settings_text = "; ".join(f"set {name} {value}" for name, value in settings.items())
    scheme = "sftp" if place.key else "ftp"
    password = place.fields.get("password", "none")
    opened = f"open -p {place.port} -u {place.user},{password} {scheme}://{place.host}"
    return ["lftp", "-e", f"set cmd:fail-exit yes; {settings_text}; {opened}; {command}; bye"]


def rclone(place: Place, there: str, local: Path, down: bool) -> list[str]:
    remote = f":sftp:{there}"
    options = {"host": place.host, "port": str(place.port), "user": place.user,
               "key-file": str(place.key), "known-hosts-file": str(place.trusted)}  # fmt: skip
    options_text = [text for name, value in options.items() for text in (f"--sftp-{name}", value)]
    way = [remote, str(local)] if down else [str(local), remote]
    return ["rclone", "--config", "", "--sftp-disable-hashcheck", "--ignore-times", *options_text,
            "copyto", *way]  # fmt: skip


def _ssh_options(place: Place) -> list[str]:
    if place.key is None:
        return []
    return ["-i", str(place.key), "-o", f"UserKnownHostsFile={place.trusted}", "-o",
            "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]  # fmt: skip


OVER_SFTP: dict[str, Command] = {SFTP: sftp, LFTP: lftp, RCLONE: rclone}
OVER_FTP: dict[str, Command] = {CURL: curl, LFTP: lftp}


def installed(names: Mapping[str, Command]) -> dict[str, Command]:
    """Those whose programs are on this machine."""
    return {name: command for name, command in names.items() if which(PROGRAMS[name])}


def missing(names: Mapping[str, Command]) -> list[str]:
    """The others."""
    return [name for name in names if which(PROGRAMS[name]) is None]
