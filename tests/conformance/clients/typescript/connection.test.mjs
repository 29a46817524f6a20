// typescript-walkthrough 1, 2, 10: how the client connects, finds its space, and what it says of errors.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EnvironmentRepository, SpaceRepository, SPACE, checkForCapability, connect, fresh, userGetCurrent } from "./octavo.mjs";

test("the client connects with a key and learns the server's version", async () => {
    const client = await connect();

    const server = await client.getServerInformation();

    assert.match(server.version, /^\d+\.\d+\.\d+/);
    assert.ok(server.installationId);
});

for (const ending of ["/", "/api", "/api/"]) {
    test(`an address may end with ${ending}`, async () => {
        const client = await connect({ instanceURL: process.env.OCTAVO_URL.replace(/\/$/, "") + ending });

        assert.ok((await userGetCurrent(client)).Id);
    });
}

test("a wrong key is refused", async () => {
    const wrong = connect({ apiKey: "API-WRONGWRONGWRONGWRONGWRONG" });

    await assert.rejects(wrong, (error) => error.StatusCode === 401);
});

test("the current user is the key's owner", async () => {
    const user = await userGetCurrent(await connect());

    assert.equal(user.Username, "admin");
});

test("a capability is there or named as missing", async () => {
    const client = await connect();

    assert.equal(typeof (await checkForCapability(client, "NoSuchCapability", "9.9")), "string");
});

test("a space is found by its exact name and no other", async () => {
    const client = await connect();
    const missing = new EnvironmentRepository(client, fresh("No such space"));

    assert.ok((await new EnvironmentRepository(client, SPACE).list()).Items);
    await assert.rejects(missing.list(), /No spaces exist with name/);
});

test("a space can be made, found, changed, stopped and deleted", async () => {
    const client = await connect();
    const spaces = new SpaceRepository(client);
    const me = await userGetCurrent(client);
    const name = fresh("S").slice(0, 20);

    const made = await spaces.create({ Name: name, SpaceManagersTeams: [], SpaceManagersTeamMembers: [me.Id], IsDefault: false });
    const environments = new EnvironmentRepository(client, name);
    await environments.create({ Name: "Dev" });
    const listed = await environments.list();
    made.TaskQueueStopped = true;
    const stopped = await spaces.modify(made);
    await spaces.del(stopped);

    assert.deepEqual(listed.Items.map((item) => item.Name), ["Dev"]);
    assert.equal((await spaces.list({ partialName: name })).TotalResults, 0);
});

test("an error's text names what is wrong", async () => {
    const environments = new EnvironmentRepository(await connect(), SPACE);
    const made = await environments.create({ Name: fresh("Twice") });

    await assert.rejects(environments.create({ Name: made.Name }), (error) => {
        assert.equal(error.StatusCode, 400);
        assert.match(error.message, new RegExp(made.Name));
        return true;
    });
    await assert.rejects(environments.get("Environments-99999"), (error) => error.StatusCode === 404);
});
