"""domain/planning.py: who does what where, and why something does not happen."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.server.domain.deployment_plans import (
    DeploymentPlan,
    RunsOn,
    deployment_plan_as_json,
    deployment_plan_from_json,
)
from octavo.server.domain.planning import PlanningFacts, PlanProblem, TargetFacts, plan_deployment
from octavo.server.domain.processes import steps_of

DEV = "Environments-1"


def action(name: str, **more: Any) -> dict[str, Any]:
    on_server = more.pop("on_server", "true")
    properties = {"Octopus.Action.RunOnServer": on_server, "Octopus.Action.Script.ScriptBody": "echo"}
    return {"Id": f"id-{name}", "Name": name, "ActionType": "Octopus.Script", "Properties": properties, **more}


def step(name: str, *actions: dict[str, Any], roles: str = "", **more: Any) -> dict[str, Any]:
    properties = {"Octopus.Action.TargetRoles": roles, **more.pop("properties", {})}
    return {
        "Id": f"step-{name}",
        "Name": name,
        "Properties": properties,
        "Actions": [*actions] or [action(name)],
        **more,
    }


def target(name: str, *roles: str, **more: Any) -> TargetFacts:
    return TargetFacts(f"Machines-{name}", name, frozenset(roles or ("web",)), frozenset({DEV}), **more)


def facts(**more: Any) -> PlanningFacts:
    given = {"environment_id": DEV, "pool_ids": frozenset({"WorkerPools-1"}), "default_pool_id": "WorkerPools-1"}
    return PlanningFacts(**{**given, **more})


def plan(*steps: dict[str, Any], **more: Any) -> DeploymentPlan:
    return plan_deployment(steps_of({"Steps": list(steps)}), facts(**more))


def test_a_script_without_roles_runs_once_on_a_worker_of_the_default_pool() -> None:
    (only,) = plan(step("One")).steps

    assert (only.actions[0].runs_on, only.actions[0].pool_id) == (RunsOn.WORKER, "WorkerPools-1")
    assert only.machines == ()
    assert only.unit_path(0, 0) == "1/1"


def test_roles_choose_the_machines_in_the_order_of_their_names() -> None:
    targets = [target("c"), target("A"), target("b", "db"), target("d", is_disabled=True)]

    (only,) = plan(step("One", action("One", on_server="false"), roles="WEB"), targets=targets).steps

    assert [machine.name for machine in only.machines] == ["A", "c"]
    assert only.actions[0].runs_on is RunsOn.TARGET


def test_on_behalf_of_targets_each_has_a_worker() -> None:
    (only,) = plan(step("One", roles="web"), targets=[target("a")]).steps

    assert only.actions[0].runs_on is RunsOn.WORKER_FOR_TARGET


def test_machines_that_take_no_part_are_named_with_the_reason() -> None:
    targets = [target("a"), target("off", is_disabled=True), target("out"), target("gone", health="Unavailable")]

    made = plan(
        step("One", roles="web"),
        targets=targets,
        excluded_machine_ids=frozenset({"Machines-out"}),
        skips_unavailable=True,
    )

    assert dict(made.left_out).keys() == {"Machines-off", "Machines-out", "Machines-gone"}


def test_what_does_not_run_says_why() -> None:
    made = plan(
        step("Disabled", action("Disabled", IsDisabled=True)),
        step("Elsewhere", action("Elsewhere", Environments=["Environments-9"])),
        step("Excluded", action("Excluded", ExcludedEnvironments=[DEV])),
        step("Channel", action("Channel", Channels=["Channels-9"])),
        step("Tenant", action("Tenant", TenantTags=["Ring/One"])),
        step("Skipped"),
        step("Roles", roles="nobody"),
        step("Runs"),
        skipped_action_ids=frozenset({"id-Skipped"}),
        allows_no_targets=True,
    )

    assert [bool(each.skip_reason) for each in made.steps] == [True] * 7 + [False]


def test_tags_need_one_of_each_set() -> None:
    tagged = step("One", action("One", TenantTags=["Ring/One", "Ring/Two", "Size/Big"]))

    assert plan(tagged, tenant_id="T", tenant_tags=frozenset({"ring/two", "Size/Big"})).steps[0].skip_reason == ""
    assert plan(tagged, tenant_id="T", tenant_tags=frozenset({"Ring/Two"})).steps[0].skip_reason != ""


@pytest.mark.parametrize(
    ("process", "more", "message"),
    [
        (step("One", action("One", ActionType="Octopus.AzureWebApp")), {}, "Octopus.AzureWebApp"),
        (step("One", action("One", WorkerPoolId="WorkerPools-9")), {}, "WorkerPools-9"),
        (step("One", action("One", IsRequired=True)), {"skipped_action_ids": frozenset({"id-One"})}, "required"),
        (step("One", roles="web"), {}, "no deployment targets"),
        (
            step("One", {**action("One"), "Properties": {"Octopus.Action.Script.ScriptSource": "GitRepository"}}),
            {},
            "Git repository",
        ),
        (
            step("One", action("One", Container={"Image": "alpine"})),
            {"pool_ids_without_containers": frozenset({"WorkerPools-1"})},
            "no worker of its pool has podman or docker",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(process: dict[str, Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanProblem, match=message):
        plan(process, **more)


def test_an_unknown_type_that_is_skipped_is_no_problem() -> None:
    assert plan(step("One", action("One", ActionType="Octopus.Nothing", IsDisabled=True))).steps[0].skip_reason


def test_a_script_in_an_unknown_language_is_refused() -> None:
    script = action("One")
    script["Properties"]["Octopus.Action.Script.Syntax"] = "CSharp"

    with pytest.raises(PlanProblem, match="CSharp"):
        plan(step("One", script))


def test_several_actions_run_one_after_the_other_on_each_machine() -> None:
    (only,) = plan(
        step("Roll", action("A", on_server="false"), action("B", on_server="false"), roles="web",
             properties={"Octopus.Action.MaxParallelism": "2"}),
        targets=[target("a"), target("b")],
    ).steps  # fmt: skip

    assert only.window == 2
    assert [only.unit_path(machine, each) for machine in range(2) for each in range(2)] == [
        "1/1/1",
        "1/1/2",
        "1/2/1",
        "1/2/2",
    ]
    assert [each.number for each in only.actions] == ["1.1", "1.2"]


def test_the_first_step_has_nothing_to_start_with() -> None:
    made = plan(step("One", StartTrigger="StartWithPrevious"), step("Two", StartTrigger="StartWithPrevious"))

    assert [each.starts_with_previous for each in made.steps] == [False, True]


@pytest.mark.parametrize(
    ("participation", "tenant", "takes_part"),
    [
        ("Untenanted", "", True),
        ("Untenanted", "T1", False),
        ("TenantedOrUntenanted", "", True),
        ("TenantedOrUntenanted", "T1", True),
        ("Tenanted", "", False),
        ("Tenanted", "T2", False),
    ],
)
def test_tenants_choose_machines(participation: str, tenant: str, takes_part: bool) -> None:
    machine = target("a", participation=participation, tenant_ids=frozenset({"T1"}))

    (only,) = plan(step("One", roles="web"), targets=[machine], tenant_id=tenant, allows_no_targets=True).steps

    assert bool(only.machines) is takes_part


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(NAMES, st.permutations(range(6)), st.frozensets(st.sampled_from("abcdef")), st.integers(1, 4))
def test_plans_hold_together(names: list[str], order: list[int], excluded: frozenset[str], count: int) -> None:
    targets = [target(name) for name in names]
    shuffled = [targets[place] for place in order if place < len(targets)]
    steps = [step(f"S{number}", action(f"A{number}"), action(f"B{number}"), roles="web") for number in range(count)]
    more = {"excluded_machine_ids": frozenset(f"Machines-{name}" for name in excluded), "allows_no_targets": True}

    made, again = plan(*steps, targets=targets, **more), plan(*steps, targets=shuffled, **more)

    assert made == again
    assert deployment_plan_from_json(deployment_plan_as_json(made)) == made
    assert not {machine.name for each in made.steps for machine in each.machines} & excluded
    paths = [
        each.unit_path(machine, place)
        for each in made.steps
        for machine in range(len(each.machines))
        for place in range(2)
    ]
    assert len(paths) == len(set(paths))
    assert [each.id for one in made.steps for each in one.actions] == [
        f"id-{kind}{n}" for n in range(count) for kind in "AB"
    ]


def typed(kind: str, roles: str = "web", packages: list[Any] | None = None, **properties: str) -> dict[str, Any]:
    values = {f"Octopus.Action.{name.replace('_', '.')}": value for name, value in properties.items()}
    return step(
        "One", action("One", ActionType=f"Octopus.{kind}", Properties=values, Packages=packages or []), roles=roles
    )


PRIMARY = [{"Name": "", "PackageId": "Site", "FeedId": "feeds-builtin"}]


@pytest.mark.parametrize(
    ("wanted", "runs_on"),
    [
        (typed("TentaclePackage", packages=PRIMARY, RunOnServer="true"), RunsOn.TARGET),
        (typed("TransferPackage", packages=PRIMARY, Package_TransferPath="/srv"), RunsOn.TARGET),
        (typed("HealthCheck"), RunsOn.SERVER_FOR_TARGET),
        (typed("Email", "", Email_To="a@example.org"), RunsOn.SERVER),
        (typed("Manual", ""), RunsOn.SERVER),
        (typed("DeployRelease", "", DeployRelease_ProjectId="Projects-2"), RunsOn.SERVER),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_type_is_done_where_it_belongs(wanted: dict[str, Any], runs_on: RunsOn) -> None:
    (only,) = plan(wanted, targets=[target("a")]).steps

    assert only.actions[0].runs_on is runs_on
    assert [each.name for each in only.machines] == (["a"] if "TARGET" in runs_on.name else [])


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (typed("TentaclePackage"), "names no package"),
        (typed("TentaclePackage", "", PRIMARY), "works on deployment targets"),
        (typed("TentaclePackage", packages=PRIMARY, EnabledFeatures="Octopus.Features.IISWebSite"), "IISWebSite"),
        (typed("TransferPackage", packages=PRIMARY), "does not say where"),
        (typed("HealthCheck", ""), "works on deployment targets"),
        (
            typed("HealthCheck", HealthCheck_IncludeMachinesInDeployment="IncludeCheckedMachines"),
            "fixed when it starts",
        ),
        (typed("Email", ""), "nobody to write to"),
        (typed("DeployRelease", ""), "which project's release"),
        (typed("DeployRelease", "", DeployRelease_ProjectId="Projects-1"), "a part of itself"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_action_of_its_type_lacks_is_said_before_anything_runs(wanted: dict[str, Any], reason: str) -> None:
    with pytest.raises(PlanProblem, match=reason):
        plan(wanted, targets=[target("a")], own_project_ids=frozenset({"Projects-1"}))
