"""The kinds of file server: the slug of each one's block."""

SFTP, FTPS, FTP, FOLDER = "sftp-server", "ftps-server", "ftp-server", "local-folder"
SERVER_KINDS = (SFTP, FTPS, FTP, FOLDER)
