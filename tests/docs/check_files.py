"""The law on files that no linter knows: a docstring at the top, no file and no function too long.

Part of `make check`. Source: CONTRIBUTING.md, "How the code looks".
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("src", "tests", "bench")
FILE_LINES = 500  # most have 100–400
FUNCTION_LINES = 60  # about 10 is usual


def list_faults() -> Iterator[str]:
    """What is wrong, a line each, as `path:line: what`."""
    for place in PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            yield from _faults_of(path)


def _faults_of(path: Path) -> Iterator[str]:
    name, source = path.relative_to(ROOT), path.read_text()
    lines, module = source.count("\n"), ast.parse(source)
    if source.strip() and ast.get_docstring(module) is None:
        yield f"{name}:1: no docstring at the top: say what the file is for"
    if lines > FILE_LINES:
        yield f"{name}:{lines}: {lines} lines; a file has one subject, {FILE_LINES} are the end: split it"
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, over {FUNCTION_LINES}: split it"


if __name__ == "__main__":
    faults = list(list_faults())
    print("\n".join(faults), end="\n" if faults else "")  # noqa: T201
    sys.exit(1 if faults else 0)
