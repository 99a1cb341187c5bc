"""An SFTP server on loopback that answers whatever a test wants, and a client of it."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import paramiko
from paramiko.message import Message
from paramiko.sftp import CMD_INIT, CMD_VERSION

from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.session import SftpSettings
from blocks.transport.timeouts import Timeouts

Answer = Callable[[int, Message], Iterator[tuple[int, bytes]]]
"""From the kind and the rest of a request to the kinds and contents of what is answered."""

KEY = paramiko.ECDSAKey.generate()
QUICK = Timeouts(connect=2, read=0.3, transfer=0.6)


class _Door(paramiko.ServerInterface):
    """Accepts every login."""

    def check_auth_password(self, _username: str, _password: str) -> int:
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, _kind: str, _number: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, _channel: paramiko.Channel, _name: str) -> bool:
        return True


class ScriptedSftp:
    """A server for one connection."""

    def __init__(self, answer: Answer, version: bytes, offers: Mapping[str, str]) -> None:
        self._answer, self._version, self._offers = answer, version, offers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._transport: paramiko.Transport | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = self._listener.getsockname()[1]

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        if self._transport is not None:
            self._transport.close()
        self._thread.join(5)

    def _serve(self) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            sock, _ = self._listener.accept()
            self._transport = paramiko.Transport(sock)
            for kind, name in self._offers.items():
                setattr(self._transport.get_security_options(), kind, (name,))
            self._transport.add_server_key(KEY)
            self._transport.start_server(server=_Door())
            channel = self._transport.accept(5)
            while channel is not None:
                self._turn(channel)

    def _turn(self, channel: paramiko.Channel) -> None:
        size = int.from_bytes(_exactly(channel, 4))
        request = _exactly(channel, size)
        kind, rest = request[0], Message(request[1:])
        if kind == CMD_INIT:
            _send(channel, CMD_VERSION, self._version)
            return
        for kind_back, content in self._answer(kind, rest):
            _send(channel, kind_back, content)


def _exactly(channel: paramiko.Channel, size: int) -> bytes:
    got = b""
    while len(got) < size:
        part = channel.recv(size - len(got))
        if not part:
            raise EOFError
        got += part
    return got


def _send(channel: paramiko.Channel, kind: int, content: bytes) -> None:
    channel.sendall((len(content) + 1).to_bytes(4) + bytes([kind]) + content)


def text(content: bytes) -> bytes:
    """A text as SFTP writes it."""
    return len(content).to_bytes(4) + content


@contextmanager
def sftp_to(
    answer: Answer,
    version: bytes = b"\0\0\0\3",
    *,
    offers: Mapping[str, str] | None = None,
    allow_weak_algorithms: bool = False,
) -> Iterator[SftpTransport]:
    """A connection to such a server; `offers` has the one algorithm that it knows of a kind."""
    server = ScriptedSftp(answer, version, offers or {})
    server.start()
    try:
        settings = SftpSettings(
            "127.0.0.1",
            server.port,
            "u",
            "p",
            host_key=f"{KEY.get_name()} {KEY.get_base64()}",
            allow_weak_algorithms=allow_weak_algorithms,
            timeouts=QUICK,
        )
        with SftpTransport(settings) as transport:
            yield transport
    finally:
        server.stop()
