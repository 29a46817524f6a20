"""Decisions and data. No I/O."""
