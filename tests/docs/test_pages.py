"""The documentation holds: links lead somewhere, blocks marked `run` run, every page and every reason is there."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from docs.pages import ROOT, Block, list_pages, read_anchors, read_blocks, read_links

PAGES = list_pages()
BLOCK_SECONDS = 120
END_SECONDS = 10


def _title(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=_title)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken = [link for link in read_links(page) if not _leads_somewhere(page, link)]

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=_title)
def test_the_blocks_of_a_page_run(page: Path, tmp_path: Path) -> None:
    with ExitStack() as ends:
        for block, following in pairwise([*read_blocks(page), None]):
            if block is not None and "run" in block.words:
                printed = _run(block, tmp_path, ends)
                if following is not None and "output" in following.words:
                    assert re.fullmatch(_pattern(following.text), printed), f"line {block.line} printed:\n{printed}"


def test_every_page_is_reachable_from_the_index() -> None:
    seen, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen:
            seen.add(page)
            waiting += [
                target for link in read_links(page) if (target := _target(page, link)) and target.suffix == ".md"
            ]

    lost = [_title(page) for page in PAGES if page not in seen and page.parent.name != "changes"]
    assert lost == []


def test_every_dependency_has_its_reason_written_down() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    lists = [project["project"]["dependencies"], *extras, *project["dependency-groups"].values()]
    names = {re.split(r"[\[<>=; ]", requirement)[0] for requirements in lists for requirement in requirements}

    record = (ROOT / "docs/decisions/0002-dependencies.md").read_text()

    assert sorted(name for name in names - {"octavo"} if f"`{name}`" not in record) == []


def _leads_somewhere(page: Path, link: str) -> bool:
    target = _target(page, link)
    if target is None:
        return True
    anchor = link.partition("#")[2]
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in read_anchors(target))


def _target(page: Path, link: str) -> Path | None:
    """The file a link means; None for one that leaves the project."""
    if re.match(r"[a-z]+:", link):
        return None
    path = link.partition("#")[0]
    return (page.parent / path).resolve() if path else page


def _run(block: Block, folder: Path, ends: ExitStack) -> str:
    """What a block prints. Servers that it leaves running are ended, the last one first, when the page is done."""
    programs = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
    search_path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "printed").open("w+") as printed, (folder / "complained").open("w+") as complained:
        process = subprocess.Popen(
            [*programs[block.language], block.text],
            cwd=folder,
            env=_environment() | {"PATH": search_path, "HOME": str(folder), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=complained,
            text=True,
            start_new_session=True,
        )
        ends.callback(_end_session, process.pid)
        code = process.wait(timeout=BLOCK_SECONDS)
        printed.seek(0)
        complained.seek(0)
        text = printed.read()
        assert code == 0, f"line {block.line} ended with {code}:\n{text}{complained.read()}"
        return text


def _end_session(session: int) -> None:
    """End what a block left running: politely, then by force."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGTERM)
        last_look = time.monotonic() + END_SECONDS
        while time.monotonic() < last_look:
            os.killpg(session, 0)
            time.sleep(0.05)
        os.killpg(session, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """This process's variables without any of Octavo's: the page says what it needs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OCTAVO_")}


def _pattern(expected: str) -> str:
    return "".join(r"(?:.*\n)*" if line == "…\n" else re.escape(line) for line in expected.splitlines(keepends=True))


def test_every_file_that_the_map_names_exists() -> None:
    spans = re.findall(r"`([\w/]+(?:\.\w+|/))`", (ROOT / "docs/architecture.md").read_text())
    places = [ROOT, ROOT / "src/octavo"]

    missing = [span for span in spans if "/" in span and not any((place / span).exists() for place in places)]

    assert missing == []


def test_every_page_that_the_code_names_exists() -> None:
    sources = [path for place in ("src", "tests", "bench") for path in sorted((ROOT / place).rglob("*.py"))]
    named = {(path, page) for path in sources for page in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text())}

    lost = sorted(f"{path.relative_to(ROOT)} names {page}" for path, page in named if not (ROOT / page).exists())

    assert lost == []
