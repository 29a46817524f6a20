"""Which clients can be driven here, and a loud word about those that cannot."""

import shutil

import pytest

HAS_NODE = shutil.which("node") is not None and shutil.which("npm") is not None
collect_ignore = [] if HAS_NODE else ["test_typescript_client.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was not run, so that nobody takes its silence for success."""
    if not HAS_NODE:
        terminalreporter.section("NOT RUN", sep="!", red=True)
        terminalreporter.line("The official TypeScript client was not driven: node and npm are not on the path.")
        terminalreporter.line("Install Node.js 20 or later and run `make conformance`.")
