"""Reads the project's Markdown pages: fenced blocks, links, anchors.

A block whose fence says `run` is executed by the tests, in order, in one fresh folder a page:

    ```bash run
    octavo --version
    ```

A `text output` block right after it must equal what the block printed, where a line `…` stands for any lines.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^(`{3,})(.*)$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+\s+(.*?)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the further words of its fence, its text."""

    language: str
    words: frozenset[str]
    text: str
    line: int


def list_pages() -> list[Path]:
    """Every page: those at the top and all under docs/."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def read_blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    blocks: list[Block] = []
    lines = iter(enumerate(page.read_text().splitlines(), start=1))
    for number, line in lines:
        if fence := _FENCE.match(line):
            language, *words = fence[2].split() or [""]
            text = list(_until_closed(lines, fence[1]))
            blocks.append(Block(language, frozenset(words), "\n".join(text) + "\n", number))
    return blocks


def read_links(page: Path) -> list[str]:
    """The targets of a page's links, blocks and code spans left out."""
    return _LINK.findall(_prose(page))


def read_anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as GitHub spells them."""
    headings = (_HEADING.match(line) for line in _without_blocks(page).splitlines())
    return {_anchor(heading[1]) for heading in headings if heading}


def _until_closed(lines: Iterator[tuple[int, str]], fence: str) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == fence:
            return
        yield line


def _prose(page: Path) -> str:
    return re.sub(r"`[^`\n]*`", "", _without_blocks(page))


def _without_blocks(page: Path) -> str:
    return re.sub(r"^(`{3,}).*?^\1\s*$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
