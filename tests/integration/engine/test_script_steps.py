"""Script steps of a deployment: what becomes of tokens, error output and the variables that scripts set."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents_under_test.served_agent import served_agent
from agents_under_test.stage import Stage, running_stage
from octavo.server.store import Store

SCRIPT = "Octopus.Action.Script."
QUIET = {f"{SCRIPT}SuppressEnvironmentLogging": "True"}


@pytest.fixture
async def stage(sqlite_store: Store, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(sqlite_store, sqlite_url, tmp_path) as stage:
        await stage.api.post("/api/environments", {"Name": "Dev"})
        yield stage


def step(name: str, script: str, roles: str = "", condition: str = "Success", **properties: str) -> dict[str, Any]:
    values = {
        **QUIET,
        f"{SCRIPT}ScriptBody": script,
        **{key.replace("_", "."): each for key, each in properties.items()},
    }
    action = {"Name": name, "ActionType": "Octopus.Script", "Properties": values}
    return {
        "Name": name,
        "Condition": condition,
        "Properties": {"Octopus.Action.TargetRoles": roles},
        "Actions": [action],
    }


async def deploy(stage: Stage, *steps: dict[str, Any]) -> dict[str, Any]:
    group = (await stage.api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await stage.api.get("/api/lifecycles/all"))[0]["Id"]
    project = await stage.api.post("/api/projects", {"Name": "Web", "ProjectGroupId": group, "LifecycleId": lifecycle})
    await stage.api.put(f"/api/projects/{project['Id']}/deploymentprocesses", {"Steps": [*steps]})
    await stage.api.post("/api/Spaces-1/releases/create/v1", {"ProjectName": "Web", "ReleaseVersion": "1.0"}, 201)
    body = {"ProjectName": "Web", "ReleaseVersion": "1.0", "EnvironmentNames": ["Dev"]}
    answer = await stage.api.post("/api/Spaces-1/deployments/create/untenanted/v1", body, 201)
    return await stage.end_of(answer["DeploymentServerTasks"][0]["ServerTaskId"])


def said(details: dict[str, Any]) -> list[str]:
    return [text for _, text in logged(details)]


def logged(details: dict[str, Any]) -> list[tuple[str, str]]:
    """Each line of the log with its category."""

    def walk(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
        yield from ((line["Category"], line["MessageText"]) for line in node["LogElements"])
        for child in node["Children"]:
            yield from walk(child)

    return [line for node in details["ActivityLogs"] for line in walk(node)]


async def test_lines_at_the_level_of_errors_fail_nothing_and_the_next_script_starts_anew(stage: Stage) -> None:
    """script-execution 10, 11 and 15"""
    first = "echo '##octopus[stdout-error]'; echo loud; echo late >&2; echo '##octopus[stdout-verbose]'"

    details = await deploy(stage, step("One", first), step("Two", "echo plain"))

    assert details["Task"]["State"] == "Success"
    assert {("Error", "loud"), ("Error", "late"), ("Info", "plain")} <= set(logged(details))


@pytest.mark.parametrize(("code", "state"), [(1, "Failed"), (0, "Success")])
async def test_a_script_names_the_reason_of_its_failure_in_case_it_fails(stage: Stage, code: int, state: str) -> None:
    """script-execution 14: the last reason counts, and only when the script fails."""
    why = "echo \"##octopus[resultMessage message='$(printf %s '{}' | base64)']\"; "

    details = await deploy(stage, step("One", f"{why.format('no disk')}{why.format('no luck')}exit {code}"))

    assert details["Task"]["State"] == state
    assert ("no luck" in str(details), "no disk" in str(details)) == (state == "Failed", False)


async def test_variables_are_put_into_an_inline_script(stage: Stage) -> None:
    """script-execution 17: what is escaped or cannot be read stays."""
    details = await deploy(stage, step("One", "echo '#{Octopus.Environment.Name | ToUpper} ##{Name} #{Name'"))

    assert "DEV #{Name} #{Name" in said(details)


async def test_a_later_step_reads_the_exit_code_of_a_script(stage: Stage) -> None:
    """script-execution 22"""
    read = "echo \"ended with $(get_octopusvariable 'Octopus.Action[One].Output.Octopus.Action.Script.ExitCode')\""

    details = await deploy(stage, step("One", "exit 7"), step("Two", read, condition="Always"))

    assert (details["Task"]["State"], "ended with 7" in said(details)) == ("Failed", True)
    assert any("exit code 7" in line for line in said(details))


async def test_a_token_that_means_nothing_stays(stage: Stage) -> None:
    """script-execution 18"""
    details = await deploy(stage, step("One", "echo '#{Nope} #{Octopus.Environment.Name}'"))

    assert (details["Task"]["State"], "#{Nope} Dev" in said(details)) == ("Success", True)


async def test_a_token_that_means_nothing_fails_a_step_that_minds(stage: Stage) -> None:
    """script-execution 18"""
    minding = step("One", "echo '#{Nope}'", OctopusShouldFailDeploymentOnSubstitutionFails="True")

    details = await deploy(stage, minding)

    assert details["Task"]["State"] == "Failed"
    assert any("Nope" in line for line in said(details))


@pytest.mark.parametrize(
    ("script", "state"),
    [
        ("echo x >&2", "Failed"),
        ("echo '  ' >&2; echo '##octopus[stderr-progress]' >&2; write_verbose hello", "Success"),
    ],
)
async def test_error_output_fails_a_step_that_minds(stage: Stage, script: str, state: str) -> None:
    """script-execution 23"""
    details = await deploy(stage, step("One", script, Octopus_Action_FailScriptOnErrorOutput="True"))

    assert details["Task"]["State"] == state


async def test_variables_are_shown_when_somebody_asks_for_them(stage: Stage) -> None:
    printing = step("One", "true", OctopusPrintEvaluatedVariables="True", Greeting="#{Octopus.Environment.Name}!")

    lines = said(await deploy(stage, printing))

    assert "[Greeting] = 'Dev!'" in lines
    assert lines.index("[Octopus.Environment.Name] = 'Dev'") < lines.index("[OctopusPrintEvaluatedVariables] = 'True'")


async def test_of_scripts_in_several_languages_the_first_is_run(stage: Stage) -> None:
    """script-execution 19"""
    several = step("One", "", **{f"{SCRIPT}ScriptBody[PowerShell]": "exit 1", f"{SCRIPT}ScriptBody[Bash]": "echo bash"})

    assert "bash" in said(await deploy(stage, several))


async def test_later_steps_read_what_earlier_ones_set_on_each_machine(stage: Stage) -> None:
    """script-execution 60 and 61: also of a step that failed."""
    name = "Octopus.Action[Set].Output"
    read = f"echo \"$(get_octopusvariable {name}.A)|$(get_octopusvariable '{name}[web-1].A')|#{{{name}[web-2].A}}\""
    thumbprint = stage.server.identity.thumbprint
    async with (
        served_agent(stage.folder / "one", thumbprint) as one,
        served_agent(stage.folder / "two", thumbprint) as two,
    ):
        places = [each["Id"] for each in await stage.api.get("/api/environments/all")]
        for number, agent in enumerate((one, two), 1):
            uri, own = agent.endpoint.uri, agent.endpoint.thumbprint
            endpoint = {"CommunicationStyle": "TentaclePassive", "Uri": uri, "Thumbprint": own}
            body = {"Name": f"web-{number}", "EnvironmentIds": places, "Roles": ["web"], "Endpoint": endpoint}
            await stage.api.post("/api/Spaces-1/machines", body)

        set_a = 'set_octopusvariable A "of $(get_octopusvariable Octopus.Machine.Name)"'
        details = await deploy(
            stage, step("Set", f"{set_a}; exit 3", "web"), step("Read", read, "web", condition="Always")
        )

    assert details["Task"]["State"] == "Failed"
    assert {"of web-1|of web-1|of web-2", "of web-2|of web-1|of web-2"} <= set(said(details))
