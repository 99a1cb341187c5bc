"""Checks of servers, accounts, ledgers and keys: findings, each with a remedy.

Core: no Prefect, no block; connections and clients are arguments. Nothing is left behind.
"""
