// What every test of the TypeScript client needs: a connected client, names that nobody used yet, a process with a step.

import api from "@octopusdeploy/api-client";

export const {
    BuildInformationRepository,
    Client,
    DeploymentProcessRepository,
    DeploymentRepository,
    EnvironmentRepository,
    EnvironmentV2Repository,
    LifecycleRepository,
    OverwriteMode,
    PackageRepository,
    ProjectGroupRepository,
    ProjectRepository,
    ReleaseRepository,
    RunbookProcessRepository,
    RunbookRepository,
    RunbookRunRepository,
    RunbookSnapshotRepository,
    ServerTaskRepository,
    ServerTaskWaiter,
    SpaceRepository,
    SpaceServerTaskRepository,
    TagSetRepository,
    TenantRepository,
    checkForCapability,
    userGetCurrent,
} = api;

export const SPACE = "Default";
const WAIT_MS = 60_000;

export function connect(options = {}) {
    return Client.create({
        userAgentApp: "octavo-conformance",
        instanceURL: process.env.OCTAVO_URL,
        apiKey: process.env.OCTAVO_TEST_KEY,
        ...options,
    });
}

let count = 0;

/** A name for a resource of this test file. */
export function fresh(name) {
    count += 1;
    return `${name} ${process.pid}-${count}`;
}

/** A project with nothing in it yet. */
export async function createProject(client, more = {}) {
    const [group] = (await new ProjectGroupRepository(client, SPACE).list({ take: 1 })).Items;
    const [lifecycle] = (await new LifecycleRepository(client, SPACE).list({ take: 1 })).Items;
    return new ProjectRepository(client, SPACE).create({
        Name: fresh("Project"),
        ProjectGroupId: group.Id,
        LifecycleId: lifecycle.Id,
        ...more,
    });
}

export async function createEnvironment(client) {
    return new EnvironmentRepository(client, SPACE).create({ Name: fresh("Env") });
}

/** A step as people's scripts write it: no ids, the default worker pool. */
export function scriptStep(name, body, more = {}) {
    return {
        Id: "",
        Name: name,
        Condition: "Success",
        StartTrigger: "StartAfterPrevious",
        PackageRequirement: "LetOctopusDecide",
        Properties: {},
        Actions: [
            {
                Id: "",
                Name: name,
                ActionType: "Octopus.Script",
                Notes: null,
                IsDisabled: false,
                IsRequired: false,
                CanBeUsedForProjectVersioning: false,
                WorkerPoolId: null,
                WorkerPoolVariable: "",
                Container: { Image: null, FeedId: null },
                Environments: [],
                ExcludedEnvironments: [],
                Channels: [],
                TenantTags: [],
                Packages: [],
                Condition: "Success",
                Properties: {
                    "Octopus.Action.RunOnServer": "true",
                    "Octopus.Action.Script.ScriptSource": "Inline",
                    "Octopus.Action.Script.Syntax": "Bash",
                    "Octopus.Action.Script.ScriptBody": body,
                },
                ...more,
            },
        ],
    };
}

/** Give the project's process these steps. */
export async function setSteps(client, project, steps) {
    const processes = new DeploymentProcessRepository(client, SPACE);
    const process_ = await processes.get(project);
    process_.Steps = steps;
    return processes.update(project, process_);
}

/** The ended tasks, in the order of the ids. */
export async function wait(client, taskIds, spaceName = SPACE) {
    const ended = await new ServerTaskWaiter(client, spaceName).waitForServerTasksToComplete(taskIds, 200, WAIT_MS);
    return taskIds.map((id) => ended.find((task) => task.Id === id));
}

/** A task's log, for the message of a failing assertion. */
export function logOf(client, taskId, spaceName = SPACE) {
    return new SpaceServerTaskRepository(client, spaceName).getRaw(taskId);
}
