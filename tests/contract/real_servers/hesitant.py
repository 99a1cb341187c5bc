"""An SSH server that accepts every login and never answers the request for SFTP."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko


class Door(paramiko.ServerInterface):
    """Accepts everything except the SFTP request, which it does not answer until `leave` is set."""

    def __init__(self) -> None:
        self.leave = threading.Event()

    def check_auth_password(self, _username: str, _password: str) -> int:
        """Accept any password."""
        return paramiko.common.AUTH_SUCCESSFUL

    def check_channel_request(self, _kind: str, _number: int) -> int:
        """Accept the channel."""
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, _channel: paramiko.Channel, _name: str) -> bool:
        """No answer."""
        self.leave.wait(20)
        return False


@contextmanager
def hesitant_server() -> Iterator[tuple[int, str]]:
    """The port and the host key of such a server, for one connection."""
    key, door = paramiko.ECDSAKey.generate(), Door()
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        sock, _ = listener.accept()
        transport = paramiko.Transport(sock)
        transports.append(transport)
        transport.add_server_key(key)
        transport.start_server(server=door)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], f"{key.get_name()} {key.get_base64()}"
        door.leave.set()
        thread.join(5)
        for transport in transports:
            transport.close()
