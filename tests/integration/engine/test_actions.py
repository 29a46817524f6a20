"""Deployments of more than scripts: packages on targets, e-mails, other projects' releases, health checks."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP

from agents_under_test.served_agent import OFFICIAL, served_agent
from agents_under_test.stage import Stage, running_stage
from octavo.server.store import Store


@pytest.fixture
async def stage(sqlite_store: Store, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(sqlite_store, sqlite_url, tmp_path) as stage:
        await stage.api.post("/api/environments", {"Name": "Dev"})
        yield stage


class Mailbox(Message):
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(EmailMessage)
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    async with server:
        yield box, server.sockets[0].getsockname()[1]


def step(name: str, kind: str, roles: str = "", packages: list[Any] | None = None, **properties: str) -> dict[str, Any]:
    values = {f"Octopus.Action.{key.replace('_', '.')}": value for key, value in properties.items()}
    action = {"Name": name, "ActionType": f"Octopus.{kind}", "Properties": values, "Packages": packages or []}
    return {"Name": name, "Properties": {"Octopus.Action.TargetRoles": roles}, "Actions": [action]}


def script(name: str, body: str, **more: Any) -> dict[str, Any]:
    return step(name, "Script", **{"Script_ScriptBody": body, "RunOnServer": "false", **more})


async def create_project(stage: Stage, name: str, *steps: dict[str, Any], version: str = "1.0.0") -> str:
    group = (await stage.api.get("/api/projectgroups/all"))[0]["Id"]
    lifecycle = (await stage.api.get("/api/lifecycles/all"))[0]["Id"]
    body = {"Name": name, "ProjectGroupId": group, "LifecycleId": lifecycle}
    project = await stage.api.post("/api/projects", body)
    await stage.api.put(f"/api/projects/{project['Id']}/deploymentprocesses", {"Steps": [*steps]})
    if version:
        await release(stage, name, version)
    return str(project["Id"])


async def release(stage: Stage, project: str, version: str, status: int = 201, **more: Any) -> Any:
    body = {"ProjectName": project, "ReleaseVersion": version, **more}
    return await stage.api.post("/api/Spaces-1/releases/create/v1", body, status)


async def queue(stage: Stage, project: str, version: str = "1.0.0", status: int = 201) -> Any:
    body = {"ProjectName": project, "ReleaseVersion": version, "EnvironmentNames": ["Dev"]}
    answer = await stage.api.post("/api/Spaces-1/deployments/create/untenanted/v1", body, status)
    return answer["DeploymentServerTasks"][0]["ServerTaskId"] if status == 201 else answer


async def deploy(stage: Stage, project: str, version: str = "1.0.0") -> dict[str, Any]:
    return await stage.end_of(await queue(stage, project, version))


async def add_target(stage: Stage, uri: str, thumbprint: str, name: str, role: str = "web") -> str:
    endpoint = {"CommunicationStyle": "TentaclePassive", "Uri": uri, "Thumbprint": thumbprint}
    places = [each["Id"] for each in await stage.api.get("/api/environments/all")]
    body = {"Name": name, "EnvironmentIds": places, "Roles": [role], "Endpoint": endpoint}
    return str((await stage.api.post("/api/Spaces-1/machines", body))["Id"])


def said(details: dict[str, Any]) -> list[str]:
    """Every line of the log."""

    def walk(node: dict[str, Any]) -> Iterator[str]:
        for line in node["LogElements"]:
            yield line["MessageText"]
        for child in node["Children"]:
            yield from walk(child)

    return [line for node in details["ActivityLogs"] for line in walk(node)]


async def push(stage: Stage, name: str, members: dict[str, str]) -> list[dict[str, Any]]:
    """Push a package; the reference to it that a step has."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    files = {"file": (name, buffer.getvalue())}
    response = await stage.api.client.post("/api/Spaces-1/packages/raw", files=files)
    assert response.status_code == 201, response.text
    return [{"Name": "", "PackageId": response.json()["PackageId"], "FeedId": "feeds-builtin"}]


async def test_a_package_is_deployed_and_transferred_to_a_target(stage: Stage, tmp_path: Path) -> None:
    package = await push(stage, "Site.1.0.0.zip", {"index.html": "hi", "PostDeploy.sh": "echo placed by $PWD"})
    where = "get_octopusvariable 'Octopus.Action[Place].Output.Package.InstallationDirectoryPath'; echo"
    site, drop = tmp_path / "site", tmp_path / "drop"
    await create_project(
        stage,
        "Web",
        step("Place", "TentaclePackage", "web", package, Package_CustomInstallationDirectory=str(site)),
        step("Hand over", "TransferPackage", "web", package, Package_TransferPath=str(drop)),
        script("Where", where, roles="web"),
    )
    async with served_agent(tmp_path, stage.server.identity.thumbprint, OFFICIAL) as agent:
        await add_target(stage, agent.endpoint.uri, agent.endpoint.thumbprint, "web-1")

        details = await deploy(stage, "Web")

    assert details["Task"]["State"] == "Success", said(details)
    assert (site / "index.html").read_text() == "hi"
    assert [each.name for each in drop.iterdir()] == ["Site.1.0.0.zip"]
    assert f"placed by {site}" in said(details)
    assert str(site) in said(details)


async def test_a_target_keeps_as_many_deployments_as_the_lifecycle_says(stage: Stage, tmp_path: Path) -> None:
    """script-execution 85"""
    lifecycle = (await stage.api.get("/api/lifecycles/all"))[0]
    lifecycle["TentacleRetentionPolicy"] = {"Unit": "Items", "QuantityToKeep": 1, "ShouldKeepForever": False}
    await stage.api.put(f"/api/lifecycles/{lifecycle['Id']}", lifecycle)
    package = await push(stage, "Site.1.0.0.zip", {"index.html": "hi"})
    await create_project(stage, "Web", step("Place", "TentaclePackage", "web", package))
    async with served_agent(tmp_path, stage.server.identity.thumbprint, OFFICIAL) as agent:
        await add_target(stage, agent.endpoint.uri, agent.endpoint.thumbprint, "web-1")

        ends = [await deploy(stage, "Web") for _ in range(3)]

    assert [end["Task"]["State"] for end in ends] == ["Success"] * 3, said(ends[-1])
    places = (tmp_path / "home/Applications/Dev/Site").iterdir()
    assert sorted(place.name for place in places) == ["1.0.0_1", "1.0.0_2"]


async def test_an_e_mail_is_written_to_addresses_and_teams(stage: Stage, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    settings = {"SmtpHost": "127.0.0.1", "SmtpPort": port, "SendEmailFrom": "octavo@example.org"}
    await stage.api.put("/api/smtpconfiguration", settings)
    subject = "#{Octopus.Project.Name} #{Octopus.Release.Number} is in #{Octopus.Environment.Name}"
    mail = step(
        "Tell", "Email", Email_To="a@example.org; Bo <b@example.org>", Email_Subject=subject, Email_Body="Done."
    )
    await create_project(stage, "Web", mail)

    details = await deploy(stage, "Web")

    assert details["Task"]["State"] == "Success", said(details)
    (message,) = box.mails
    assert (message["Subject"], message["To"]) == ("Web 1.0.0 is in Dev", "a@example.org, b@example.org")
    assert message.get_payload().strip() == "Done."
    assert details["Task"]["Id"] in message["Message-ID"]


async def test_an_e_mail_that_cannot_be_sent_fails_its_step_and_says_why(stage: Stage) -> None:
    await create_project(stage, "Web", step("Tell", "Email", Email_To="a@example.org", Email_Subject="x"))

    without = await deploy(stage, "Web")
    settings = {"SmtpHost": "127.0.0.1", "SmtpPort": 1, "SendEmailFrom": "octavo@example.org"}
    await stage.api.put("/api/smtpconfiguration", settings)
    refused = await deploy(stage, "Web")

    assert "no mail settings" in without["Task"]["ErrorMessage"]
    assert "127.0.0.1:1 did not take the e-mail" in refused["Task"]["ErrorMessage"]


async def test_another_project_is_deployed_with_the_release_that_was_chosen(stage: Stage, tmp_path: Path) -> None:
    child = await create_project(stage, "Database", script("Say", "echo migrated #{Octopus.Release.Number}"))
    await release(stage, "Database", "1.1.0")
    properties: Any = {"DeployRelease_ProjectId": child, "DeployRelease_DeploymentCondition": "IfNotCurrentVersion"}
    await create_project(stage, "Web", step("Database first", "DeployRelease", **properties), version="")
    await release(stage, "Web", "1.0.0", Packages=["Database first:1.0.0"])
    await release(stage, "Web", "1.1.0")
    assert "no release" in str(await release(stage, "Web", "1.2.0", 400, Packages=["Database first:7.0"]))
    async with served_agent(tmp_path, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")

        first, again = await deploy(stage, "Web"), await deploy(stage, "Web")
        newer = await deploy(stage, "Web", "1.1.0")
        children = (await stage.api.get(f"/api/deployments?projects={child}"))["Items"]

    assert [each["Task"]["State"] for each in (first, again, newer)] == ["Success"] * 3
    versions = [(await stage.api.get(f"/api/releases/{each['ReleaseId']}"))["Version"] for each in children]
    assert versions == ["1.1.0", "1.0.0"]  # none by the second
    assert any("Database 1.0.0 is deployed here already" in line for line in said(again))


async def test_a_deployment_that_fails_fails_the_one_that_wanted_it(stage: Stage, tmp_path: Path) -> None:
    child = await create_project(stage, "Database", script("Say", "exit 3"))
    await create_project(stage, "Web", step("Database first", "DeployRelease", DeployRelease_ProjectId=child))
    async with served_agent(tmp_path, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")

        details = await deploy(stage, "Web")

    assert details["Task"]["State"] == "Failed"
    assert "Deploy Database release 1.0.0 to Dev" in details["Task"]["ErrorMessage"]


async def test_cancelling_a_deployment_cancels_the_one_it_waits_for(stage: Stage, tmp_path: Path) -> None:
    child = await create_project(stage, "Database", script("Say", "sleep 60"))
    await create_project(stage, "Web", step("Database first", "DeployRelease", DeployRelease_ProjectId=child))
    async with served_agent(tmp_path, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")
        task_id = await queue(stage, "Web")

        async def runs() -> bool:
            return bool((await stage.api.get("/api/tasks?states=Executing&name=Deploy"))["TotalResults"] == 2)

        await stage.until(runs)
        await stage.api.post(f"/api/tasks/{task_id}/cancel", {}, 200)
        await stage.end_of(task_id)
        tasks = (await stage.api.get("/api/tasks?name=Deploy"))["Items"]

    assert [each["State"] for each in tasks] == ["Canceled", "Canceled"]


async def test_a_circle_of_projects_is_refused_before_anything_waits(stage: Stage) -> None:
    one = await create_project(stage, "One", script("Say", "echo"))
    await create_project(stage, "Two", step("First one", "DeployRelease", DeployRelease_ProjectId=one))
    own = step("Myself", "DeployRelease", DeployRelease_ProjectId=one)
    await stage.api.put(f"/api/projects/{one}/deploymentprocesses", {"Steps": [own]})
    await release(stage, "One", "2.0.0")

    assert "as a part of itself" in str(await queue(stage, "One", "2.0.0", 400))


@pytest.mark.parametrize(
    ("handling", "state"), [("TreatExceptionsAsErrors", "Failed"), ("TreatExceptionsAsWarnings", "Success")]
)
async def test_a_machine_that_is_not_well_fails_the_step_or_is_left_out(
    stage: Stage, tmp_path: Path, handling: str, state: str
) -> None:
    check = step("Check", "HealthCheck", "web", HealthCheck_Type="FullHealthCheck", HealthCheck_ErrorHandling=handling)
    await create_project(stage, "Web", check, script("Say", "echo on #{Octopus.Machine.Name}", roles="web"))
    async with served_agent(tmp_path, stage.server.identity.thumbprint) as agent:
        await add_target(stage, agent.endpoint.uri, agent.endpoint.thumbprint, "web-1")
        await add_target(stage, "https://127.0.0.1:1/", agent.endpoint.thumbprint[:-1] + "0", "web-2")

        details = await deploy(stage, "Web")

    assert details["Task"]["State"] == state, details["Task"]["ErrorMessage"]
    assert [line for line in said(details) if line.startswith("on ")] == (["on web-1"] if state == "Success" else [])


async def test_what_follows_by_itself_is_queued_with_the_end_and_what_cannot_be_is_told(
    stage: Stage, tmp_path: Path
) -> None:
    names = ["Dev", "Test", "Prod"]
    for name in names[1:]:
        await stage.api.post("/api/environments", {"Name": name})
    places = {each["Name"]: each["Id"] for each in await stage.api.get("/api/environments/all")}
    phases = [{"Name": "Dev", "OptionalDeploymentTargets": [places["Dev"]]}]
    phases += [{"Name": name, "AutomaticDeploymentTargets": [places[name]]} for name in names[1:]]
    lifecycle = await stage.api.post("/api/lifecycles", {"Name": "By itself", "Phases": phases})
    bad = step("Only in Prod", "TransferPackage", "web")
    bad["Actions"][0]["Environments"] = [places["Prod"]]
    project = await create_project(stage, "Web", script("Say", "echo"), bad, version="")
    known = await stage.api.get(f"/api/projects/{project}")
    await stage.api.put(f"/api/projects/{project}", known | {"LifecycleId": lifecycle["Id"]})
    await release(stage, "Web", "1.0.0")

    async def is_told() -> bool:
        return bool((await stage.api.get("/api/events?eventCategories=AutomaticDeploymentFailed"))["TotalResults"])

    async with served_agent(tmp_path, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")
        await deploy(stage, "Web")
        await stage.until(is_told)
        tasks = (await stage.api.get("/api/tasks?name=Deploy"))["Items"]
        event = (await stage.api.get("/api/events?eventCategories=AutomaticDeploymentFailed"))["Items"][0]

    assert [each["Description"].rpartition(" ")[2] for each in tasks] == ["Test", "Dev"]
    assert {each["State"] for each in tasks} == {"Success"}
    assert "names no package" in event["Message"]


async def test_a_variable_that_names_an_account_gives_its_parts_and_hides_its_secrets(
    stage: Stage, tmp_path: Path
) -> None:
    secret = {"HasValue": True, "NewValue": "hidden-pass"}
    account = {"Name": "Deployer", "AccountType": "UsernamePassword", "Username": "ann", "Password": secret}
    stored = await stage.api.post("/api/accounts", account)
    shown = "get_octopusvariable Who.Username; echo -n ' '; get_octopusvariable Who.Password | wc -c; "
    body = f"{shown}get_octopusvariable Who.Password"
    project = await create_project(stage, "Web", script("Say", body), version="")
    variable = {"Name": "Who", "Type": "UsernamePasswordAccount", "Value": stored["Id"]}
    await stage.api.put(f"/api/variables/variableset-{project}", {"Variables": [variable]})
    await release(stage, "Web", "1.0.0")
    async with served_agent(tmp_path, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")

        details = await deploy(stage, "Web")

    assert "ann 11" in said(details)
    assert "hidden-pass" not in str(details)
