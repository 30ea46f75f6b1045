// Deliveries a second, ours beside graphile-worker's, in interleaved rounds on one PostgreSQL whose every commit is on disk.
//
//   DATABASE_URL=… INTERLOCK_PROGRAMS=…/release INTERLOCK_BENCH=…/deliveries-… node compare.mjs [rounds] [noop] [post] [state] [latency]
//
// Started by scripts/bench-deliveries.sh, which makes the cluster. A round of ours is a run of crates/worker/benches/deliveries.rs: from the lock of
// the connection to the commit of the last outcome. A round of theirs is graphile.mjs, four processes as in its own
// performance test: from the start of the runners to the end of the last, the start of node and the filling left out.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeWorkerUtils } from "graphile-worker";
import pg from "pg";

const programs = process.env.INTERLOCK_PROGRAMS;
const bench = process.env.INTERLOCK_BENCH;
if (!programs || !bench || !process.env.DATABASE_URL) throw new Error("start it with scripts/bench-deliveries.sh");
const rounds = Number(process.argv[2] ?? 5);
const parts = process.argv.length > 3 ? process.argv.slice(3) : ["noop", "post", "state", "latency"];
const PROCESSES = 4;
const NOOP = { events: 20_000, subjects: 2_000 };
const POST = { events: 4_000, subjects: 500 };
const KEY = "load-key";

const children = new Set();
function start(program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], ...options });
  children.add(child);
  child.on("exit", () => children.delete(child));
  child.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return child;
}

async function lineWith(child, words) {
  for (;;) {
    const { value, done } = await child.lines.next();
    if (done) throw new Error(`ended before it said ${words}`);
    if (value.includes(words)) return value;
  }
}

const ended = (child) => new Promise((resolve) => (child.exitCode === null ? child.on("exit", resolve) : resolve()));

/** Another database of the cluster in DATABASE_URL. */
function database(name) {
  const url = new URL(process.env.DATABASE_URL);
  url.pathname = `/${name}`;
  return url.href;
}

// ---- ours ----------------------------------------------------------------------------------------------------------
async function ours(...args) {
  const child = start(bench, args.map(String), { env: { ...process.env, DATABASE_URL: database("bench_ours") } });
  return JSON.parse(await lineWith(child, "{"));
}

// ---- theirs --------------------------------------------------------------------------------------------------------
const admin = new pg.Client({ connectionString: process.env.DATABASE_URL });
await admin.connect();
await admin.query("create database bench_theirs");
const theirDatabase = database("bench_theirs");
const utils = await makeWorkerUtils({ connectionString: theirDatabase });
await utils.migrate();
const their = new pg.Client({ connectionString: theirDatabase });
await their.connect();

/** Confirmations of the same size and shape as ours. */
const PAYLOAD = `json_build_object('event', gen_random_uuid(), 'order', 'B' || i % $2, 'revision', 1, 'sequence', 1 + i / $2, 'at', now(),
  'correlation', gen_random_uuid(), 'lines', json_build_array(json_build_object('line', '0010', 'schedule', 1, 'item', '4711', 'unit', 'PCE',
  'requested', json_build_object('quantity', '100', 'deliver_on', '2031-03-01'),
  'commitments', json_build_array(json_build_object('quantity', '100', 'deliver_on', '2031-03-01')))))`;

async function theirs(mode, { events, subjects }, ordered, simulator = "") {
  // Jobs of one queue run one after the other: its way of keeping an order's events in order.
  const queue = ordered ? "'q' || i % $2" : "null";
  await their.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select json_populate_record(null::graphile_worker.job_spec,
         json_build_object('identifier', '${mode}', 'queue_name', ${queue}, 'run_at', now(), 'payload', ${PAYLOAD}))
       from generate_series(0, $1::int - 1) i where $2::int > 0))`,
    [events, subjects],
  );
  await their.query("analyze");
  await their.query("checkpoint");
  const workers = Array.from({ length: PROCESSES }, () => start(process.execPath, ["graphile.mjs", mode, theirDatabase, simulator, KEY], { cwd: import.meta.dirname }));
  await Promise.all(workers.map((worker) => lineWith(worker, "ready")));
  const begun = process.hrtime.bigint();
  for (const worker of workers) worker.stdin.write("go\n");
  const said = await Promise.all(workers.map(async (worker) => JSON.parse(await lineWith(worker, "{"))));
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  const done = said.reduce((sum, one) => sum + one.done, 0);
  // A process of its that ends may give a batch of its local queue back when the others have ended too: what was done
  // counts, and the rest is cleared away.
  if (done < events * 0.9) throw new Error(`only ${done} of ${events} jobs were done`);
  await utils.withPgClient((client) => client.query("delete from graphile_worker._private_jobs"));
  return { count: done, seconds, per_second: done / seconds };
}

// ---- the simulated ERP ---------------------------------------------------------------------------------------------
async function simulatedErp() {
  const child = start(join(programs, "interlock-simulator"), ["--listen", "127.0.0.1:0", "--api-key", KEY], {
    env: { ...process.env, RUST_LOG: "warn" },
  });
  const address = /http:\/\/[0-9.]+:[0-9]+/.exec(await lineWith(child, "http://"))[0];
  for (let number = 0; number < POST.subjects; number += 1) {
    const order = {
      number: `B${number}`, status: "open", supplier: { number: "100234", name: "S" }, plant: { code: "DE10", name: "P" }, buyer: null,
      currency: "EUR", incoterm: null,
      lines: [{ number: "0010", item: { number: "4711", description: "Plate" }, unit: "PCE", schedule: [{ number: 1, quantity: "100", requested_on: "2031-03-01" }] }],
    };
    const answer = await fetch(`${address}/_control/orders`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order),
    });
    if (!answer.ok) throw new Error(`the simulator does not take orders: ${answer.status} ${await answer.text()}`);
  }
  return { child, address };
}

// ---- the rounds ----------------------------------------------------------------------------------------------------
const sorted = (numbers) => [...numbers].sort((one, other) => one - other);
const median = (numbers) => sorted(numbers)[Math.floor(numbers.length / 2)];
const results = {};
function keep(name, value) {
  (results[name] ??= []).push(value);
}

function tell(name, one, other) {
  const ratios = results[one].map((value, round) => value / results[other][round]);
  const [least, most] = [sorted(ratios)[0], sorted(ratios).at(-1)];
  const rate = (key) => Math.round(median(results[key])).toLocaleString("en");
  process.stdout.write(`${name}: ${rate(one)}/s against ${rate(other)}/s; ratio ${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})\n`);
}

try {
  const erp = parts.includes("post") ? await simulatedErp() : undefined;
  for (let round = 0; round < rounds; round += 1) {
    const turns = [
      ["ours noop", () => ours("noop", NOOP.events, NOOP.subjects)],
      ["theirs noop", () => theirs("noop", NOOP, false)],
      ["theirs noop ordered", () => theirs("noop", NOOP, true)],
      ["ours post", () => ours("post", POST.events, POST.subjects, erp.address, KEY)],
      ["theirs post ordered", () => theirs("post", POST, true, erp.address)],
    ].filter(([name]) => parts.some((part) => name.includes(part)));
    // Whoever is first in one round is last in the next.
    for (const [name, run] of round % 2 === 0 ? turns : turns.reverse()) {
      const { per_second } = await run();
      process.stdout.write(`round ${round + 1}, ${name}: ${Math.round(per_second)}/s\n`);
      keep(name, per_second);
    }
    for (const clients of parts.includes("state") ? [1, 8] : []) {
      const { alone_per_second, with_event_per_second } = await ours("state", clients, 2);
      keep(`change alone, ${clients}`, alone_per_second);
      keep(`change with event, ${clients}`, with_event_per_second);
    }
    if (parts.includes("latency")) {
      const { commit, called } = await ours("latency", 200);
      for (const [name, times] of Object.entries({ commit, called })) {
        keep(`${name} p50`, times.p50_ms);
        keep(`${name} p99`, times.p99_ms);
      }
    }
  }
  if (parts.includes("noop")) {
    tell("no-op sink, beside graphile-worker", "ours noop", "theirs noop");
    tell("no-op sink, beside graphile-worker in order per key", "ours noop", "theirs noop ordered");
  }
  if (parts.includes("post")) tell("one POST an event, beside graphile-worker in order per key", "ours post", "theirs post ordered");
  for (const clients of parts.includes("state") ? [1, 8] : []) {
    tell(`a change with its event, beside the change alone, ${clients} clients`, `change with event, ${clients}`, `change alone, ${clients}`);
  }
  for (const share of parts.includes("latency") ? ["p50", "p99"] : []) {
    process.stdout.write(`commit alone ${share} ${median(results[`commit ${share}`]).toFixed(2)} ms, commit and call of the connector ${median(results[`called ${share}`]).toFixed(2)} ms\n`);
  }
} finally {
  await utils.release();
  await Promise.all([their.end(), admin.end()]);
  for (const child of children) child.kill("SIGTERM");
  await Promise.all([...children].map(ended));
}
