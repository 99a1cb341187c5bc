"""proftpd: FTP, FTPS (session reuse required by default) and SFTP by its own module."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.real_servers.catalogue import Certificate, Server
from tests.contract.real_servers.machine import (
    PASSIVE_PORTS,
    SystemUser,
    free_ports,
    need,
    run,
    running,
)

CONFIGURATION = """
ModulePath {modules}
LoadModule mod_tls.c
LoadModule mod_tls_shmcache.c
LoadModule mod_sftp.c
ServerType standalone
DefaultAddress 127.0.0.1
SocketBindTight on
Port {port}
PassivePorts {first} {last}
UseReverseDNS off
WtmpLog off
UseIPv6 off
User nobody
Group nogroup
AuthOrder mod_auth_file.c
AuthUserFile {folder}/users
AuthGroupFile {folder}/groups
RequireValidShell off
DefaultRoot ~
PidFile {folder}/pid
ScoreboardFile {folder}/scoreboard
DelayEngine off
AllowOverwrite {overwrite}
AllowStoreRestart on
AllowRetrieveRestart on
"""
TLS = """
TLSEngine on
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
TLSRSACertificateFile {certificate}
TLSRSACertificateKeyFile {private_key}
TLSVerifyClient off
TLSSessionCache shm:/file={folder}/sessions
"""
SFTP = """
SFTPEngine on
SFTPHostKey {folder}/hostkey
SFTPAuthMethods password
SFTPCompression off
"""


@contextmanager
def start(
    folder: Path,
    user: SystemUser,
    certificate: Certificate | None = None,
    *,
    sftp: bool = False,
    overwrite: bool = True,
) -> Iterator[Server]:
    """An FTP server, with a certificate FTPS, with `sftp` SFTP."""
    program = need("proftpd")
    folder.mkdir()
    _write_logins(folder, user)
    ports = free_ports(1 + PASSIVE_PORTS)
    text = CONFIGURATION.format(
        modules=Path(program).parents[1] / "lib/proftpd",
        port=ports[0],
        first=ports[1],
        last=ports[-1],
        folder=folder,
        overwrite="on" if overwrite else "off",
    )
    host_key = None
    if certificate is not None:
        text += TLS.format(
            certificate=certificate.certificate, private_key=certificate.private_key, folder=folder
        )
    if sftp:
        text += SFTP.format(folder=folder)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "hostkey"))
        host_key = (folder / "hostkey.pub").read_text()
    configuration = folder / "proftpd.conf"
    configuration.write_text(text)
    with running([program, "-n", "-c", str(configuration)], ports[0], folder / "log"):
        yield Server(
            "sftp" if sftp else "ftp" if certificate is None else "ftps",
            ports[0],
            user.name,
            user.password,
            user.home,
            (user.uid, user.gid),
            host_key=host_key,
            authority=certificate and certificate.authority,
            refuses_overwriting=not overwrite,
        )


def _write_logins(folder: Path, user: SystemUser) -> None:
    secret = run("openssl", "passwd", "-6", "-stdin", text=user.password).strip()
    users, groups = folder / "users", folder / "groups"
    users.write_text(f"{user.name}:{secret}:{user.uid}:{user.gid}::{user.home}:/bin/bash\n")
    groups.write_text(f"{user.name}:x:{user.gid}:{user.name}\n")
    users.chmod(0o600)
    groups.chmod(0o600)
