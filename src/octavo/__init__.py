"""Octavo: an open deployment server with external workers."""

__version__ = "0.1.0"
