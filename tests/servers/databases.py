"""A database of either kind for a ledger, with direct access."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

KINDS = ["sqlite", "postgresql"]


@dataclass(frozen=True)
class Database:
    """`url` is SQLAlchemy's, as the Ledger block has it."""

    kind: str
    url: str

    @property
    def file(self) -> Path:
        """Where SQLite keeps it."""
        return Path(self.url.removeprefix("sqlite:///"))

    def run(self, script: str) -> None:
        """Run statements without asking the ledger."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.file)) as connection:
                connection.executescript(script)
            return
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(script.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.file)) as connection:
                return connection.execute(query).fetchall()
        with psycopg.connect(self._address) as connection:
            return connection.execute(query.encode()).fetchall()

    def let_leases_expire(self) -> None:
        """A dead run's leases hold for a minute, which tests do not wait for."""
        if self.kind == "sqlite" and not self.file.exists():
            return
        try:
            self.run("UPDATE leases SET expires_at = '2000-01-01 00:00:00.000000'")
        except Exception as error:
            if "leases" not in str(error):  # it died before there were tables
                raise

    @property
    def _address(self) -> str:
        return self.url.replace("postgresql+psycopg", "postgresql")
