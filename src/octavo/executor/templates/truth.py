"""Which texts count as true in a condition. Source: script-execution.md §3.5.4."""


def is_truthy_text(text: str | None) -> bool:
    """False for nothing, an empty text, exactly `0`, and `no` and `false` in any case; else true, also for a blank."""
    if not text or text == "0":
        return False
    return text.strip().lower() not in ("no", "false")
