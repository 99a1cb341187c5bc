"""The sandbox's own certificate authority, kept in its home, and a server certificate."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """PEM files: the authority's certificate, the server's chain, and its private key."""

    authority: Path
    certificate: Path
    private_key: Path


def certificates(folder: Path, *others: str) -> Certificates:
    """The certificates in `folder`, created by the first call, for localhost, 127.0.0.1 and
    `others`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if not made.private_key.exists():
        authority = trustme.CA(organization_name="MailUp sandbox")
        server = authority.issue_cert("localhost", "127.0.0.1", *others)
        authority.cert_pem.write_to_path(str(made.authority))
        made.certificate.write_bytes(b"".join(p.bytes() for p in server.cert_chain_pems))
        server.private_key_pem.write_to_path(str(made.private_key))
        made.private_key.chmod(0o600)
    return made
