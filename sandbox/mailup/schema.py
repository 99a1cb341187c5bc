"""Tables of the emulator. Dates are text in MailUp's format; fields are a JSON object by id.

Times of events and status changes are whole seconds since 1970 UTC: `at` is when it happened,
`registered` when MailUp registered it. `detail` stores each link and code once.
"""

# Small pages: imports change pages of the e-mail index at random, and each changed page is written
# once per import.
PRAGMAS = """
PRAGMA page_size = 2048;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
PRAGMA wal_autocheckpoint = 40000;
"""

# Only the few writing connections have a large cache; readers use the operating system's.
WRITER_PRAGMAS = """
PRAGMA cache_size = -300000;
"""

CONNECTION_PRAGMAS = """
PRAGMA busy_timeout = 30000;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA mmap_size = 4000000000;
"""

# All tables except tokens, the clock, and `detail`.
EMPTIED = (
    "list", "grp", "field", "recipient", "subscription", "membership", "import", "sending",
    "sending_group", "tag", "message", "history", "message_tag", "event", "change",
)  # fmt: skip

TABLES = """
CREATE TABLE IF NOT EXISTS token (
    value TEXT PRIMARY KEY, kind TEXT NOT NULL, expires REAL NOT NULL, revoked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS list (
    id INTEGER PRIMARY KEY, guid TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    company TEXT NOT NULL, default_prefix TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS grp (
    id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, name TEXT NOT NULL, notes TEXT NOT NULL,
    deletable INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS field (id INTEGER PRIMARY KEY, description TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS recipient (
    id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE, prefix TEXT, number TEXT, number_key TEXT,
    name TEXT, fields TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX IF NOT EXISTS recipient_email ON recipient (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS recipient_number ON recipient (number_key)
    WHERE number_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS subscription (
    list_id INTEGER NOT NULL, channel TEXT NOT NULL, recipient_id INTEGER NOT NULL,
    status TEXT NOT NULL, optin_date TEXT NOT NULL DEFAULT '',
    optin_request_date TEXT NOT NULL DEFAULT '', optin_request_ip TEXT,
    optout_date TEXT NOT NULL DEFAULT '', optout_message INTEGER, optout_type INTEGER,
    optout_subtype INTEGER,
    PRIMARY KEY (list_id, channel, recipient_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS membership (
    group_id INTEGER NOT NULL, recipient_id INTEGER NOT NULL,
    PRIMARY KEY (group_id, recipient_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS import (
    id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, group_id INTEGER, channel TEXT NOT NULL,
    flags TEXT NOT NULL, status INTEGER NOT NULL, accepted REAL NOT NULL,
    started TEXT NOT NULL, ended TEXT NOT NULL, counters TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS import_open ON import (status, id);
CREATE TABLE IF NOT EXISTS sending (
    id INTEGER PRIMARY KEY, import_id INTEGER, list_id INTEGER NOT NULL, state TEXT NOT NULL,
    message_id INTEGER, date TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sending_group (
    sending_id INTEGER PRIMARY KEY, group_id INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS tag (
    id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, name TEXT NOT NULL, enabled INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, list_id INTEGER NOT NULL, channel TEXT NOT NULL, subject TEXT NOT NULL,
    notes TEXT NOT NULL, created TEXT NOT NULL, service_type INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL,
    recipients INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS message_tag (
    message_id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (message_id, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS detail (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT OR IGNORE INTO detail VALUES (0, '');
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, registered INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
    list_id INTEGER NOT NULL, message_id INTEGER, sending_id INTEGER,
    recipient_id INTEGER NOT NULL, detail_id INTEGER NOT NULL, status INTEGER
);
CREATE INDEX IF NOT EXISTS event_message
    ON event (message_id, kind, recipient_id, detail_id, at, registered);
CREATE INDEX IF NOT EXISTS event_recipient ON event (recipient_id, kind, message_id, registered);
CREATE INDEX IF NOT EXISTS event_registered ON event (registered);
CREATE TABLE IF NOT EXISTS change (
    id INTEGER PRIMARY KEY, registered INTEGER NOT NULL, list_id INTEGER NOT NULL,
    channel TEXT NOT NULL, recipient_id INTEGER NOT NULL, status TEXT NOT NULL, at INTEGER NOT NULL,
    message_id INTEGER, type INTEGER, subtype INTEGER, applied INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS change_due ON change (registered, id) WHERE applied = 0;
CREATE TABLE IF NOT EXISTS clock (
    id INTEGER PRIMARY KEY CHECK (id = 1), now INTEGER, version INTEGER NOT NULL
);
INSERT OR IGNORE INTO clock VALUES (1, NULL, 0);
"""
