"""OpenSSH's sshd with its own configuration."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.real_servers.catalogue import Server
from tests.contract.real_servers.machine import SystemUser, free_ports, need, run, running

CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/hostkey
PidFile {folder}/sshd.pid
AuthorizedKeysFile .ssh/authorized_keys
AllowUsers {user}
PasswordAuthentication yes
PubkeyAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
MaxStartups 100
MaxAuthTries 3
UseDNS no
"""


@contextmanager
def start(folder: Path, user: SystemUser, authorized_key: str = "") -> Iterator[Server]:
    """An SFTP server; logins by password, and by the key given."""
    program = need("sshd")
    Path("/run/sshd").mkdir(exist_ok=True)
    folder.mkdir()
    folder.chmod(0o755)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "hostkey"))
    # sshd reads this file with the user's rights, and test folders are closed to others.
    keys = user.home / ".ssh/authorized_keys"
    keys.parent.mkdir(exist_ok=True)
    keys.write_text(authorized_key)
    port = free_ports(1)[0]
    configuration = folder / "sshd_config"
    configuration.write_text(CONFIGURATION.format(port=port, folder=folder, user=user.name))
    with running([program, "-D", "-e", "-f", str(configuration)], port, folder / "log"):
        yield Server(
            "sftp",
            port,
            user.name,
            user.password,
            user.home,
            (user.uid, user.gid),
            host_key=(folder / "hostkey.pub").read_text(),
        )
