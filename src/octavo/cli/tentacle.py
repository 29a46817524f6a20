"""The command `tentacle`."""


def main() -> None:
    """Run the command line."""
    raise SystemExit("tentacle: not built yet")
