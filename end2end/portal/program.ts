/**
 * The program under test: `interlock serve` with a data directory of its own that is thrown away, on a free port.
 *
 * It is started as people start it, and known only by what it says: its address on stdout, its log on stderr, `/readyz`.
 * Whoever starts one stops it by its process id. The variables `INTERLOCK_BIN` and `INTERLOCK_SITE_ROOT` say what was built.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Cold on two busy cores, a start makes a database cluster and applies all migrations. */
const START_LIMIT_MS = 90_000;
const STOP_LIMIT_MS = 15_000;

/** What `scripts/test.sh` hands over. */
function given(name: "INTERLOCK_BIN" | "INTERLOCK_SITE_ROOT"): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run the tests through scripts/test.sh, or name what \`cargo xtask build\` made`);
  }
  return value;
}

/** A program of this repository, built beside `interlock`. */
export function built(name: string): string {
  return join(dirname(given("INTERLOCK_BIN")), name);
}

/** Our environment without settings that would reach the program by accident. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = Object.entries(process.env).filter(([name]) => !name.startsWith("INTERLOCK_") && name !== "DATABASE_URL");
  return Object.fromEntries(ours);
}

/** A process whose output is kept and can be waited for. */
export class Watched {
  readonly #child: ChildProcess;
  #said = "";
  #ended: string | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(
    readonly what: string,
    file: string,
    args: string[],
    environment: NodeJS.ProcessEnv,
  ) {
    this.#child = spawn(file, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    const hear = (piece: Buffer): void => {
      this.#said += piece.toString("utf8");
      this.#tell();
    };
    this.#child.stdout?.on("data", hear);
    this.#child.stderr?.on("data", hear);
    this.#child.on("error", (error) => this.#end(String(error)));
    this.#child.on("exit", (code, signal) => this.#end(signal ? `signal ${signal}` : `code ${code}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Everything it said so far. */
  get said(): string {
    return this.#said;
  }

  get running(): boolean {
    return this.#ended === undefined;
  }

  /** Resolves with the first match in what it says; fails when it ends before or says nothing in time. */
  async says(pattern: RegExp, limit = START_LIMIT_MS): Promise<string> {
    const found = await this.#until(() => pattern.exec(this.#said)?.[1], limit, `say ${pattern}`);
    return found;
  }

  /** Ends it: politely, then not. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.#child.kill("SIGTERM");
    try {
      await this.#until(() => this.#ended, STOP_LIMIT_MS, "stop", true);
    } catch {
      await this.kill();
    }
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (!this.running) return;
    this.#child.kill("SIGKILL");
    await this.#until(() => this.#ended, STOP_LIMIT_MS, "end after kill -9", true);
  }

  #end(how: string): void {
    this.#ended ??= how;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #until(look: () => string | undefined, limit: number, what: string, endIsFine = false): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        done();
        reject(new Error(`${this.what} did not ${what}: ${why}. It said:\n${this.#said.slice(-4_000)}`));
      };
      const check = (): void => {
        const found = look();
        if (found !== undefined) {
          done();
          resolve(found);
        } else if (!endIsFine && this.#ended !== undefined) {
          fail(`it ended with ${this.#ended}`);
        }
      };
      const timer = setTimeout(() => fail(`nothing after ${limit / 1000} s`), limit);
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }
}

/** A directory for one installation. PostgreSQL runs as another account when we are root, which has to get through. */
export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "interlock-"));
  await chmod(directory, 0o755);
  return directory;
}

/** How to start it. */
export interface ServeOptions {
  /** Its data; the caller throws it away. */
  directory: string;
  /** With demo data and the simulated ERP in the same process. */
  demo: boolean;
  /** Settings, as variables of the environment. */
  settings?: Record<string, string>;
}

/** `interlock serve`, ready. */
export class Program {
  private constructor(
    readonly url: string,
    readonly process: Watched,
  ) {}

  static async serve(options: ServeOptions): Promise<Program> {
    const args = ["serve", "--listen", "127.0.0.1:0", "--data-dir", options.directory, "--log-format", "json"];
    if (options.demo) args.push("--demo");
    const watched = new Watched("interlock serve", given("INTERLOCK_BIN"), args, {
      ...cleanEnvironment(),
      INTERLOCK_SITE_ROOT: given("INTERLOCK_SITE_ROOT"),
      // Tests ask more often than people do.
      INTERLOCK_REQUESTS_PER_SECOND: "0",
      ...options.settings,
    });
    try {
      const url = await watched.says(/is ready: (http:\/\/\S+)/);
      const ready = await fetch(`${url}/readyz`);
      if (!ready.ok) throw new Error(`/readyz says ${ready.status}: ${await ready.text()}`);
      return new Program(url, watched);
    } catch (error) {
      await watched.kill();
      throw error;
    }
  }

  /** Where the simulated ERP of `--demo` listens. */
  async erpUrl(): Promise<string> {
    const line = await this.process.says(/^(\{.*It listens\..*\})$/m);
    const address: unknown = (JSON.parse(line) as Record<string, unknown>)["address"];
    return `http://${String(address)}`;
  }
}

/** `interlock-simulator`: the simulated ERP as a process of its own, which keeps its book in a file. */
export async function simulator(address: string, key: string, state: string): Promise<Watched> {
  const watched = new Watched("interlock-simulator", built("interlock-simulator"), ["--listen", address, "--state", state], {
    ...cleanEnvironment(),
    INTERLOCK_SIMULATOR_KEY: key,
  });
  await watched.says(/^(http:\/\/\S+)$/m);
  return watched;
}

/** Throws a directory away; PostgreSQL may still be writing its last words. */
export async function throwAway(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
