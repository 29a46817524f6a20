"""Moments as the API writes them: RFC 3339 with an offset (conventions, rule 6)."""

from datetime import UTC, datetime


def moment(value: datetime | None) -> str | None:
    """`2026-01-02T03:04:05.123+00:00`, or None."""
    return None if value is None else value.astimezone(UTC).isoformat(timespec="milliseconds")


def parse_moment(text: str) -> datetime:
    """A moment from a client; UTC is meant where it names no offset.

    Raises:
        ValueError: it is no moment.
    """
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)
