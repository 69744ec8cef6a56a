// What an editor with yaml-language-server shows of a policy: its marks, what it offers, and what it explains.
// MODULES is the directory of node_modules that has the server; ./run sets it.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { start } from "./lsp.mjs";

const repository = new URL("../../", import.meta.url);
const schema = new URL("policy.schema.json", repository).href;
let server;
let documents = 0;

before(async () => { server = await start(pathToFileURL(process.env.MODULES)); });
after(() => server?.stop());

// shown opens a policy and returns its marks, each as line:column: message, in the order of the file.
async function shown(text) {
  const uri = `file:///policy-${++documents}.yaml`;
  const marks = await server.open(uri, `# yaml-language-server: $schema=${schema}\n${text}`);
  const order = (a, b) => a.start.line - b.start.line || a.start.character - b.start.character;
  return marks.sort((a, b) => order(a.range, b.range))
    .map((m) => `${m.range.start.line}:${m.range.start.character + 1}: ${m.message}`);
}

// at opens a policy in which | marks the cursor.
async function at(text) {
  const cursor = text.indexOf("|");
  await shown(text.replace("|", ""));
  const lines = text.slice(0, cursor).split("\n");
  return [`file:///policy-${documents}.yaml`, { line: lines.length, character: lines.at(-1).length }];
}

// offered is what an editor offers at the cursor, by label.
async function offered(text) {
  const { items } = await server.complete(...await at(text));
  return new Map(items.map((i) => [i.label, { insert: i.textEdit?.newText ?? i.insertText,
    doc: i.documentation?.value ?? i.documentation }]));
}

async function explained(text) {
  return (await server.hover(...await at(text))).contents.value;
}

const head = "version: 1\nrules:\n  - id: idle\n    when:\n      lastUsed: {olderThan: 21d}\n";
const whole = head + "    then: flag\n";

const duration = "write a duration: numbers with the units w d h m s, the larger unit first, such as 21d or 1d12h";
const consequence = "write flag, or a map from step to delay, such as {quarantine: 3d, revoke: 7d}";
for (const [name, text, ...want] of [
  ["a good policy", whole],
  ["a duration that is a number", whole.replace("21d", "21"), `5:29: ${duration}`],
  ["a duration in words", whole.replace("21d", "1 month"), `5:29: ${duration}`],
  ["a duration of nothing", whole.replace("21d", "0d"), "5:29: it must be longer than nothing, such as 21d"],
  ["a step that there isn't", `${head}    then: flagg\n`, `6:11: ${consequence}`],
  ["a step without its delay", `${head}    then: revoke\n`, `6:11: ${consequence}`],
  ["no step", `${head}    then:\n`, `6:10: ${consequence}`],
  ["an empty map of steps", `${head}    then: {}\n`,
    "6:11: Object has fewer properties than the required number of 1"],
  ["a list of steps", `${head}    then: [flag]\n`, `6:11: ${consequence}`],
  ["a map with a step that there isn't", `${head}    then: {revok: 7d}\n`, "6:12: Property revok is not allowed."],
  ["a step with a bad delay", `${head}    then: {revoke: 7}\n`, `6:20: ${duration}, 0d for at once`],
  ["a flag that waits", `${head}    then: {flag: 3d}\n`,
    "6:18: flagging can't wait, a token is reported in the run that first sees it: write flag: 0d"],
  ["a quarantine without a zone", `${head}    then: {quarantine: 3d}\n`,
    "1:1: a rule that quarantines needs a zone: add quarantine: {zone: …} with the id of a network zone that contains " +
    "nobody"],
  ["enforcing without limits", `mode: enforce\n${whole}`,
    "1:1: mode: enforce needs limits: add perRun, perDay and stopAbove: {count, percent}, 0 means none"],
  ["a channel's name and a zone's name",
    `${whole}quarantine: {zone: nowhere}\nnotify: {slack: {channel: "#security", mention: [anna]}}\n`,
    "7:20: write the id of a zone, such as nzo1a2b3c4d5e6f7g8h9",
    "8:27: write the id of the channel, such as C0SECURITY, from the end of its details in Slack",
    "8:50: write the id of a user group (S…) or a user (U… or W…), not a name"],
  ["an unknown mode and severity", `mode: dryrun\n${whole}    severity: bad\n`,
    "1:7: write one of dry-run, enforce", "8:15: write one of low, medium, high, critical"],
  ["a field without an operator", whole.replace("{olderThan: 21d}", "21d"),
    "5:17: write a map of operators, one or more of olderThan, newerThan, before, after, present"],
  ["a rule without a condition", "version: 1\nrules:\n  - {id: idle, when: , then: flag}\n",
    "3:22: write a condition such as {lastUsed: {olderThan: 21d}}"],
  ["a version in quotes", whole.replace("1", '"1"'), "1:10: write version: 1, without quotes"],
  ["a limit in quotes", `${whole}limits: {perRun: "3", perDay: 5, stopAbove: {count: 1, percent: 1}}\n`,
    "7:18: write a whole number from 0 to 1000000 in plain digits"],
]) {
  test(`an editor says what is wrong with ${name}`, async () => {
    assert.deepEqual(await shown(text), want);
  });
}

test("an editor marks nothing in policies that are good", async () => {
  const data = new URL("rules/testdata/", repository);
  const files = readdirSync(data).filter((f) => f.startsWith("good-")).map((f) => new URL(f, data));
  assert.ok(files.length >= 25);
  for (const file of [...files, new URL("policy.example.yaml", repository), new URL("cli/demo.yaml", repository)]) {
    const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "").replace(/^# yaml-language-server.*/m, "#");
    if (!/^%/m.test(text)) { // the server looks for its own line before the directives, where YAML has none
      assert.deepEqual(await shown(text), [], file.pathname);
    }
  }
});

test("then completes every step, alone and together, in block style", async () => {
  const value = await offered(`${head}    then: |\n`);
  assert.deepEqual([...value.keys()].sort(),
    ["flag", "{flag: 0d, revoke: 7d}", "{quarantine: 3d, revoke: 7d}", "{quarantine: 3d}"]);
  assert.equal(value.get("flag").doc, "report it, and change nothing");
  assert.equal(value.get("{quarantine: 3d, revoke: 7d}").insert, "\n  quarantine: 3d\n  revoke: 7d");
  for (const [label, { doc }] of value) {
    assert.ok(doc, `${label} is explained`);
  }
  const keys = await offered(`${head}    then:\n      |\n`);
  for (const step of ["flag", "quarantine", "revoke"]) {
    assert.ok(keys.get(step)?.doc, step);
  }
  assert.deepEqual([...(await offered(`${head}    then:\n      quarantine: |\n`)).keys()].sort(), ["0d", "3d", "7d"]);
});

test("words are offered, each with what it means", async () => {
  for (const [text, word, doc] of [
    ["severity", "critical", "to be mended now"],
    ["when:\n      owner.status", "DEPROVISIONED", "the admin console calls it Deactivated"],
    ["when:\n      owner.status:\n        is", "LOCKED_OUT", "the admin console calls it Locked out"],
    ["when:\n      owner.status:\n        in:\n          -", "LOCKED_OUT", "the admin console calls it Locked out"],
    ["when:\n      owner.roles:\n        containsAny:\n          -", "SUPER_ADMIN",
      "the admin console calls it Super Administrator"],
    ["when:\n      network.connection", "ANYWHERE", "the admin console calls it Any IP"],
  ]) {
    const colon = text.endsWith("-") ? "" : ":";
    const all = await offered(`version: 1\nrules:\n  - id: idle\n    ${text}${colon} |\n`);
    assert.equal(all.get(word)?.doc, doc, text);
    assert.equal(all.get(word)?.insert, word, text);
  }
  const modes = await offered("version: 1\nmode: |\n");
  assert.equal(modes.get("dry-run").doc, "report only; the default");
  assert.match((await offered(`${whole}notify:\n  slack:\n    on: |\n`)).get("changes").doc, /the default$/);
});

test("examples are offered where any value will do", async () => {
  for (const [text, ...want] of [
    ["version: 1\nrules:\n  - when:\n      lastUsed:\n        olderThan: |\n", "21d", "12h", "P21D"],
    [`${whole}schedule:\n  cron: |\n`, "0 9 * * 1-4", '"@daily"'],
    [`${whole}schedule:\n  timezone: |\n`, "Etc/UTC", "Europe/Berlin"],
    [`${whole}exemptions:\n  - until: |\n`, "2027-01-31", "2027-01-31T18:00:00Z"],
    ["version: 1\norg: |\n", "https://acme.okta.com"],
    [`${whole}protect:\n  actOnClients:\n    - |\n`, "Okta API"],
  ]) {
    assert.deepEqual([...(await offered(text)).keys()].sort(), want.sort(), text);
  }
});

// What an editor writes is in block style, in the order in which people write it, and right as it stands.
test("an example of each map is offered, and is right as it stands", async () => {
  for (const [key, label, lines] of [
    ["schedule", "{cron: 0 9 * * 1-4, timezone: Etc/UTC}", ["cron: 0 9 * * 1-4", "timezone: Etc/UTC"]],
    ["limits", "{perRun: 3, perDay: 5, stopAbove: {count: 10, percent: 20}}",
      ["perRun: 3", "perDay: 5", "stopAbove:", "  count: 10", "  percent: 20"]],
    ["protect", "{actOnClients: [Okta API], newerThan: 24h}", ["actOnClients:", "  - Okta API", "newerThan: 24h"]],
    ["quarantine", "{zone: nzo1a2b3c4d5e6f7g8h9}", ["zone: nzo1a2b3c4d5e6f7g8h9"]],
    ["notify", "{slack: {channel: C0SECURITY, on: changes}}", ["slack:", "  channel: C0SECURITY", "  on: changes"]],
    ["exemptions", "{match: {name: {like: dr-*}}, reason: disaster-recovery…",
      ["- match:", "    name:", "      like: dr-*", "  reason: disaster-recovery drill, used every quarter",
        "  owner: sre@acme.example", "  until: 2027-01-31"]],
  ]) {
    const insert = (await offered(`${whole}${key}:\n  |\n`)).get(label)?.insert;
    assert.deepEqual(insert?.split("\n"), lines, key);
    assert.deepEqual(await shown(`${whole}${key}:\n  ${lines.join("\n  ")}\n`), [], key);
  }
  const rule = (await offered("version: 1\nrules:\n  |\n")).get("{id: unused-token, when: {lastUsed: {olderThan: 21d}}, …");
  const lines = ["- id: unused-token", "  when:", "    lastUsed:", "      olderThan: 21d", "  then: flag"];
  assert.deepEqual(rule?.insert.split("\n"), lines);
  assert.deepEqual(await shown(`version: 1\nrules:\n  ${lines.join("\n  ")}\n`), []);
});

test("what an editor writes for a key has its needed keys, in the order of the reference", async () => {
  const keys = await offered("|\n");
  assert.deepEqual([...keys.keys()].filter((k) => /^[a-z]+$/.test(k)), ["version", "org", "mode", "schedule", "limits",
    "protect", "quarantine", "exemptions", "rules", "notify"]);
  assert.equal(keys.get("rules").insert, "rules:\n  - id: $1\n    when:\n      $2\n    then: $3");
  assert.equal(keys.get("limits").insert, "limits:\n  perRun: $1\n  perDay: $2\n  stopAbove:\n    count: $3\n    percent: $4");
});

test("titles and examples are shown at the cursor", async () => {
  for (const [text, ...parts] of [
    [whole.replace("olderThan", "older|Than"), "#### olderThan (a duration)\n\nmore than this long ago\n",
      "Example:\n\n```yaml\n21d\n```"],
    [`${whole}lim|its: {perRun: 3}\n`, "#### limits (a map)\n\nbounds on quarantines",
      "```yaml\nlimits:\n  perRun: 3\n  perDay: 5\n  stopAbove:\n    count: 10\n    percent: 20\n```"],
    [whole.replace("rules", "ru|les"), "#### rules (a list)\n",
      "```yaml\nrules:\n  - id: unused-token\n    when:\n      lastUsed:\n        olderThan: 21d\n    then: flag\n```"],
    [`${head}    the|n: {flag: 0d}\n`, "#### then (a map of steps)\n"],
    [`${whole}    severity: hi|gh\n`, "#### severity (one of low, medium, high, critical)\n",
      "* `high`: to be mended soon\n"],
    [whole.replace("lastUsed:", "last|Used:"), "#### lastUsed (time)\n\nderived: expiresAt less tokenWindow"],
    [whole.replace("when", "wh|en"), "#### when (a condition)\n"],
  ]) {
    const card = await explained(text);
    for (const part of parts) {
      assert.ok(card.includes(part), `${JSON.stringify(part)} in ${JSON.stringify(card)}`);
    }
  }
});
