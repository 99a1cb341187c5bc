"""vsftpd: no MLSD; in TLS it refuses data connections that do not reuse the session."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.real_servers.catalogue import Certificate, Server
from tests.contract.real_servers.machine import PASSIVE_PORTS, SystemUser, free_ports, need, running

CONFIGURATION = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir={folder}/empty
pam_service_name=sshd
pasv_enable=YES
pasv_address={passive_address}
pasv_min_port={first}
pasv_max_port={last}
seccomp_sandbox=NO
local_umask=022
utf8_filesystem=YES
xferlog_enable=YES
vsftpd_log_file={folder}/transfers
"""
TLS = """
ssl_enable=YES
rsa_cert_file={certificate}
rsa_private_key_file={private_key}
force_local_logins_ssl=YES
force_local_data_ssl=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
require_ssl_reuse=YES
debug_ssl=YES
"""
WITHOUT_EPSV = "cmds_denied=EPSV\n"


@contextmanager
def start(
    folder: Path,
    user: SystemUser,
    certificate: Certificate | None = None,
    *,
    passive_address: str = "127.0.0.1",
    epsv: bool = True,
) -> Iterator[Server]:
    """An FTP server, or with a certificate an FTPS server; `passive_address` is what PASV says."""
    program = need("vsftpd")
    (folder / "empty").mkdir(parents=True)
    ports = free_ports(1 + PASSIVE_PORTS)
    text = CONFIGURATION.format(
        port=ports[0],
        first=ports[1],
        last=ports[-1],
        folder=folder,
        passive_address=passive_address,
    )
    if certificate is not None:
        text += TLS.format(certificate=certificate.certificate, private_key=certificate.private_key)
    configuration = folder / "vsftpd.conf"
    configuration.write_text(text + ("" if epsv else WITHOUT_EPSV))
    with running([program, str(configuration)], ports[0], folder / "log"):
        yield Server(
            "ftp" if certificate is None else "ftps",
            ports[0],
            user.name,
            user.password,
            user.home,
            (user.uid, user.gid),
            authority=certificate and certificate.authority,
            has_mlsd=False,
        )
