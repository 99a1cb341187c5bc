"""A MailUp emulator and embedded file servers, for the demo, for trials and for tests.

It imports nothing of `flows`, `tasks` or `blocks`, and they import nothing of it. Its credentials
are public; it listens on 127.0.0.1 only.
"""
