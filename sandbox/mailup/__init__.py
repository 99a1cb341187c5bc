"""The MailUp emulator: OAuth, ConsoleService and MailStatisticsService over HTTP, state in SQLite.

Decisions where MailUp's documentation is silent are marked with "Chosen" in docstrings.
"""
