// typescript-walkthrough 7: packages and what is known of their builds.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { BuildInformationRepository, OverwriteMode, PackageRepository, SPACE, connect } from "./octavo.mjs";
import { zipOf } from "./zip.mjs";

const folder = mkdtempSync(join(tmpdir(), "octavo-packages-"));

function packageFile(id, version, content = zipOf("hello.txt", Buffer.from("hello"))) {
    const file = join(folder, `${id}.${version}.zip`);
    writeFileSync(file, content);
    return file;
}

test("several packages are pushed at once, listed and read", async () => {
    const packages = new PackageRepository(await connect(), SPACE);
    const ids = ["One", "Two", "Three", "Four", "Five"].map((name) => `Ts.${name}`);

    await packages.push(ids.map((id) => packageFile(id, "1.0.0")));

    const found = await packages.list({ nuGetPackageId: "Ts.Three" });
    const read = await packages.get(found.Items[0].Id);
    assert.equal(read.Version, "1.0.0");
    assert.equal(read.PackageId, "Ts.Three");
});

test("a second push of a version fails, is ignored or replaces, as asked", async () => {
    const packages = new PackageRepository(await connect(), SPACE);
    const file = packageFile("Ts.Twice", "1.0.0");

    await packages.push([file]);

    await assert.rejects(packages.push([file]), /A package with the same name and version already exists/);
    await packages.push([file], OverwriteMode.IgnoreIfExists);
    await packages.push([file], OverwriteMode.OverwriteExisting);
});

test("a package of 60 MB is taken", async () => {
    const packages = new PackageRepository(await connect(), SPACE);

    const content = zipOf("words.txt", Buffer.alloc(60_000_000, "octavo "));

    await packages.push([packageFile("Ts.Big", "1.0.0", content)]);

    const found = await packages.list({ nuGetPackageId: "Ts.Big" });
    assert.equal(found.Items[0].PackageSizeBytes, content.length);
});

const BUILD = {
    spaceName: SPACE,
    BuildEnvironment: "BitBucket",
    BuildNumber: "288",
    BuildUrl: "https://ci.example/288",
    Branch: "main",
    VcsType: "Git",
    VcsRoot: "https://git.example/r",
    VcsCommitNumber: "abcd",
    Commits: [{ Id: "abcd", Comment: "a comment" }],
};

for (const order of ["before", "after"]) {
    test(`build information that comes ${order} the package is found on it`, async () => {
        const client = await connect();
        const id = `Ts.Built.${order}`;
        const push = [
            () => new BuildInformationRepository(client, SPACE).push({ ...BUILD, Packages: [{ Id: id, Version: "1.0.0" }] }),
            () => new PackageRepository(client, SPACE).push([packageFile(id, "1.0.0")]),
        ];

        for (const step of order === "before" ? push : push.reverse()) await step();

        const packages = new PackageRepository(client, SPACE);
        const [found] = (await packages.list({ nuGetPackageId: id })).Items;
        const read = await packages.get(found.Id);
        assert.equal(read.PackageVersionBuildInformation.BuildNumber, "288");
        assert.equal(read.PackageVersionBuildInformation.Commits[0].Comment, "a comment");
    });
}

test("build information is told once unless it may be replaced", async () => {
    const builds = new BuildInformationRepository(await connect(), SPACE);
    const told = { ...BUILD, Packages: [{ Id: "Ts.Told", Version: "2.0.0" }] };

    await builds.push(told);

    await assert.rejects(builds.push(told), /Metadata for the specified Package ID and version already exists\./);
    await builds.push(told, OverwriteMode.IgnoreIfExists);
    await builds.push(told, OverwriteMode.OverwriteExisting);
});
