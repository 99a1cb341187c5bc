"""The kinds of file server: the slug of each one's block."""

SFTP, FTPS, FTP = "sftp-server", "ftps-server", "ftp-server"
SERVER_KINDS = (SFTP, FTPS, FTP)
