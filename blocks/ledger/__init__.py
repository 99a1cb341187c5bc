"""The ledger: which files, batches and exports have been processed, and leases.

The commit of a row is the only commit point: what the ledger shows as done is not repeated; the
next run does, or looks up, everything else. The ledger holds no personal data: only hashes,
counts, file names and MailUp's ids.
"""
