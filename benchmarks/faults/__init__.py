"""Damaged and hostile files: results of this project and of dlt for the same files."""
