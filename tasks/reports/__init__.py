"""Export files: from rows of MailUp to the files for clients.

No Prefect and no sockets: functions take values and return texts, or write local files.
"""
