// Runs Okta's own SDK for Node against oktatest, as sdk_test.go does with the one for Go. MODULES is the directory of
// node_modules that has the SDK, and FAKE the program of fake/main.go; ./run sets both.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { test } from "node:test";

const { Client, DefaultRequestExecutor } = createRequire(process.env.MODULES)("@okta/okta-sdk-nodejs");
const scopes = ["okta.apiTokens.manage", "okta.users.read", "okta.roles.read", "okta.networkZones.read"];
const login = "/oauth2/v1/token";

// started starts an org, and ends it with the test.
async function started(t, ...flags) {
  const fake = spawn(process.env.FAKE, flags, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: fake.stdout })[Symbol.asyncIterator]();
  const read = async () => JSON.parse((await lines.next()).value);
  const ended = new Promise((resolve) => { fake.on("exit", resolve); });
  t.after(async () => {
    fake.stdin.end();
    assert.equal(await ended, 0, "the org ended well");
  });
  const ask = (command) => { fake.stdin.write(`${command}\n`); return read(); };
  return { ...await read(), requests: () => ask("requests"), limit: () => ask("limit") };
}

// settings are how to log in, by the scheme of the credential.
const settings = (org) => ({
  SSWS: { orgUrl: org.url, token: org.token },
  DPoP: { orgUrl: org.url, authorizationMode: "PrivateKey", clientId: org.clientId, keyId: org.keyId,
    privateKey: org.privateKey, scopes },
});

async function all(list) {
  const items = [];
  for await (const item of await list) items.push(item);
  return items;
}

const ids = (list) => list.map((item) => item.id).sort();

for (const scheme of ["SSWS", "DPoP"]) {
  test(`the SDK for Node knows the fake for an org: ${scheme}`, async (t) => {
    const org = await started(t, "--proofs-by-app-key");
    const client = new Client(settings(org)[scheme]);

    const tokens = await all(client.apiTokenApi.listApiTokens());
    assert.deepEqual(ids(tokens), org.tokens.toSorted());
    for (const token of tokens) {
      assert.equal(token.clientName, "Okta API");
      assert.equal(token.expiresAt - token.created, 30 * 24 * 60 * 60 * 1000);
    }
    const one = await client.apiTokenApi.getApiToken({ apiTokenId: org.tokens[0] });
    assert.equal(one.userId, org.users[0]);
    assert.deepEqual(one.network.include, [org.zones[0]]);

    const users = await all(client.userApi.listUsers({ limit: 2 }));
    assert.deepEqual(ids(users), org.users.toSorted());
    for (const user of users) assert.deepEqual([user.status, user.profile.firstName], ["ACTIVE", "Kim"]);
    const zones = await all(client.networkZoneApi.listNetworkZones({ limit: 2 }));
    assert.deepEqual(ids(zones), org.zones.toSorted());
    for (const zone of zones) {
      assert.deepEqual([zone.constructor.name, zone.proxies[0].value], ["IPNetworkZone", "198.51.100.0-198.51.100.9"]);
    }
    await assert.rejects(all(client.userApi.listUsers({ search: 'status eq "ACTIVE"' })),
      { status: 400, errorCode: "E0000001" }, "the fake doesn't search, and says so");

    const roles = await all(client.roleAssignmentApi.listAssignedRolesForUser({ userId: org.users[0] }));
    assert.deepEqual(roles.map((r) => [r.constructor.name, r.type, r.label, r.assignmentType, r.status]), [
      ["StandardRole", "SUPER_ADMIN", "Super Administrator", "USER", "ACTIVE"],
      ["CustomRole", "CUSTOM", "Helpers", "USER", "ACTIVE"],
      ["CustomRole", "CUSTOM", "Auditors", "GROUP", "ACTIVE"],
    ]);
    assert.deepEqual([roles[1].role, roles[1].resource_set], ["cr0Yq6IJxGIr0ouum0g3", "iamoJDFKaJxGIr0oamd9g"]);
    const links = Object.entries(roles[1]._links).map(([name, { href }]) => [name, href.slice(org.url.length)]);
    const [set, role] = ["/api/v1/iam/resource-sets/iamoJDFKaJxGIr0oamd9g", "cr0Yq6IJxGIr0ouum0g3"];
    assert.deepEqual(Object.fromEntries(links), {
      assignee: `/api/v1/users/${org.users[0]}`,
      member: `${set}/bindings/${role}/members/${roles[1].id}`,
      permissions: `/api/v1/iam/permission-sets/${role}/permissions`,
      resource_set: set,
      role: `/api/v1/iam/roles/${role}`,
    });
    assert.match(roles[2]._links.assignee.href, /\/api\/v1\/groups\/00g/);

    await client.apiTokenApi.revokeApiToken({ apiTokenId: org.tokens[4] });
    await assert.rejects(client.apiTokenApi.getApiToken({ apiTokenId: org.tokens[4] }),
      { status: 404, errorCode: "E0000007" });

    const requests = await org.requests();
    const logins = requests.filter((r) => r.path === login);
    assert.equal(logins.length, { SSWS: 0, DPoP: 2 }[scheme], "without a nonce, and with one");
    for (const r of requests) if (r.path !== login) assert.equal(r.scheme, scheme);
    assert.equal(requests.filter((r) => r.method === "DELETE" && r.status === 204).length, 1);
  });

  // The SDK waits until the reset that the answer names, and asks again. It does so with the proof that it had: the fake
  // refuses it, as Okta does (okta-sdk-golang#554 is the same of another SDK).
  test(`the SDK for Node reads a rate limit: ${scheme}`, async (t) => {
    const org = await started(t, "--proofs-by-app-key");
    const requestExecutor = new DefaultRequestExecutor({ maxRetries: 1 });
    const waited = [];
    requestExecutor.on("backoff", (request, response, id, ms) => {
      waited.push(ms);
      assert.equal(response.headers.get("x-rate-limit-limit"), "1000");
      assert.match(id, /^[0-9a-f]{32}$/);
    });
    const client = new Client({ ...settings(org)[scheme], requestExecutor });
    assert.equal((await all(client.userApi.listUsers())).length, 3);
    await org.requests();
    await org.limit();
    const listed = all(client.networkZoneApi.listNetworkZones());
    if (scheme === "SSWS") assert.equal((await listed).length, 3);
    else await assert.rejects(listed, { status: 400 });
    assert.deepEqual((await org.requests()).map((r) => r.status), [429, { SSWS: 200, DPoP: 400 }[scheme]]);
    assert.ok(waited.length === 1 && waited[0] >= 1000 && waited[0] <= 2000, `it waited ${waited} ms`);
  });
}

// As long as nobody asks for it, the fake wants what Okta's documentation wants: a key for proofs alone.
test("a proof that is signed with the app's key is refused by default", async (t) => {
  const org = await started(t);
  const client = new Client(settings(org).DPoP);
  await assert.rejects(all(client.apiTokenApi.listApiTokens()), { status: 401, errorCode: "E0000011" });
  const requests = await org.requests();
  for (const r of requests) assert.equal(r.status, r.path === login ? 400 : 401);
});
