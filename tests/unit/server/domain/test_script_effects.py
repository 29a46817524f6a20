"""What messages ask for."""

import pytest

from octavo.server.domain.script_effects import (
    CollectArtifact,
    MaskValue,
    ScriptEffect,
    SetFailureText,
    SetOutputVariable,
    ShowProgress,
    effects_of,
)
from octavo.server.domain.service_messages import ServiceMessage


@pytest.mark.parametrize(
    ("name", "attributes", "effects"),
    [
        ("setVariable", {"name": "A", "value": ""}, [SetOutputVariable("A", "", False)]),
        (
            "setVariable",
            {"name": "A", "value": "pass", "sensitive": "true"},
            [MaskValue("pass"), SetOutputVariable("A", "pass", True)],
        ),
        ("setVariable", {"name": "A"}, []),
        ("setVariable", {"value": "x"}, []),
        ("createArtifact", {"path": "/w/a.txt", "name": "a", "length": "x"}, [CollectArtifact("/w/a.txt", "a")]),
        ("createArtifact", {"path": "/w/a.txt"}, []),
        ("progress", {"percentage": "50", "message": ""}, [ShowProgress(50, "")]),
        ("progress", {"percentage": "half", "message": "m"}, []),
        ("progress", {"percentage": "50"}, []),
        ("resultMessage", {"message": "why"}, [SetFailureText("why")]),
        ("mask", {"value": "v"}, [MaskValue("v")]),
        ("create-awsaccount", {"name": "n", "secretkey": "s"}, [MaskValue("s")]),
        ("SetVariable", {"name": "A", "value": "x"}, []),
        ("no-such-message", {"value": "x"}, []),
    ],
)
def test_effects(name: str, attributes: dict[str, str], effects: list[ScriptEffect]) -> None:
    """script-execution 5, 6, 13, 14: unknown names and incomplete messages do nothing."""
    assert effects_of(ServiceMessage(name, attributes)) == effects


def test_a_secret_does_not_show_in_an_effect() -> None:
    assert "hunter2" not in repr(effects_of(ServiceMessage("mask", {"value": "hunter2"})))
