"""Embedded SFTP (asyncssh), FTP and FTPS servers (pyftpdlib), each in its own thread.

All listen on 127.0.0.1; port 0 means a free port.
"""

import asyncio
import logging
import secrets
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import asyncssh

with warnings.catch_warnings():
    # pyftpdlib uses asyncore, which is deprecated in Python 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

HOST = "127.0.0.1"
ALL_FTP_PERMISSIONS = "elradfmwMT"
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05
ACCEPTING_STEPS = 10

# Both libraries log every login. Without a handler, pyftpdlib would configure one of its own.
logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())
logging.getLogger("pyftpdlib").setLevel(logging.ERROR)
logging.getLogger("asyncssh").setLevel(logging.ERROR)


class FileServer:
    """One running server; `host`, `port`, and for SFTP `host_key` ("ssh-ed25519 AAAA...")."""

    def __init__(
        self, port: int, end: Callable[[], None], thread: threading.Thread, host_key: str = ""
    ) -> None:
        self.host = HOST
        self.port = port
        self.host_key = host_key
        self._end = end
        self._thread = thread

    def stop(self) -> None:
        """Close the listener and all connections; may be repeated."""
        if self._thread.is_alive():
            self._end()
            self._thread.join(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Authentication(asyncssh.SSHServer):
    """Accepts one user, by password or by a key of `authorized_client_keys`."""

    def __init__(self, username: str, password: str, connections: set[Any]) -> None:
        self._username = username
        self._password = password
        self._connections = connections
        self._connection: Any = None

    def connection_made(self, conn: Any) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncssh's signature
        self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        right_name = secrets.compare_digest(username.encode(), self._username.encode())
        return right_name & secrets.compare_digest(password.encode(), self._password.encode())


def new_key(path: Path) -> Path:
    """Write a new ed25519 key to `path` and `path`.pub, unless it exists."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_public_key(str(path.with_suffix(".pub")))
        key.write_private_key(str(path))
        path.chmod(0o600)
    return path


def start_sftp(
    root: Path,
    *,
    username: str,
    password: str,
    authorized_keys: Path | None = None,
    host_key: Path | None = None,
    port: int = 0,
) -> FileServer:
    """Serve `root` over SFTP, as the clients' root folder. Without `host_key` a new key is used.

    `authorized_keys` is a file in OpenSSH's format, read once at the start.
    """
    key = (
        asyncssh.read_private_key(str(host_key))
        if host_key
        else asyncssh.generate_private_key("ssh-ed25519")
    )
    connections: set[Any] = set()
    options = {
        "server_factory": lambda: _Authentication(username, password, connections),
        "server_host_keys": [key],
        "sftp_factory": lambda channel: asyncssh.SFTPServer(channel, chroot=str(root).encode()),
        "authorized_client_keys": str(authorized_keys) if authorized_keys else None,
        "allow_scp": False,
        "reuse_address": True,
    }
    public = key.export_public_key().decode().split()
    return _serve_sftp(port, options, connections, host_key=f"{public[0]} {public[1]}")


def _serve_sftp(
    port: int, options: dict[str, Any], connections: set[Any], *, host_key: str
) -> FileServer:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox-sftp", daemon=True)
    thread.start()

    async def listen() -> Any:
        return await asyncssh.listen(HOST, port, **options)

    try:
        acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(STOP_SECONDS)
    except BaseException:
        _close_loop(loop, thread)
        raise

    def end() -> None:
        asyncio.run_coroutine_threadsafe(_close(acceptor, connections), loop).result(STOP_SECONDS)
        _close_loop(loop, thread)

    return FileServer(acceptor.get_port(), end, thread, host_key)


async def _close(acceptor: Any, connections: set[Any]) -> None:
    for _ in range(ACCEPTING_STEPS):
        # asyncio never closes connections that it accepted just before the listener closes.
        await asyncio.sleep(0)
    acceptor.close()
    open_ones = list(connections)
    for connection in open_ones:
        connection.abort()
    await acceptor.wait_closed()
    waits = [connection.wait_closed() for connection in open_ones]
    await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), STOP_SECONDS)
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def _close_loop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join(STOP_SECONDS)
    loop.close()


def start_ftp(
    root: Path,
    *,
    username: str,
    password: str,
    port: int = 0,
    mlsd: bool = True,
    masquerade_address: str | None = None,
    passive_ports: Sequence[int] = (),
    permissions: str = ALL_FTP_PERMISSIONS,
) -> FileServer:
    """Serve `root` over FTP without encryption.

    `mlsd=False`: the server supports LIST only. `masquerade_address`: announced in PASV answers.
    `passive_ports`: ports of data connections, by default any. `permissions`: pyftpdlib's letters,
    such as "elr" for reading only.
    """
    handler = _handler(FTPHandler, root, username, password, mlsd=mlsd, permissions=permissions)
    handler.masquerade_address, handler.passive_ports = masquerade_address, passive_ports or None
    return _serve_ftp(handler, port)


def start_ftps(
    root: Path,
    *,
    username: str,
    password: str,
    certificate: Path,
    private_key: Path,
    implicit: bool = False,
    port: int = 0,
    mlsd: bool = True,
    masquerade_address: str | None = None,
    passive_ports: Sequence[int] = (),
) -> FileServer:
    """Serve `root` over FTPS; TLS is required on control and data connections.

    `implicit=True` speaks TLS from the first byte, otherwise after AUTH TLS.
    """
    base = _ImplicitTlsHandler if implicit else TLS_FTPHandler
    handler = _handler(base, root, username, password, mlsd=mlsd)
    handler.masquerade_address, handler.passive_ports = masquerade_address, passive_ports or None
    handler.certfile, handler.keyfile = str(certificate), str(private_key)
    handler.tls_control_required = handler.tls_data_required = True
    return _serve_ftp(handler, port)


class _ImplicitTlsHandler(TLS_FTPHandler):  # type: ignore[misc]  # pyftpdlib has no types
    """FTP inside TLS from the first byte, as on port 990."""

    def handle(self) -> None:
        self.secure_connection(self.ssl_context)
        super().handle()


def _handler(
    base: Any,
    root: Path,
    username: str,
    password: str,
    *,
    mlsd: bool,
    permissions: str = ALL_FTP_PERMISSIONS,
) -> Any:
    """A new handler class: pyftpdlib keeps its settings on the class."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(username, password, str(root), perm=permissions)
    commands = {
        name: about
        for name, about in base.proto_cmds.items()
        if mlsd or name not in ("MLSD", "MLST")
    }
    settings = {"authorizer": authorizer, "proto_cmds": commands, "auth_failed_timeout": 0.1}
    return type(base.__name__, (base,), settings)


def _serve_ftp(handler: Any, port: int) -> FileServer:
    server = FTPServer((HOST, port), handler, ioloop=IOLoop())
    leave = threading.Event()

    def run() -> None:
        while not leave.is_set():
            server.ioloop.loop(POLL_SECONDS, blocking=False)
        server.close_all()
        server.ioloop.close()

    thread = threading.Thread(target=run, name="sandbox-ftp", daemon=True)
    thread.start()
    return FileServer(server.address[1], leave.set, thread)
