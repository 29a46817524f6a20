"""Slugs: names made fit for addresses. Source: API conventions, section 3."""

import re

_NOT_WORD = re.compile(r"[^a-z0-9]+")


def slug_of(name: str) -> str:
    """`Default Worker Pool` → `default-worker-pool`; a name without letters or digits gives `unnamed`."""
    return _NOT_WORD.sub("-", name.casefold()).strip("-") or "unnamed"
