// typescript-walkthrough 12: the smallest story that touches everything, in a space of its own.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import {
    BuildInformationRepository,
    DeploymentProcessRepository,
    DeploymentRepository,
    EnvironmentRepository,
    LifecycleRepository,
    PackageRepository,
    ProjectGroupRepository,
    ProjectRepository,
    ReleaseRepository,
    RunbookProcessRepository,
    RunbookRepository,
    RunbookRunRepository,
    RunbookSnapshotRepository,
    SpaceRepository,
    SpaceServerTaskRepository,
    connect,
    fresh,
    logOf,
    scriptStep,
    userGetCurrent,
    wait,
} from "./octavo.mjs";
import { zipOf } from "./zip.mjs";

test("from an empty space to a deployed release and a run runbook, and back", async () => {
    const client = await connect();
    const me = await userGetCurrent(client);
    const spaces = new SpaceRepository(client);
    const spaceName = fresh("Story").slice(0, 20);
    const space = await spaces.create({ Name: spaceName, SpaceManagersTeams: [], SpaceManagersTeamMembers: [me.Id], IsDefault: false });

    const [group] = (await new ProjectGroupRepository(client, spaceName).list({ take: 1 })).Items;
    const [lifecycle] = (await new LifecycleRepository(client, spaceName).list({ take: 1 })).Items;
    const feeds = await client.get(`~/api/${space.Id}/feeds?take=1`);
    assert.equal(feeds.Items[0].FeedType, "BuiltIn");

    const project = await new ProjectRepository(client, spaceName).create({
        Name: "Web",
        ProjectGroupId: group.Id,
        LifecycleId: lifecycle.Id,
    });
    const processes = new DeploymentProcessRepository(client, spaceName);
    const process_ = await processes.get(project);
    const reference = { Id: "", Name: "Hello", PackageId: "Hello", FeedId: feeds.Items[0].Id, AcquisitionLocation: "Server" };
    reference.Properties = { Extract: "False", SelectionMode: "immediate", Purpose: "" };
    process_.Steps = [
        scriptStep("Say hello", 'echo "hello $(get_octopusvariable Octopus.Action.Package[Hello].PackageVersion)"', { Packages: [reference] }),
    ];
    await processes.update(project, process_);
    const environment = await new EnvironmentRepository(client, spaceName).create({ Name: "Dev" });

    const folder = mkdtempSync(join(tmpdir(), "octavo-story-"));
    const file = join(folder, "Hello.1.0.0.zip");
    writeFileSync(file, zipOf("hello.txt", Buffer.from("hello")));
    await new PackageRepository(client, spaceName).push([file]);
    await new BuildInformationRepository(client, spaceName).push({
        spaceName,
        BuildEnvironment: "CI",
        BuildNumber: "1",
        BuildUrl: "https://ci.example/1",
        Branch: "main",
        VcsType: "Git",
        VcsRoot: "https://git.example/r",
        VcsCommitNumber: "abc",
        Commits: [],
        Packages: [{ Id: "Hello", Version: "1.0.0" }],
    });

    const release = await new ReleaseRepository(client, spaceName).create({
        spaceName,
        ProjectName: "Web",
        ReleaseVersion: "1.0.0",
        Packages: ["Hello:1.0.0"],
    });
    const answer = await new DeploymentRepository(client, spaceName).create({
        spaceName,
        ProjectName: "Web",
        ReleaseVersion: release.ReleaseVersion,
        EnvironmentNames: ["Dev"],
    });
    const [deployed] = answer.DeploymentServerTasks;
    const deployments = await new DeploymentRepository(client, spaceName).list({ ids: [deployed.DeploymentId], take: 1 });
    const [task] = await wait(client, [deployed.ServerTaskId], spaceName);
    const log = await logOf(client, deployed.ServerTaskId, spaceName);
    assert.equal(deployments.Items[0].EnvironmentId, environment.Id);
    assert.equal(task.State, "Success", log);
    assert.match(log, /hello 1\.0\.0/);
    const details = await new SpaceServerTaskRepository(client, spaceName).getDetails(deployed.ServerTaskId);
    assert.equal(details.Progress.ProgressPercentage, 100);

    const runbook = await new RunbookRepository(client, spaceName, project).create({ ProjectId: project.Id, Name: "Check" });
    const runbookProcesses = new RunbookProcessRepository(client, spaceName, project);
    const runbookProcess = await runbookProcesses.get(runbook);
    runbookProcess.Steps = [scriptStep("Look", "echo looked")];
    await runbookProcesses.update(runbookProcess);
    await new RunbookSnapshotRepository(client, spaceName, project).create(runbook, "Snap 1", true);
    const run = await new RunbookRunRepository(client, spaceName).create({
        spaceName,
        ProjectName: "Web",
        RunbookName: "Check",
        EnvironmentNames: ["Dev"],
    });
    const [runTask] = await wait(client, [run.RunbookRunServerTasks[0].ServerTaskId], spaceName);
    assert.equal(runTask.State, "Success", await logOf(client, runTask.Id, spaceName));

    const stopped = await spaces.modify({ ...(await spaces.get(space.Id)), TaskQueueStopped: true });
    await spaces.del(stopped);
    assert.equal((await spaces.list({ partialName: spaceName })).TotalResults, 0);
});
