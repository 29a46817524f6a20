"""The drawing in docs/reference/halibut.md is the table in the code."""

from collections import defaultdict

from docs.pages import ROOT, read_blocks
from octavo.halibut.core.conversation import TRANSITIONS, TURNS, Phase


def test_the_drawing_of_a_connection_is_the_transition_table() -> None:
    (drawing,) = [block for block in read_blocks(ROOT / "docs/reference/halibut.md") if block.language == "mermaid"]
    said: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for (phase, event), following in TRANSITIONS.items():
        said[phase, following].append(event.__name__)
    arrows = [
        f"{phase.value} --> {following.value}: {TURNS[phase].name.lower()} says {', '.join(events)}"
        for (phase, following), events in said.items()
    ]

    lines = [line.strip() for line in drawing.text.splitlines()]

    assert lines == ["stateDiagram-v2", f"[*] --> {Phase.OPENED.value}", *arrows]
