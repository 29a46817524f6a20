// typescript-walkthrough 3, 4, 9: environments, lifecycles, project groups, tenants and tag sets.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
    EnvironmentRepository,
    EnvironmentV2Repository,
    LifecycleRepository,
    ProjectGroupRepository,
    SPACE,
    TagSetRepository,
    TenantRepository,
    connect,
    createEnvironment,
    createProject,
    fresh,
} from "./octavo.mjs";

for (const [noun, Repository] of [
    ["environment", EnvironmentRepository],
    ["lifecycle", LifecycleRepository],
    ["project group", ProjectGroupRepository],
    ["tenant", TenantRepository],
    ["tag set", TagSetRepository],
]) {
    test(`a ${noun} is made from its name alone, listed, changed and deleted`, async () => {
        const repository = new Repository(await connect(), SPACE);
        const name = fresh("Thing");

        const made = await repository.create({ Name: name });
        const found = await repository.list({ partialName: name, skip: 0, take: 5 });
        const changed = await repository.modify({ ...made, Description: "changed" });
        const read = await repository.get(made.Id);
        await repository.del(made);

        assert.deepEqual(found.Items.map((item) => item.Id), [made.Id]);
        assert.equal(found.TotalResults, 1);
        assert.equal(changed.Description, "changed");
        assert.deepEqual(read, changed);
        await assert.rejects(repository.get(made.Id));
    });
}

test("ids select, in any order and whatever is doubled or empty", async () => {
    const client = await connect();
    const environments = new EnvironmentRepository(client, SPACE);
    const one = await createEnvironment(client);
    const other = await createEnvironment(client);

    const found = await environments.list({ ids: [other.Id, one.Id, one.Id, ""], take: 4 });

    assert.deepEqual(new Set(found.Items.map((item) => item.Id)), new Set([one.Id, other.Id]));
});

test("environments are sorted by hand", async () => {
    const client = await connect();
    const environments = new EnvironmentRepository(client, SPACE);
    const one = await createEnvironment(client);
    const other = await createEnvironment(client);

    await environments.sort([other.Id, one.Id]);

    const order = (await environments.list({ take: 1000 })).Items.map((item) => item.Id);
    assert.ok(order.indexOf(other.Id) < order.indexOf(one.Id));
});

test("an environment tells its machines, a summary, and the variables that only it has", async () => {
    const client = await connect();
    const environments = new EnvironmentRepository(client, SPACE);
    const environment = await createEnvironment(client);

    assert.deepEqual((await environments.machines(environment)).Items, []);
    assert.ok(await environments.summary({ ids: environment.Id }));
    assert.deepEqual((await environments.variablesScopedOnlyToThisEnvironment(environment)).VariableMap, {});
});

test("an environment is found by its name in any case", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const environments = new EnvironmentRepository(client, SPACE);

    const found = await environments.getEnvironmentByName(environment.Name.toUpperCase());
    const listed = await new EnvironmentV2Repository(client, SPACE).list({ ids: [environment.Id] });

    assert.equal(found.Id, environment.Id);
    assert.equal(listed.Items[0].Type, "Static");
    assert.equal(await environments.getEnvironmentByName(fresh("Nowhere")), null);
});

test("tenants are told apart by their tags", async () => {
    const client = await connect();
    const [colour] = [fresh("Colour")];
    await new TagSetRepository(client, SPACE).create({
        Name: colour,
        Tags: [
            { Name: "Red", Color: "#FF0000", Description: "", SortOrder: 0 },
            { Name: "Blue", Color: "#0000FF", Description: "", SortOrder: 1 },
        ],
    });
    const tenants = new TenantRepository(client, SPACE);
    const red = await tenants.create({ Name: fresh("Red tenant"), TenantTags: [`${colour}/Red`] });

    const result = await tenants.tagTest([red.Id], [`${colour}/Red`, `${colour}/Blue`]);
    const found = await tenants.list({ tags: `${colour}/Red` });

    assert.equal(typeof result[red.Id].IsMatched, "boolean");
    assert.deepEqual(found.Items.map((item) => item.Id), [red.Id]);
});

test("a tenant's project variables are shown with their templates, set, and missed until then", async () => {
    const client = await connect();
    const environment = await createEnvironment(client);
    const project = await createProject(client, {
        TenantedDeploymentMode: "TenantedOrUntenanted",
        Templates: [{ Name: "Address", Label: "Address", DisplaySettings: { "Octopus.ControlType": "SingleLineText" } }],
    });
    const template = project.Templates[0];
    const tenants = new TenantRepository(client, SPACE);
    const tenant = await tenants.create({ Name: fresh("Tenant"), ProjectEnvironments: { [project.Id]: [environment.Id] } });

    const missing = await tenants.missingVariables({ tenantId: tenant.Id }, true);
    const variables = await tenants.getVariables(tenant);
    variables.ProjectVariables[project.Id].Variables[environment.Id][template.Id] = "here";
    const stored = await tenants.setVariables(tenant, variables);

    assert.equal(missing[0].MissingVariables.length, 1);
    assert.equal(stored.ProjectVariables[project.Id].Variables[environment.Id][template.Id], "here");
    assert.equal((await tenants.missingVariables({ tenantId: tenant.Id })).flatMap((each) => each.MissingVariables).length, 0);
    assert.equal((await tenants.getProjectVariables(tenant, true)).Variables[0].Value, "here");
    assert.deepEqual((await tenants.getCommonVariables(tenant, true)).Variables, []);
});
