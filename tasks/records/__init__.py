"""Import files: from the bytes of a client's file to records that are ready for MailUp.

No Prefect and no sockets: functions take paths, frames and settings and return values.
"""
