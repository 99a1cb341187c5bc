"""The kinds of file servers, by the slugs of their blocks."""

SFTP, FTPS, FTP, FOLDER = "sftp-server", "ftps-server", "ftp-server", "local-folder"
SERVER_KINDS = (SFTP, FTPS, FTP, FOLDER)
