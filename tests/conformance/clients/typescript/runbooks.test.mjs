// typescript-walkthrough 6: runbooks, their snapshots and runs.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
    RunbookProcessRepository,
    RunbookRepository,
    RunbookRunRepository,
    RunbookSnapshotRepository,
    SPACE,
    connect,
    createEnvironment,
    createProject,
    logOf,
    scriptStep,
    wait,
} from "./octavo.mjs";

async function createRunbook(client, project, body) {
    const runbook = await new RunbookRepository(client, SPACE, project).create({
        ProjectId: project.Id,
        Name: "Check",
        EnvironmentScope: "All",
        MultiTenancyMode: "Untenanted",
        DefaultGuidedFailureMode: "EnvironmentDefault",
        RunRetentionPolicy: { QuantityToKeep: 1, ShouldKeepForever: false },
    });
    const processes = new RunbookProcessRepository(client, SPACE, project);
    const process_ = await processes.get(runbook);
    process_.Steps = [scriptStep("Look", body)];
    await processes.update(process_);
    return runbook;
}

test("a runbook is made, listed, changed and deleted", async () => {
    const client = await connect();
    const project = await createProject(client);
    const runbooks = new RunbookRepository(client, SPACE, project);

    const runbook = await createRunbook(client, project, "echo 1");
    const changed = await runbooks.modify({ ...(await runbooks.get(runbook.Id)), Description: "changed" });
    const listed = await runbooks.list({ partialName: "Chec" });
    await runbooks.del(runbook);

    assert.ok(runbook.RunbookProcessId);
    assert.equal(changed.Description, "changed");
    assert.deepEqual(listed.Items.map((item) => item.Id), [runbook.Id]);
    await assert.rejects(runbooks.get(runbook.Id));
});

test("a published snapshot runs as it was, whatever changed since", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const project = await createProject(client);
    const runbook = await createRunbook(client, project, "echo as it was");
    const snapshot = await new RunbookSnapshotRepository(client, SPACE, project).create(runbook, "Snap 1", true, "notes");
    const processes = new RunbookProcessRepository(client, SPACE, project);
    const process_ = await processes.get(runbook);
    process_.Steps = [scriptStep("Look", "echo as it is now")];
    await processes.update(process_);

    const runs = new RunbookRunRepository(client, SPACE);
    const answer = await runs.create({
        spaceName: SPACE,
        ProjectName: project.Name,
        RunbookName: runbook.Name,
        EnvironmentNames: [environment.Name],
    });
    const [created] = answer.RunbookRunServerTasks;
    const run = await runs.get(created.RunbookRunId);
    const listed = await runs.list({ ids: [created.RunbookRunId], take: 1 });
    const [task] = await wait(client, [created.ServerTaskId]);

    const log = await logOf(client, created.ServerTaskId);
    assert.equal(run.RunbookSnapshotId, snapshot.Id);
    assert.equal(run.TaskId, created.ServerTaskId);
    assert.equal(run.EnvironmentId, environment.Id);
    assert.equal(listed.Items[0].Id, run.Id);
    assert.equal(task.State, "Success", log);
    assert.match(log, /as it was/);
    assert.doesNotMatch(log, /as it is now/);
});

test("a snapshot is chosen by its name; without a published one the run is refused", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const project = await createProject(client);
    const runbook = await createRunbook(client, project, "echo chosen");
    await new RunbookSnapshotRepository(client, SPACE, project).create(runbook, "Snap A", false);
    const runs = new RunbookRunRepository(client, SPACE);
    const command = { spaceName: SPACE, ProjectName: project.Name, RunbookName: runbook.Name, EnvironmentNames: [environment.Name] };

    await assert.rejects(runs.create(command), /publish/i);
    const answer = await runs.create({ ...command, Snapshot: "Snap A" });
    const [task] = await wait(client, [answer.RunbookRunServerTasks[0].ServerTaskId]);

    assert.equal(task.State, "Success");
});
