"""Upgrades of the ledger's schema, as alembic revisions."""
