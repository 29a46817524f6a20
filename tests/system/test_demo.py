"""The product's first story, as `make demo` plays it: real processes, real TLS, real files; it checks what it shows."""

import subprocess
import sys
from pathlib import Path

DEMO_SECONDS = 180


def test_the_demo_plays_to_its_end_and_stops_what_it_started(tmp_path: Path) -> None:
    folder = tmp_path / "demo"

    done = _octavo("demo", "--folder", str(folder), "--stop-at-end")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "all 30 lines are there, each once, in order" in " ".join(done.stdout.split())
    assert _processes_of(folder) == []


def test_the_demo_leaves_a_folder_alone_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    done = _octavo("demo", "--folder", str(tmp_path), "--stop-at-end")

    assert done.returncode == 1
    assert "is not a folder of the demo" in " ".join(done.stdout.split())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def _octavo(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("octavo")), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False)


def _processes_of(folder: Path) -> list[str]:
    """Command lines of processes that still name the folder."""
    lines = (
        path.read_bytes().replace(b"\0", b" ").decode()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    )
    return [line for line in lines if str(folder) in line]
