"""pure-ftpd, which is set up by its command line alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.real_servers.catalogue import Certificate, Server
from tests.contract.real_servers.machine import PASSIVE_PORTS, SystemUser, free_ports, need, running


@contextmanager
def start(
    folder: Path, user: SystemUser, certificate: Certificate | None = None
) -> Iterator[Server]:
    """An FTP server, or with a certificate an FTPS server that refuses clear text."""
    program = need("pure-ftpd")
    folder.mkdir()
    ports = free_ports(1 + PASSIVE_PORTS)
    command = [
        program,
        "-S",
        f"127.0.0.1,{ports[0]}",
        "-p",
        f"{ports[1]}:{ports[-1]}",
        "-A",
        "-E",
        "-H",
        "-l",
        "unix",
        "-u",
        "1",
        "-g",
        str(folder / "pid"),
        "-L",
        "20000:3",
    ]
    if certificate is not None:
        whole = folder / "server.pem"
        whole.write_bytes(
            certificate.private_key.read_bytes() + certificate.certificate.read_bytes()
        )
        whole.chmod(0o600)
        command += ["-Y", "2", "-2", str(whole)]
    with running(command, ports[0], folder / "log"):
        yield Server(
            "ftp" if certificate is None else "ftps",
            ports[0],
            user.name,
            user.password,
            user.home,
            (user.uid, user.gid),
            authority=certificate and certificate.authority,
        )
