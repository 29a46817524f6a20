"""Single commands of the recorded command line that several tests begin with."""

import uuid
from typing import Any

from fakes.recorded_command_line import CommandLine


def fresh(name: str) -> str:
    return f"{name} {uuid.uuid4().hex[:8]}"


def create_project(line: CommandLine, **more: Any) -> Any:
    lifecycle = line.lookup("lifecycles", "Default Lifecycle")
    group = line.post(line.link("ProjectGroups"), {"Name": fresh("Apps"), "Slug": ""})
    policy = {
        "AllowDeploymentsToNoTargets": False,
        "ExcludeUnhealthyTargets": False,
        "SkipMachineBehavior": "None",
        "TargetRoles": [],
    }
    body = {
        "Name": fresh("Web"),
        "LifecycleId": lifecycle["Id"],
        "ProjectGroupId": group["Id"],
        "ProjectConnectivityPolicy": policy,
        **more,
    }
    return line.post(line.link("Projects"), body)


def create_environment(line: CommandLine, name: str | None = None) -> Any:
    body = {"AllowDynamicInfrastructure": False, "Name": name or fresh("Dev"), "Slug": "", "SortOrder": 0}
    return line.post(line.link("Environments"), body | {"SpaceId": "", "UseGuidedFailure": False})


def create_tag(line: CommandLine, scope: str) -> str:
    name = fresh("Ring")
    line.post(line.link("TagSets"), {"Name": name, "Scopes": [scope], "Tags": [{"Name": "One", "Color": "#333333"}]})
    return f"{name}/One"


def create_tenant(line: CommandLine, tags: list[str]) -> Any:
    body = {"ClonedFromTenantId": "", "Description": "", "Name": fresh("T"), "SpaceId": "", "TenantTags": tags}
    return line.post(line.link("Tenants"), body | {"IsDisabled": False})
