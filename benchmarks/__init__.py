"""Measurements that print what they found; none of them runs in the tests."""
