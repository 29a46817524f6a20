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
    remark_on,
)
from octavo.server.domain.service_messages import Level, ServiceMessage


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
    """script-execution 2, 5, 6, 13, 14: names in another case, unknown ones and incomplete messages do nothing.

    Of 5, "swallowed" is not followed: an unknown message leaves a verbose line, as the next test says.
    """
    assert effects_of(ServiceMessage(name, attributes)) == effects


def test_a_secret_does_not_show_in_an_effect() -> None:
    assert "hunter2" not in repr(effects_of(ServiceMessage("mask", {"value": "hunter2"})))


@pytest.mark.parametrize(
    ("name", "attributes", "level", "words"),
    [
        ("progress", {"percentage": "50", "message": "half"}, Level.INFO, "50 %: half"),
        ("progress", {"percentage": "50", "message": ""}, Level.INFO, "50 %"),
        ("no-such-message", {"value": "secret"}, Level.VERBOSE, "not known"),
        ("setvariable", {"name": "A", "value": "secret"}, Level.VERBOSE, "'setvariable' is not known"),
        ("create-azureaccount", {"azpassword": "secret"}, Level.WARNING, "has no effect"),
        ("delete-target", {"machine": "secret"}, Level.WARNING, "has no effect"),
    ],
)
def test_nothing_is_swallowed_that_somebody_may_wait_for(
    name: str, attributes: dict[str, str], level: Level, words: str
) -> None:
    remark = remark_on(ServiceMessage(name, attributes))

    assert remark is not None
    assert (remark[0], words in remark[1], "secret" in remark[1]) == (level, True, False)


@pytest.mark.parametrize("name", ["setVariable", "mask", "resultMessage", "foundPackage", "calamari-timed-operation"])
def test_what_is_done_or_asks_for_nothing_leaves_no_line(name: str) -> None:
    """script-execution 1"""
    assert remark_on(ServiceMessage(name, {"name": "A", "value": "x"})) is None


def test_progress_that_cannot_be_read_is_ignored() -> None:
    """script-execution 13"""
    assert remark_on(ServiceMessage("progress", {"percentage": "half", "message": "m"})) is None
