"""What a watcher makes of runs and ledgers: plain values in, findings out; no Prefect."""
