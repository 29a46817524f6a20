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
