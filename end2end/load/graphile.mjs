// One process of graphile-worker with the settings of its own performance test. It says "ready", waits for a line on its
// input, works until nothing is left, and says how long that took. `compare.mjs` starts several at once.
//
//   node graphile.mjs noop|post <database> [simulator's address] [its key]
import { once } from "node:events";
import http from "node:http";
import { createInterface } from "node:readline";
import { Logger, runOnce } from "graphile-worker";

const [mode, database, simulator, key] = process.argv.slice(2);
// Its performance test runs four processes of 24 jobs each, with these queues.
const CONCURRENT_JOBS = 24;
const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENT_JOBS });
let done = 0;

function post(body, idempotencyKey) {
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    authorization: `Bearer ${key}`,
    "idempotency-key": idempotencyKey,
  };
  return new Promise((resolve, reject) => {
    const request = http.request(`${simulator}/confirmations`, { method: "POST", agent, headers }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(`answered ${answer.statusCode}`))));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const tasks = {
  noop: async () => {
    done += 1;
  },
  post: async (confirmation) => {
    await post(JSON.stringify(confirmation), confirmation.event);
    done += 1;
  },
};

const quiet = new Logger(() => (level, message) => {
  if (level === "error") process.stderr.write(`graphile-worker: ${message}\n`);
});
const preset = {
  worker: {
    connectionString: database,
    concurrentJobs: CONCURRENT_JOBS,
    maxPoolSize: CONCURRENT_JOBS + 1,
    localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    gracefulShutdownAbortTimeout: 2500,
  },
};

process.stdout.write("ready\n");
await once(createInterface({ input: process.stdin }), "line");
const begun = process.hrtime.bigint();
await runOnce({ preset, logger: quiet, taskList: { [mode]: tasks[mode] } });
process.stdout.write(`${JSON.stringify({ done, seconds: Number(process.hrtime.bigint() - begun) / 1e9 })}\n`);
process.exit(0);
