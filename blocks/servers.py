"""The blocks of file servers: FTP, FTPS, SFTP, or a folder."""

from blocks.errors import ConfigurationError
from blocks.ftp_servers import FtpServer, FtpsServer
from blocks.loading import load
from blocks.local_folders import LocalFolder
from blocks.sftp_servers import SftpServer

Server = FtpServer | FtpsServer | SftpServer | LocalFolder

SERVERS: dict[str, type[Server]] = {
    kind.get_block_type_slug(): kind for kind in (SftpServer, FtpsServer, FtpServer, LocalFolder)
}


def load_server(reference: str) -> Server:
    """The server block that a parameter like "sftp-server/acme" names.

    ConfigurationError for another form, a missing block, or one that is no longer valid.
    """
    slug, _, name = reference.partition("/")
    if slug not in SERVERS or not name or "/" in name:
        accepted = ", ".join(f'"{kind}/NAME"' for kind in SERVERS)
        raise ConfigurationError(
            f"{reference!r} names no server block: accepted are {accepted}, "
            "where NAME is the name of the block in Prefect."
        )
    return load(SERVERS[slug], name)
