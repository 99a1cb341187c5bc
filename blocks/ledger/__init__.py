"""What has been done: files by content hash, batches with MailUp's import ids, and leases.

The commit of a row here is the one commit point of the project: what the ledger shows as done is
never done again, what it does not show is done, or looked up, by the next run. It holds no
personal data: hashes, counts, names of files and numbers that MailUp gave.
"""
