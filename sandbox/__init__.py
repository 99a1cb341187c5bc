"""A MailUp emulator and embedded file servers on loopback: for the demo, for rehearsals, for tests.

Independent by design: it imports nothing of `flows`, `tasks` or `blocks`, and they nothing of it.
Its credentials are public; it listens on 127.0.0.1 only.
"""
