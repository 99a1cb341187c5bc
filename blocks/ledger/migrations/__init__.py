"""The steps from each schema of the ledger to the next one, as alembic's revisions."""
