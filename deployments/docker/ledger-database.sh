#!/bin/sh
# Run once by PostgreSQL's image on a new volume: the ledger has a database and a user of its own, so that
# no run knows the password of Prefect's.
set -eu
psql --set ON_ERROR_STOP=1 --set password="$LEDGER_PASSWORD" --username "$POSTGRES_USER" <<'SQL'
CREATE ROLE ledger LOGIN PASSWORD :'password';
CREATE DATABASE ledger OWNER ledger;
SQL
