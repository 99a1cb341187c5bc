"""The relay of the outages is invisible while no fault is set."""

import socket
from concurrent.futures import ThreadPoolExecutor

from tests.journeys.harness.fault_proxy import FAR, new_host, relay

UPLOAD = b"x" * 200_000
SMALL_BYTES = 4096


def _slow_server(listener: socket.socket) -> int:
    """Bytes that arrived at a server with small buffers."""
    connection, _ = listener.accept()
    arrived = 0
    with connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
        while block := connection.recv(SMALL_BYTES):
            arrived += len(block)
    return arrived


def test_a_slow_server_gets_all_of_an_upload_that_ends_with_its_connection() -> None:
    """As FTP's uploads do; a reset behind the last byte would take what waits to be read."""
    with socket.create_server((FAR, 0)) as listener, ThreadPoolExecutor() as pool:
        arrived = pool.submit(_slow_server, listener)
        host, port = new_host(), listener.getsockname()[1]
        with relay(host, port):
            with socket.create_connection((host, port)) as connection:
                connection.sendall(UPLOAD)
            assert arrived.result(timeout=60) == len(UPLOAD)
