"""Transfers over a failing network: cuts, silence, wrong addresses; never a short file."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from blocks.errors import RetryableError, ServerUnavailable
from blocks.transport.delivery import deliver
from blocks.transport.sftp.adapter import SftpTransport
from blocks.transport.sftp.session import SftpSettings
from blocks.transport.timeouts import Timeouts
from tests.contract.real_servers import vsftpd
from tests.contract.real_servers.catalogue import Server
from tests.contract.real_servers.fleet import FTPS_SERVERS, Ground, over_a_network
from tests.contract.real_servers.hesitant import hesitant_server
from tests.contract.real_servers.network import Network

pytestmark = pytest.mark.contract

SIZE = 6_000_000
BYTES_PER_SECOND = 300_000
SHORT = Timeouts(connect=3, read=1, transfer=60)


@pytest.fixture
def big(server: Server, tmp_path: Path) -> tuple[str, Path, bytes]:
    """Path, a local target or source, and content of a file that takes a moment."""
    content = os.urandom(SIZE)
    return f"{server.folder}/big.csv", tmp_path / "big.csv", content


@over_a_network
def test_download_that_is_cut(
    server: Server, network: Network, big: tuple[str, Path, bytes]
) -> None:
    """A cut download may be repeated, leaves no short file, and resumes where the server can."""
    path, target, content = big
    server.plant("big.csv", content)
    with server.connect() as transport:
        network.cut_after(SIZE // 2)
        with pytest.raises(RetryableError):
            transport.read(path, target)
        assert not target.exists()
    network.heal()
    before = network.passed
    with server.connect() as transport:
        can_resume = transport.abilities.resume and not server.knows_only_rfc_959
        assert transport.read(path, target) == SIZE
    assert target.read_bytes() == content
    assert (network.passed - before < SIZE * 0.9) is can_resume
    assert [entry.name for entry in target.parent.iterdir()] == ["big.csv"]


@over_a_network
def test_part_file_of_another_version(
    server: Server, network: Network, big: tuple[str, Path, bytes]
) -> None:
    """A part of an older file is never continued with the rest of a newer one."""
    path, target, content = big
    server.plant("big.csv", content)
    with server.connect() as transport:
        network.cut_after(SIZE // 2)
        with pytest.raises(RetryableError):
            transport.read(path, target)
    network.heal()
    newer = os.urandom(SIZE)
    later = time.time() + 5
    os.utime(server.plant("big.csv", newer), (later, later))
    with server.connect() as transport:
        transport.read(path, target)
    assert target.read_bytes() == newer
    assert [entry.name for entry in target.parent.iterdir()] == ["big.csv"]


@over_a_network
def test_delivery_that_is_cut(
    server: Server, network: Network, big: tuple[str, Path, bytes]
) -> None:
    """A cut delivery leaves the old file untouched under its name; the next one replaces it."""
    _, source, content = big
    source.write_bytes(content)
    server.plant("report.csv", b"of yesterday")
    transport = server.connect()
    network.cut_after(SIZE // 2)
    with transport, pytest.raises(RetryableError):
        deliver(transport, source, server.folder, "report.csv")
    assert (server.disk / "report.csv").read_bytes() == b"of yesterday"
    network.heal()
    with server.connect() as transport:
        deliver(transport, source, server.folder, "report.csv")
    assert (server.disk / "report.csv").read_bytes() == content
    assert [entry.name for entry in server.disk.iterdir()] == ["report.csv"]


@over_a_network
def test_reader_never_sees_half_a_delivery(server: Server, big: tuple[str, Path, bytes]) -> None:
    """During a delivery a reader finds the old file, the new one, or none."""
    _, source, content = big
    source.write_bytes(content)
    server.plant("report.csv", b"of yesterday")
    sizes: set[int] = set()
    with Watcher(server.disk / "report.csv", sizes), server.connect() as transport:
        deliver(transport, source, server.folder, "report.csv")
    assert sizes <= {len(b"of yesterday"), SIZE}


@pytest.mark.parametrize("running_server", ["folder"], indirect=True)
def test_reader_of_a_folder_never_sees_half_a_delivery(server: Server, tmp_path: Path) -> None:
    """Half of the file is in the folder, and the old one is still whole.

    A disk is faster than a watcher. So the source is a pipe: what is in the folder by then is known
    once half of the content has gone through it, as a pipe holds far less than one block.
    """
    source, content = tmp_path / "pipe", os.urandom(SIZE)
    os.mkfifo(source)
    server.plant("report.csv", b"of yesterday")
    found: list[tuple[bytes, int]] = []

    def feed() -> None:
        with source.open("wb") as pipe:
            pipe.write(content[: SIZE // 2])
            pipe.flush()
            held = sum(each.stat().st_size for each in server.disk.iterdir())
            found.append(((server.disk / "report.csv").read_bytes(), held))
            pipe.write(content[SIZE // 2 :])

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    with server.connect() as transport:
        deliver(transport, source, server.folder, "report.csv")
    feeder.join(timeout=10)
    ((old, held),) = found
    assert old == b"of yesterday"
    assert SIZE // 4 < held < SIZE
    assert (server.disk / "report.csv").read_bytes() == content


@over_a_network
def test_download_that_falls_silent(
    server: Server, network: Network, big: tuple[str, Path, bytes]
) -> None:
    """A silent server ends the transfer after the read time-out."""
    path, target, content = big
    server.plant("big.csv", content)
    with server.connect(timeouts=SHORT) as transport:
        network.be_silent_after(SIZE // 2)
        started = time.monotonic()
        with pytest.raises(RetryableError):
            transport.read(path, target)
        assert time.monotonic() - started < 8
    assert not target.exists()


@over_a_network
def test_transfer_that_takes_too_long(
    server: Server, network: Network, big: tuple[str, Path, bytes]
) -> None:
    """A transfer ends after its total time, however steadily the server keeps sending."""
    path, target, content = big
    server.plant("big.csv", content)
    limits = Timeouts(connect=10, read=10, transfer=0.5)
    started = time.monotonic()
    with server.connect(timeouts=limits) as transport:
        network.slow_down(BYTES_PER_SECOND)
        with pytest.raises(RetryableError, match="transfer_timeout_seconds"):
            transport.read(path, target)
    assert time.monotonic() - started < 8
    assert not target.exists()


@pytest.mark.parametrize("running_server", FTPS_SERVERS, indirect=True)
def test_transfer_that_takes_too_long_from_its_handshake_on(
    server: Server, network: Network, big: tuple[str, Path, bytes]
) -> None:
    """Time that is up while TLS begins on the data connection ends the transfer, too."""
    path, target, content = big
    server.plant("big.csv", content)
    with server.connect() as transport:
        session = transport._session  # type: ignore[attr-defined]

        class Late(ssl.SSLSocket):
            def do_handshake(self, block: bool = False) -> None:
                session.cut()  # what the timer does
                super().do_handshake(block)

        session.context.sslsocket_class = Late
        before = network.passed
        with pytest.raises(RetryableError):
            transport.read(path, target)
    assert network.passed - before < SIZE // 2
    assert not target.exists()


@over_a_network
def test_connection_after_an_error(server: Server, network: Network) -> None:
    """After a cut the next operation raises our error, and closing works."""
    transport = server.connect()
    network.close()
    for _ in range(2):
        with pytest.raises(RetryableError):
            transport.list(server.folder)
    transport.close()
    transport.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


PROTOCOLS = ["embedded-ftp", "embedded-ftps", "embedded-ftps-implicit", "embedded-sftp"]
on_each_protocol = pytest.mark.parametrize("running_server", PROTOCOLS, indirect=True)


@on_each_protocol
def test_server_that_never_answers(running_server: Server, silent_port: int) -> None:
    """A server that accepts the connection and sends nothing ends in a time-out."""
    started = time.monotonic()
    with pytest.raises(ServerUnavailable) as caught:
        running_server.connect(port=silent_port, timeouts=Timeouts(connect=1, read=1))
    assert caught.value.retry
    assert time.monotonic() - started < 8


@on_each_protocol
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_server_that_falls_silent_while_we_log_in(
    server: Server, network: Network, share: float
) -> None:
    """Silence at any step from the greeting to the listing ends in a time-out."""
    with server.connect() as transport:
        transport.list(server.folder)
        whole = network.passed
    network.be_silent_after(int(whole * share))
    started = time.monotonic()
    with pytest.raises(RetryableError), server.connect(timeouts=SHORT) as transport:
        transport.list(server.folder)
    assert time.monotonic() - started < 8


def test_login_without_an_end() -> None:
    """A server that accepts the login and never starts SFTP ends in a time-out."""
    with hesitant_server() as (port, host_key):
        settings = SftpSettings(
            "127.0.0.1", port, "user", "password", host_key=host_key, timeouts=SHORT
        )
        started = time.monotonic()
        with pytest.raises(RetryableError):
            SftpTransport(settings)
        assert time.monotonic() - started < 8


@on_each_protocol
def test_nobody_listens(running_server: Server) -> None:
    """A refused connection may be tried again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(RetryableError):
        running_server.connect(port=port)


def test_wrong_passive_address(ground: Callable[[str], Ground]) -> None:
    """A server that names a wrong address in PASV works, unless one insists on trusting it."""
    on = ground("vsftpd-wrong-address")
    wrong = "127.9.9.9"  # nobody listens there
    with vsftpd.start(on.folder, on.user(), passive_address=wrong, epsv=False) as server:
        with server.connect() as transport:
            assert [*transport.list("")] == []
        with (
            server.connect(trust_passive_address=True) as transport,
            pytest.raises(RetryableError),
        ):
            transport.list("")


def test_extended_passive_mode_comes_first(ground: Callable[[str], Ground]) -> None:
    """EPSV names no address, so that a wrong one does no harm even where addresses are trusted."""
    on = ground("vsftpd-epsv")
    with (
        vsftpd.start(on.folder, on.user(), passive_address="127.9.9.9") as server,
        server.connect(trust_passive_address=True) as transport,
    ):
        transport.list("")


class Watcher:
    """Notes every size that a file has while the block runs."""

    def __init__(self, path: Path, sizes: set[int]) -> None:
        self._path, self._sizes = path, sizes
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._leave.is_set():
            with suppress(FileNotFoundError):
                self._sizes.add(self._path.stat().st_size)
            time.sleep(0.0005)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._thread.join()
