"""All SQL. Tables: `schema.py`; statements: one file an aggregate."""

from octavo.server.store.store import Store

__all__ = ["Store"]
