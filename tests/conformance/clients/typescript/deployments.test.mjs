// typescript-walkthrough 5, 8, 11: processes, releases, deployments, and waiting for their tasks.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
    DeploymentProcessRepository,
    DeploymentRepository,
    EnvironmentRepository,
    EnvironmentV2Repository,
    ProjectRepository,
    ReleaseRepository,
    SPACE,
    ServerTaskWaiter,
    SpaceServerTaskRepository,
    TenantRepository,
    connect,
    createEnvironment,
    createProject,
    fresh,
    logOf,
    scriptStep,
    setSteps,
    wait,
} from "./octavo.mjs";

async function releasedProject(client, steps, more = {}) {
    const project = await createProject(client, more);
    await setSteps(client, project, steps);
    const releases = new ReleaseRepository(client, SPACE);
    const release = await releases.create({ spaceName: SPACE, ProjectName: project.Name, ReleaseVersion: "1.0.0" });
    return { project, release };
}

async function deploy(client, project, environments, more = {}) {
    const answer = await new DeploymentRepository(client, SPACE).create({
        spaceName: SPACE,
        ProjectName: project.Name,
        ReleaseVersion: "1.0.0",
        EnvironmentNames: environments.map((environment) => environment.Name),
        ...more,
    });
    return answer.DeploymentServerTasks;
}

test("a project is made from name, group and lifecycle, changed and deleted", async () => {
    const client = await connect();
    const projects = new ProjectRepository(client, SPACE);

    const project = await createProject(client);
    const changed = await projects.modify({ ...project, Description: "changed" });
    await projects.del(project);

    assert.equal(project.DeploymentProcessId, `deploymentprocess-${project.Id}`);
    assert.equal(project.VariableSetId, `variableset-${project.Id}`);
    assert.equal(project.PersistenceSettings.Type, "Database");
    assert.equal(changed.Description, "changed");
    await assert.rejects(projects.get(project.Id));
});

test("a new process is empty; a stored one has ids, its next version, and everything that was sent", async () => {
    const client = await connect();
    const project = await createProject(client);
    const before = await new DeploymentProcessRepository(client, SPACE).get(project);
    const packages = [
        {
            Id: "",
            Name: "Hello",
            PackageId: "Hello",
            FeedId: "feeds-builtin",
            AcquisitionLocation: "Server",
            Properties: { Extract: "False", SelectionMode: "immediate", Purpose: "" },
        },
    ];
    const step = { ...scriptStep("Say hello", "echo hello", { Packages: packages }), Unheard: { of: ["member"] } };
    step.Properties["Octopus.Action.TargetRoles"] = "deploy";

    const after = await setSteps(client, project, [step]);

    assert.deepEqual(before.Steps, []);
    assert.equal(after.Version, before.Version + 1);
    assert.match(after.Steps[0].Id, /^[0-9a-f-]{36}$/);
    assert.match(after.Steps[0].Actions[0].Id, /^[0-9a-f-]{36}$/);
    assert.match(after.Steps[0].Actions[0].Packages[0].Id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(after.Steps[0].Unheard, { of: ["member"] });
    assert.equal(after.Steps[0].Actions[0].Properties["Octopus.Action.Script.ScriptBody"], "echo hello");
});

test("a process that somebody else changed meanwhile is not overwritten", async () => {
    const client = await connect();
    const project = await createProject(client);
    const processes = new DeploymentProcessRepository(client, SPACE);
    const stale = await processes.get(project);
    await setSteps(client, project, [scriptStep("One", "echo 1")]);

    await assert.rejects(processes.update(project, stale), (error) => error.StatusCode === 409);
});

test("a release is made once, found by version, and its repetition refused or ignored", async () => {
    const client = await connect();
    const { project, release } = await releasedProject(client, [scriptStep("One", "echo 1")]);
    const releases = new ReleaseRepository(client, SPACE);
    const again = { spaceName: SPACE, ProjectName: project.Name, ReleaseVersion: "1.0.0" };

    await assert.rejects(releases.create(again), /1\.0\.0/);
    const ignored = await releases.create({ ...again, IgnoreIfAlreadyExists: true });
    const listed = await releases.listForProject(project.Id, { searchByVersion: "0.0" });

    assert.deepEqual(ignored, release);
    assert.equal((await releases.get(release.ReleaseId)).Version, "1.0.0");
    assert.deepEqual(listed.Items.map((item) => item.Id), [release.ReleaseId]);
});

test("without a version the next one is taken", async () => {
    const client = await connect();
    const { project } = await releasedProject(client, [scriptStep("One", "echo 1")]);

    const next = await new ReleaseRepository(client, SPACE).create({ spaceName: SPACE, ProjectName: project.Name });

    assert.equal(next.ReleaseVersion, "1.0.1");
});

test("a release is deployed; its task, its log and its deployment can be read at once and afterwards", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const { project } = await releasedProject(client, [
        scriptStep("Say hello", "echo hello from #{Octopus.Environment.Name}"),
        scriptStep("Say more", 'echo "release $(get_octopusvariable Octopus.Release.Number)"'),
    ]);

    const [created] = await deploy(client, project, [environment]);
    const deployments = await new DeploymentRepository(client, SPACE).list({ ids: [created.DeploymentId], take: 1 });
    const environments = await new EnvironmentV2Repository(client, SPACE).list({ ids: [environment.Id, environment.Id], take: 2, skip: 0 });
    const [task] = await wait(client, [created.ServerTaskId]);

    const log = await logOf(client, created.ServerTaskId);
    assert.equal(deployments.Items[0].TaskId, created.ServerTaskId);
    assert.equal(deployments.Items[0].EnvironmentId, environment.Id);
    assert.equal(environments.Items[0].Name, environment.Name);
    assert.equal(task.State, "Success", log);
    assert.match(log, new RegExp(`hello from ${environment.Name}`));
    assert.match(log, /release 1\.0\.0/);

    const details = await new SpaceServerTaskRepository(client, SPACE).getDetails(created.ServerTaskId);
    const steps = details.ActivityLogs[0].Children;
    assert.deepEqual(steps.map((step) => step.Name), ["Step 1: Say hello", "Step 2: Say more"]);
    assert.deepEqual(steps.map((step) => step.Status), ["Success", "Success"]);
    assert.ok(steps[0].Children[0].LogElements.some((line) => line.MessageText.includes("hello from")));
});

test("a failing script fails its task and says why", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const { project } = await releasedProject(client, [scriptStep("Fail", "echo no; exit 3"), scriptStep("After", "echo never")]);

    const [created] = await deploy(client, project, [environment]);
    const [task] = await wait(client, [created.ServerTaskId]);

    assert.equal(task.State, "Failed");
    assert.equal(task.FinishedSuccessfully, false);
    assert.match(task.ErrorMessage, /exit code 3|Fail/);
    assert.doesNotMatch(await logOf(client, created.ServerTaskId), /never/);
});

test("several environments give a task each", async () => {
    const client = await connect();
    const environments = [await createEnvironment(client), await createEnvironment(client)];
    const { project } = await releasedProject(client, [scriptStep("One", "echo 1")]);

    const created = await deploy(client, project, environments);
    const tasks = await wait(client, created.map((each) => each.ServerTaskId));

    assert.equal(tasks.length, 2);
    assert.deepEqual(tasks.map((task) => task.State), ["Success", "Success"]);
});

test("steps can be skipped by name, and prompted variables given by name", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const project = await createProject(client);
    await setSteps(client, project, [scriptStep("Skipped", "echo never"), scriptStep("Greet", 'echo "got #{Greeting}"')]);
    const set = await client.get(`~/api/{spaceId}/variables/${project.VariableSetId}`, { spaceName: SPACE });
    set.Variables.push({
        Name: "Greeting",
        Value: "nobody",
        Type: "String",
        Prompt: { Label: "Whom to greet", Description: "", Required: true, DisplaySettings: {} },
    });
    await client.doUpdate(`~/api/{spaceId}/variables/${project.VariableSetId}`, set, { spaceName: SPACE });
    await new ReleaseRepository(client, SPACE).create({ spaceName: SPACE, ProjectName: project.Name, ReleaseVersion: "1.0.0" });

    const [created] = await deploy(client, project, [environment], { SkipStepNames: ["Skipped"], Variables: { Greeting: "world" } });
    const [task] = await wait(client, [created.ServerTaskId]);

    const log = await logOf(client, created.ServerTaskId);
    assert.equal(task.State, "Success", log);
    assert.match(log, /got world/);
    assert.doesNotMatch(log, /never/);
});

test("a deployment may start later, and ends unstarted when its time is over", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const { project } = await releasedProject(client, [scriptStep("One", "echo 1")]);
    const later = new Date(Date.now() + 3_600_000);

    const [created] = await deploy(client, project, [environment], { RunAt: later.toISOString() });
    const task = await new SpaceServerTaskRepository(client, SPACE).getById(created.ServerTaskId);

    assert.equal(task.State, "Queued");
    assert.equal(new Date(task.QueueTime).getTime(), later.getTime());
});

test("a waiter that loses patience cancels the task", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const { project } = await releasedProject(client, [scriptStep("Sleep", "sleep 30")]);
    const [created] = await deploy(client, project, [environment]);

    const impatient = new ServerTaskWaiter(client, SPACE).waitForServerTaskToComplete(created.ServerTaskId, 200, 1_500, undefined, true);
    await assert.rejects(impatient, /were cancelled|was cancelled|Timeout reached/);

    const [task] = await wait(client, [created.ServerTaskId]);
    assert.equal(task.State, "Canceled");
});

test("a tenant gets its own deployment, with its own values", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const { project } = await releasedProject(client, [scriptStep("Greet", "echo for #{Octopus.Deployment.Tenant.Name} at #{Address}")], {
        TenantedDeploymentMode: "TenantedOrUntenanted",
        Templates: [{ Name: "Address", Label: "Address", DefaultValue: "home", DisplaySettings: { "Octopus.ControlType": "SingleLineText" } }],
    });
    const tenant = await new TenantRepository(client, SPACE).create({
        Name: fresh("Acme"),
        ProjectEnvironments: { [project.Id]: [environment.Id] },
    });

    const answer = await new DeploymentRepository(client, SPACE).createTenanted({
        spaceName: SPACE,
        ProjectName: project.Name,
        ReleaseVersion: "1.0.0",
        EnvironmentName: environment.Name,
        Tenants: [tenant.Name],
        TenantTags: [],
    });
    const [created] = answer.DeploymentServerTasks;
    const deployment = await new DeploymentRepository(client, SPACE).get(created.DeploymentId);
    const [task] = await wait(client, [created.ServerTaskId]);

    const log = await logOf(client, created.ServerTaskId);
    assert.equal(deployment.TenantId, tenant.Id);
    assert.equal(task.State, "Success", log);
    assert.match(log, new RegExp(`for ${tenant.Name} at home`));
});

for (const [what, more] of [
    ["project", { ProjectName: "No such project" }],
    ["environment", { EnvironmentNames: ["No such environment"] }],
    ["step", { SkipStepNames: ["No such step"] }],
    ["machine", { SpecificMachineNames: ["No such machine"] }],
]) {
    test(`an unknown ${what} is named in the refusal`, async () => {
        const client = await connect();
        const environment = await createEnvironment(client);
        const { project } = await releasedProject(client, [scriptStep("One", "echo 1")]);

        await assert.rejects(deploy(client, project, [environment], more), new RegExp(`No such ${what}`));
    });
}

test("an environment is listed by the older address too", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);

    const listed = await new EnvironmentRepository(client, SPACE).list({ ids: [environment.Id], take: 1 });

    assert.equal(listed.Items[0].Id, environment.Id);
});
