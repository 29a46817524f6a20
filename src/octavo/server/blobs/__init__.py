"""Bytes by name: packages, artifacts, old logs."""
