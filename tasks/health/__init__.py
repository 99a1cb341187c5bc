"""Diagnosis of functions from facts about runs and ledgers; no Prefect."""
