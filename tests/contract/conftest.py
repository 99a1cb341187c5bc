"""Servers for the contract suite: each starts when the first test asks for it."""

import datetime
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.contract.real_servers.catalogue import Certificate, Server
from tests.contract.real_servers.fleet import SERVERS, Ground
from tests.contract.real_servers.machine import SystemUser, throwaway_user
from tests.contract.real_servers.network import Network


@pytest.fixture(scope="session")
def system_user() -> Iterator[Callable[[], SystemUser]]:
    """The temporary user, created when a server first needs it."""
    opened: list[tuple[AbstractContextManager[SystemUser], SystemUser]] = []

    def get() -> SystemUser:
        if not opened:
            context = throwaway_user()
            opened.append((context, context.__enter__()))
        return opened[0][1]

    yield get
    for context, _ in opened:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def issue(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Certificate]:
    """Certificates for 127.0.0.1, each from its own CA."""

    def make(*, expired: bool = False) -> Certificate:
        folder = tmp_path_factory.mktemp("certificate")
        authority = trustme.CA()
        end = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC) if expired else None
        issued = authority.issue_cert("127.0.0.1", not_after=end)
        issued.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        return Certificate(
            authority.cert_pem.bytes().decode(), folder / "certificate.pem", folder / "key.pem"
        )

    return make


@pytest.fixture(scope="session")
def certificate(issue: Callable[..., Certificate]) -> Certificate:
    """The certificate of all FTPS servers."""
    return issue()


@pytest.fixture(scope="session")
def client_key() -> ed25519.Ed25519PrivateKey:
    """The key that SFTP servers accept."""
    return ed25519.Ed25519PrivateKey.generate()


@pytest.fixture(scope="session")
def ground(
    tmp_path_factory: pytest.TempPathFactory,
    system_user: Callable[[], SystemUser],
    certificate: Certificate,
    client_key: ed25519.Ed25519PrivateKey,
) -> Callable[[str], Ground]:
    """The function that starts the server of this name."""
    public = client_key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )

    def prepare(name: str) -> Ground:
        folder = tmp_path_factory.mktemp(name)
        folder.chmod(0o755)
        return Ground(folder / "server", system_user, certificate, public.decode() + "\n")

    return prepare


@pytest.fixture(scope="session", params=SERVERS)
def running_server(
    request: pytest.FixtureRequest, ground: Callable[[str], Ground]
) -> Iterator[Server]:
    """A server; a test without its own parameters runs on all of them."""
    with SERVERS[request.param](ground(request.param)) as server:
        yield server


@pytest.fixture
def server(running_server: Server, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server with an empty folder of this test's own, `server.folder`."""
    own = replace(running_server, folder=f"test-{abs(hash(request.node.nodeid)):x}")
    own.disk.mkdir()
    own.own(own.disk)
    yield own
    shutil.rmtree(own.disk)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """Send every connection of this process through a relay that can fail."""
    relay = Network(socket.create_connection)
    monkeypatch.setattr(socket, "create_connection", relay.connect)
    yield relay
    relay.close()
