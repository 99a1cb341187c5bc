"""What is looked at before anything runs: findings, each with what to do about it.

Core: no Prefect, no block; connections and clients are arguments. Nothing is left behind.
"""
