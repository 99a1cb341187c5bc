"""The MailUp emulator: OAuth, ConsoleService and MailStatisticsService over HTTP, state in SQLite.

What MailUp's documentation leaves open is decided here once; each decision is named in the module
that takes it, with the word "Chosen".
"""
