"""Damaged and hostile files: what becomes of each here, and what a peer does with the same file."""
