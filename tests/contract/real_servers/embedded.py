"""The sandbox's embedded servers, over a folder of this test run."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.file_servers import start_ftp, start_ftps, start_sftp
from tests.contract.real_servers.catalogue import Certificate, Server

with warnings.catch_warnings():
    # pyftpdlib stands on asyncore, which Python 3.11 announces as going away.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

LOGIN = {"USER", "PASS", "QUIT", "PWD", "CWD", "CDUP", "TYPE", "STRU", "MODE", "PASV", "NOOP"}
RFC_959 = LOGIN | {"LIST", "NLST", "RETR", "STOR", "RNFR", "RNTO", "DELE", "RMD", "MKD"}
USERNAME, PASSWORD = "client", "s3cret-Pässword"


@contextmanager
def make_folder(folder: Path) -> Iterator[Server]:
    """No server: a folder of this machine."""
    yield Server("folder", 0, USERNAME, PASSWORD, _root(folder))


@contextmanager
def start_embedded_sftp(folder: Path, authorized_key: str = "") -> Iterator[Server]:
    """asyncssh's server."""
    root = _root(folder)
    keys = folder / "authorized_keys"
    keys.write_text(authorized_key)
    with start_sftp(
        root, username=USERNAME, password=PASSWORD, authorized_keys=keys if authorized_key else None
    ) as server:
        yield Server("sftp", server.port, USERNAME, PASSWORD, root, host_key=server.host_key)


@contextmanager
def start_embedded_ftp(folder: Path, *, mlsd: bool = True) -> Iterator[Server]:
    """pyftpdlib's server, also as one that knows no MLSD."""
    root = _root(folder)
    with start_ftp(root, username=USERNAME, password=PASSWORD, mlsd=mlsd) as server:
        yield Server("ftp", server.port, USERNAME, PASSWORD, root, has_mlsd=mlsd)


@contextmanager
def start_embedded_ftps(
    folder: Path, certificate: Certificate, *, implicit: bool = False
) -> Iterator[Server]:
    """pyftpdlib's server with TLS, explicit or implicit."""
    root = _root(folder)
    with start_ftps(
        root,
        username=USERNAME,
        password=PASSWORD,
        certificate=certificate.certificate,
        private_key=certificate.private_key,
        implicit=implicit,
    ) as server:
        yield Server(
            "ftps-implicit" if implicit else "ftps",
            server.port,
            USERNAME,
            PASSWORD,
            root,
            authority=certificate.authority,
        )


@contextmanager
def start_ancient_ftp(folder: Path) -> Iterator[Server]:
    """An FTP server as of RFC 959: no features, sizes, times, restarts or extended passive mode."""
    root = _root(folder)
    authorizer = DummyAuthorizer()
    authorizer.add_user(USERNAME, PASSWORD, str(root), perm="elradfmw")
    commands = {name: about for name, about in FTPHandler.proto_cmds.items() if name in RFC_959}
    handler = type("Ancient", (FTPHandler,), {"authorizer": authorizer, "proto_cmds": commands})
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), handler, ioloop=loop)
    leave = threading.Event()

    def serve() -> None:
        while not leave.is_set():
            loop.loop(0.05, blocking=False)
        server.close_all()
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield Server(
        "ftp",
        server.address[1],
        USERNAME,
        PASSWORD,
        root,
        has_mlsd=False,
        knows_only_rfc_959=True,
    )
    leave.set()
    thread.join(5)


def _root(folder: Path) -> Path:
    root = folder / "files"
    root.mkdir(parents=True)
    return root
