"""Which numbered statement of a specification is proved by which test, or why it is put off: makes docs/conformance.md.

Statements stand in `statements.toml`, put-off ones with their reasons in `put_off.toml`. A test cites a statement by
writing `halibut 14` (or `services 9, 10 and 12`) in its name, docstring or body; a citation in a test file's own
docstring counts for the whole file.

Run it: `python tests/docs/conformance.py` (or `make docs`) rewrites the page.
"""

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
PAGE = ROOT / "docs/conformance.md"
STATEMENTS = Path(__file__).with_name("statements.toml")
PUT_OFF = Path(__file__).with_name("put_off.toml")

#: Where each set of statements comes from; the key is the word that tests cite.
TITLES = {
    "halibut": "Halibut, the wire",
    "services": "The agent's services and how a server drives them",
    "cli": "The agent's command line and registration",
    "conventions": "Conventions of the REST API",
    "script-execution": "Scripts, variables and packages on workers",
}
TESTS_SHOWN = 3  # more would drown the table

_NUMBERS = r"\d+(?:(?:, | and |–)\d+)*"
_CITATION = re.compile(rf"(?:\b|_)({'|'.join(TITLES)})[ _]({_NUMBERS})(?!\d|[.:]\d)", re.IGNORECASE)
_ONE_OR_RANGE = re.compile(r"(\d+)(?:–(\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class Statement:
    """One numbered sentence of a specification."""

    specification: str
    number: int


@dataclass(frozen=True, slots=True, order=True)
class CitingTest:
    """A test that names a statement; `name` is empty when its whole file does."""

    path: str
    name: str


def read_statements() -> dict[Statement, str]:
    """Every statement with its text, in the order of the specifications."""
    return _read_table(STATEMENTS)


def read_put_off() -> dict[Statement, str]:
    """The statements that are put off, with the reason."""
    return _read_table(PUT_OFF)


def collect_citations() -> dict[Statement, list[CitingTest]]:
    """The tests that cite each statement."""
    found: dict[Statement, set[CitingTest]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        if TESTS / "docs" in path.parents:
            continue
        for statement, name in _citations_of(path):
            found[statement].add(CitingTest(path.relative_to(ROOT).as_posix(), name))
    return {statement: sorted(tests) for statement, tests in found.items()}


def cited_statements(text: str) -> Iterator[Statement]:
    """The statements that a piece of text names.

    >>> [s.number for s in cited_statements("halibut 3, 5 and 7–9; halibut 4.2")]
    [3, 5, 7, 8, 9]
    """
    for match in _CITATION.finditer(text):
        for first, last in _ONE_OR_RANGE.findall(match[2]):
            for number in range(int(first), int(last or first) + 1):
                yield Statement(match[1].lower(), number)


def render_page() -> str:
    """docs/conformance.md as it should be."""
    statements, citations, put_off = read_statements(), collect_citations(), read_put_off()
    proved = sum(1 for statement in statements if statement in citations)
    lines = [
        "# Conformance",
        "",
        "<!-- Made by tests/docs/conformance.py from the tests: edit those, or tests/docs/put_off.toml, and run",
        "     `make docs`. -->",
        "",
        "Octavo follows five specifications, written by reading and running the real agents and clients. Each ends in",
        "numbered statements (section numbers in them are the specification's own); here is, for each, the test that",
        "proves it or the reason why it is put off.",
        "",
        f"Proved by tests: {proved} of {len(statements)}. Put off: {len(put_off)}.",
    ]
    for specification, title in TITLES.items():
        lines += ["", f"## {title}", "", f"Cited in tests as `{specification} N`.", ""]
        lines += ["| N | statement | proved by, or put off because |", "|---|---|---|"]
        lines += [
            f"| {statement.number} | {_cell(text)} | {_evidence(statement, citations, put_off)} |"
            for statement, text in statements.items()
            if statement.specification == specification
        ]
    return "\n".join(lines) + "\n"


def _read_table(path: Path) -> dict[Statement, str]:
    document = tomllib.loads(path.read_text())
    return {
        Statement(specification, int(number)): text
        for specification, table in document.items()
        for number, text in table.items()
    }


def _citations_of(path: Path) -> Iterator[tuple[Statement, str]]:
    source = path.read_text()
    module = ast.parse(source)
    for statement in cited_statements(ast.get_docstring(module) or ""):
        yield statement, ""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for statement in cited_statements(_whole_source(source, node)):
                yield statement, node.name


def _whole_source(source: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _evidence(statement: Statement, citations: dict[Statement, list[CitingTest]], put_off: dict[Statement, str]) -> str:
    tests = citations.get(statement, [])
    shown = "<br>".join(_link(test) for test in tests[:TESTS_SHOWN])
    if len(tests) > TESTS_SHOWN:
        shown += f"<br>and {len(tests) - TESTS_SHOWN} more"
    reason = f"*Put off:* {_cell(put_off[statement])}" if statement in put_off else ""
    return "<br>".join(part for part in (shown, reason) if part)


def _link(test: CitingTest) -> str:
    words = test.name.removeprefix("test_").replace("_", " ") or Path(test.path).name
    return f"[{words}](../{test.path})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render_page())
