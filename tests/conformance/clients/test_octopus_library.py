"""Accounts and tenants by the official command line, as recorded: cli-walkthrough 10, 11."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from fakes.recorded_command_line import CommandLine
from fakes.recorded_commands import create_environment, create_project, create_tenant, fresh
from services_under_test.site import Site


@pytest.fixture
def line(site: Site) -> Iterator[CommandLine]:
    command_line = site.command_line()
    command_line.start()
    yield command_line
    command_line.close()


# ---- Accounts (11) ---------------------------------------------------------------------------------------------------


def sensitive(value: str) -> dict[str, Any]:
    return {"HasValue": True, "Hint": None, "NewValue": value}


ACCOUNTS: dict[str, dict[str, Any]] = {
    "UsernamePassword": {"Username": "deploy", "Password": sensitive("p")},
    "Token": {"Token": sensitive("t")},
    "SshKeyPair": {"Username": "deploy", "PrivateKeyFile": sensitive("a2V5"), "PrivateKeyPassphrase": None},
    "AmazonWebServicesAccount": {"AccessKey": "AKIA", "SecretKey": sensitive("s")},
    "GoogleCloudAccount": {"JsonKey": sensitive("e30=")},
    "AzureServicePrincipal": {
        "ClientId": "11111111-1111-1111-1111-111111111111",
        "TenantId": "22222222-2222-2222-2222-222222222222",
        "SubscriptionNumber": "33333333-3333-3333-3333-333333333333",
        "Password": sensitive("p"),
        "ResourceManagementEndpointBaseUri": "",
    },
}


@pytest.mark.parametrize("account_type", ACCOUNTS)
def test_account_create_list_delete(line: CommandLine, account_type: str) -> None:
    environment, name = create_environment(line), fresh("Account")
    (found,) = line.get(line.path(f"environments?name={quote(environment['Name'])}"))["Items"]
    body = {"AccountType": account_type, "Name": name, "EnvironmentIds": [found["Id"]]}
    body |= {"TenantedDeploymentParticipation": "Untenanted", **ACCOUNTS[account_type]}

    account = line.post(line.link("Accounts"), body)

    assert account["Slug"]
    assert name in [each["Name"] for each in line.pages(line.path(f"accounts?accountType={account_type}"))]
    assert name in [each["Name"] for each in line.pages(line.path("accounts"))]
    for member, value in ACCOUNTS[account_type].items():
        if isinstance(value, dict):
            assert account[member]["NewValue"] is None
            assert account[member]["HasValue"] is True
    (found,) = line.get(line.path(f"accounts?partialName={quote(name)}"))["Items"]
    line.delete(line.path(f"accounts/{found['Id']}"))


def test_tenant_connect_variables_disconnect_clone(line: CommandLine) -> None:
    environment, tenant = create_environment(line), create_tenant(line, [])
    template = {"Name": "Address", "Label": "Address", "DisplaySettings": {"Octopus.ControlType": "SingleLineText"}}
    project = create_project(line, Templates=[template])
    mode = {"TenantedDeploymentMode": "TenantedOrUntenanted"}
    project = line.put(line.path(f"projects/{project['Id']}"), project | mode)
    assert environment["Id"] in [each["Id"] for each in line.get(line.path("environments/all"))]

    connected = {"ProjectEnvironments": {project["Id"]: [environment["Id"]]}}
    tenant = line.put(line.path(f"tenants/{tenant['Id']}"), tenant | connected)

    toggles = line.get("/api/configuration/feature-toggles?Name=CommonVariableScopingFeatureToggle")
    assert toggles["FeatureToggles"] == []
    variables = line.get(tenant["Links"]["Variables"])
    missing = line.get(line.path(f"tenants/variables-missing?tenantId={tenant['Id']}"))
    assert [len(each["MissingVariables"]) for each in missing] == [1]
    mine = variables["ProjectVariables"][project["Id"]]
    mine["Variables"][environment["Id"]][mine["Templates"][0]["Id"]] = "home"
    stored = line.post(tenant["Links"]["Variables"], variables, status=None)
    shown = stored["ProjectVariables"][project["Id"]]["Variables"][environment["Id"]]
    assert shown == {mine["Templates"][0]["Id"]: "home"}

    clone = line.post(line.path(f"tenants?clone={tenant['Id']}"), {"Name": fresh("Clone"), "Description": ""})
    assert clone["ProjectEnvironments"] == connected["ProjectEnvironments"]
    without = {key: value for key, value in tenant.items() if key != "ProjectEnvironments"}
    assert line.put(line.path(f"tenants/{tenant['Id']}"), without)["ProjectEnvironments"] == {}
