"""The command `octavo`."""


def main() -> None:
    """Run the command line."""
    raise SystemExit("octavo: not built yet")
