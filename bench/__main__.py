"""`make bench`: runs every measurement, prints a table, writes bench/results.json. Never asserts."""

import argparse
import asyncio
import dataclasses
import importlib
import inspect
import json
import os
import platform
import re
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import Figure

RESULTS = Path(__file__).with_name("results.json")
SIGNIFICANT_DIGITS = 3
FILE_WIDTH = 120


def main() -> None:
    """Run the modules asked for and show their figures."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", help="a module of bench/, for example halibut")
    arguments = parser.parse_args()
    console = Console() if sys.stdout.isatty() else Console(width=FILE_WIDTH)
    figures: dict[str, list[Figure]] = {}
    for name in arguments.only or list_measurements():
        figures[name] = _run_module(name, console)
    _print_table(console, figures)
    _write_results(figures)
    console.print(f"Written to {RESULTS.relative_to(Path.cwd())}." if RESULTS.is_relative_to(Path.cwd()) else "")


def list_measurements() -> list[str]:
    """The modules of this folder that measure something, by name."""
    files = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [file.stem for file in files if re.search(r"^(async )?def measure\(", file.read_text(), re.MULTILINE)]


def _run_module(name: str, console: Console) -> list[Figure]:
    """The module's figures; one that fails is reported and does not stop the others."""
    started = time.perf_counter()
    console.print(f"[bold]{name}[/bold] …")
    try:
        measure = importlib.import_module(f"bench.{name}").measure
        figures: list[Figure] = asyncio.run(measure()) if inspect.iscoroutinefunction(measure) else measure()
    except Exception:  # the root of one measurement: show why, go on with the next
        console.print(traceback.format_exc(), style="red", markup=False, highlight=False)
        return []
    console.print(f"  {len(figures)} figures in {time.perf_counter() - started:.0f} s")
    return figures


def _print_table(console: Console, figures: dict[str, list[Figure]]) -> None:
    table = Table(title="Octavo's figures", title_justify="left")
    for heading, justify in (("what", "left"), ("measured", "right"), ("floor", "right"), ("budget", "left")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for name, rows in figures.items():
        table.add_section()
        table.add_row(f"[bold]{name}[/bold]", "", "", "")
        for figure in rows:
            floor = "" if figure.floor is None else _with_unit(figure.floor, figure.unit)
            table.add_row(figure.name, _with_unit(figure.value, figure.unit), floor, figure.budget or "")
    console.print(table)


def _with_unit(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if abs(value) >= 10**SIGNIFICANT_DIGITS else f"{value:.{SIGNIFICANT_DIGITS}g}"
    return f"{text} {unit}".strip()


def _write_results(figures: dict[str, list[Figure]]) -> None:
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "figures": {name: [dataclasses.asdict(figure) for figure in rows] for name, rows in figures.items()},
    }
    RESULTS.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
