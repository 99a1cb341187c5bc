"""All servers of the contract suite, and what they are started with."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.real_servers import embedded, proftpd, pureftpd, sshd, vsftpd
from tests.contract.real_servers.catalogue import Certificate, Server
from tests.contract.real_servers.machine import SystemUser


@dataclass(frozen=True)
class Ground:
    """What servers are started with."""

    folder: Path
    user: Callable[[], SystemUser]
    certificate: Certificate
    authorized_key: str


Start = Callable[[Ground], AbstractContextManager[Server]]

SERVERS: dict[str, Start] = {
    "sshd": lambda on: sshd.start(on.folder, on.user(), on.authorized_key),
    "vsftpd-ftp": lambda on: vsftpd.start(on.folder, on.user()),
    "vsftpd-ftps": lambda on: vsftpd.start(on.folder, on.user(), on.certificate),
    "proftpd-ftp": lambda on: proftpd.start(on.folder, on.user()),
    "proftpd-ftps": lambda on: proftpd.start(on.folder, on.user(), on.certificate),
    "proftpd-sftp": lambda on: proftpd.start(on.folder, on.user(), sftp=True),
    "proftpd-no-overwrite": lambda on: proftpd.start(on.folder, on.user(), overwrite=False),
    "pure-ftpd-ftp": lambda on: pureftpd.start(on.folder, on.user()),
    "pure-ftpd-ftps": lambda on: pureftpd.start(on.folder, on.user(), on.certificate),
    "folder": lambda on: embedded.make_folder(on.folder),
    "embedded-sftp": lambda on: embedded.start_embedded_sftp(on.folder, on.authorized_key),
    "embedded-ftp": lambda on: embedded.start_embedded_ftp(on.folder),
    "embedded-ftp-no-mlsd": lambda on: embedded.start_embedded_ftp(on.folder, mlsd=False),
    "ancient-ftp": lambda on: embedded.start_ancient_ftp(on.folder),
    "embedded-ftps": lambda on: embedded.start_embedded_ftps(on.folder, on.certificate),
    "embedded-ftps-implicit": lambda on: embedded.start_embedded_ftps(
        on.folder, on.certificate, implicit=True
    ),
}
# Those that know users; embedded servers run with the rights of the tests.
REAL_SERVERS = [name for name in SERVERS if name.startswith(("sshd", "vsftpd", "pro", "pure"))]
over_a_network = pytest.mark.parametrize(
    "running_server", [name for name in SERVERS if name != "folder"], indirect=True
)
FTPS_SERVERS = [name for name in SERVERS if "ftps" in name]
SFTP_SERVERS = ["sshd", "proftpd-sftp", "embedded-sftp"]
