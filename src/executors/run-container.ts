import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { ContainerProcess } from "../dsl/tasks/run-container.ts";
import type { ActivityContext } from "../ports/executor.ts";
import { ProblemError } from "./http/problem-error.ts";
import { createProcessExecutor, type ProcessExecutor, type ProcessPolicy } from "./process/runner.ts";

const ENGINES = ["docker", "podman"];
/** What the engine's command line needs of this process's environment: where to find the engine, and how it is configured. */
const ENGINE_VARIABLES = /^(PATH|HOME|XDG_(RUNTIME_DIR|CONFIG_HOME)|DOCKER_\w+|CONTAINERS?_\w+|SSH_AUTH_SOCK)$/;
/** Says when a container may be removed if it has ended, epoch milliseconds, so that any worker of the machine can. */
const REMOVE_AT = "io.durabull.remove-at";
/** A code that the command line itself ends with when the engine refuses. */
const REFUSED_BY_ENGINE = 125;
const DETAIL_LENGTH = 1_000;
const ENGINE_TIMEOUT_MS = 30_000;
/** The longest delay of a timer of Node. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Carries out `run: container` through the command line of docker or podman. Containers without a name of the author's are named
 * after the activity, so that what an earlier attempt left running is removed before the next one starts.
 */
export function createContainerExecutor(policy: ProcessPolicy): ProcessExecutor {
  return createProcessExecutor("container", policy, async (given, _directory, context) => {
    const container = given as ContainerProcess;
    const engine = await findEngine();
    const name = container.name ?? nameOf(context);
    await removeDue(engine, context);
    if (context.attempt > 1 || container.name === undefined) await remove(engine, name);
    return {
      command: engine,
      args: argumentsOf(container, name, policy.limits.memoryBytes),
      // Values stand in the environment, not on the command line, which every user of the machine can read.
      environment: { ...passedOn(container.environment), ...engineEnvironment() },
      stdin: container.stdin,
      limitsMemory: false,
      refusalOf: ({ code, stderr }) =>
        code === REFUSED_BY_ENGINE
          ? new ProblemError("runtime", `the container could not be run: ${stderr.trim().slice(-DETAIL_LENGTH)}`)
          : undefined,
      after: async (ended) => {
        if (!ended) await execute(engine, ["kill", name]);
        await cleanUp(engine, container, name, ended);
      },
    };
  });
}

function argumentsOf(container: ContainerProcess, name: string, memoryBytes: number): readonly string[] {
  const { image, command, ports, volumes, cleanup, removeAfterMs, environment } = container;
  const pull = { ifNotPresent: "missing", always: "always", never: "never" }[container.pull];
  const each = (option: string, values: readonly string[]) => values.flatMap((value) => [option, value]);
  return [
    "run",
    ...(cleanup === "always" ? ["--rm"] : []),
    ...(container.stdin === undefined ? [] : ["--interactive"]),
    ...["--name", name, "--pull", pull, "--memory", String(memoryBytes)],
    ...(removeAfterMs === undefined ? [] : ["--label", `${REMOVE_AT}=${Date.now() + removeAfterMs}`]),
    ...each(
      "--env",
      Object.entries(environment).map(([key, value]) => (isEngineVariable(key) ? `${key}=${value}` : key)),
    ),
    ...each("--publish", ports),
    ...each("--volume", volumes),
    ...(command === undefined ? [image] : ["--entrypoint", "sh", image, "-c", command, "sh"]),
    ...container.arguments,
  ];
}

function isEngineVariable(name: string): boolean {
  return ENGINE_VARIABLES.test(name);
}

function passedOn(environment: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !isEngineVariable(name)));
}

function engineEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => isEngineVariable(entry[0]) && entry[1] !== undefined,
    ),
  );
}

function nameOf({ executionId, task, idempotencyKey }: ActivityContext): string {
  const hash = createHash("sha256").update(`${executionId}\n${task}\n${idempotencyKey}`).digest("hex");
  return `durabull-${hash.slice(0, 24)}`;
}

/** @throws {ProblemError} configuration 400 when the PATH of this worker has neither. */
async function findEngine(): Promise<string> {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  for (const engine of ENGINES) {
    for (const directory of directories) {
      const path = join(directory, engine);
      const found = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return path;
    }
  }
  throw new ProblemError(
    "configuration",
    `run container: there is neither ${ENGINES.join(" nor ")} on the PATH of this task worker`,
  );
}

async function cleanUp(
  engine: string,
  { cleanup, removeAfterMs }: ContainerProcess,
  name: string,
  ended: boolean,
): Promise<void> {
  // `--rm` has removed one that ended by itself.
  if (cleanup === "always" && !ended) await remove(engine, name);
  if (removeAfterMs === undefined || removeAfterMs > LONGEST_TIMER_MS) return;
  setTimeout(() => void remove(engine, name), removeAfterMs).unref();
}

/** Removes what was to be removed by workers that have gone since. */
async function removeDue(engine: string, { log }: ActivityContext): Promise<void> {
  const format = `{{.Names}} {{.Label "${REMOVE_AT}"}}`;
  const filters = ["--filter", `label=${REMOVE_AT}`, "--filter", "status=exited"];
  const listed = await execute(engine, ["ps", "--all", ...filters, "--format", format]);
  for (const line of listed.split("\n")) {
    const [name = "", at = ""] = line.trim().split(" ");
    if (name === "" || !/^\d+$/.test(at) || Number(at) > Date.now()) continue;
    log.info({ container: name }, "a container has outlived its lifetime and is removed");
    await remove(engine, name);
  }
}

async function remove(engine: string, name: string): Promise<void> {
  await execute(engine, ["rm", "--force", name]);
}

/** What the engine says; nothing when it refuses: there may be nothing to remove. */
async function execute(engine: string, args: readonly string[]): Promise<string> {
  try {
    const options = { env: engineEnvironment(), timeout: ENGINE_TIMEOUT_MS };
    return (await promisify(execFile)(engine, [...args], options)).stdout;
  } catch {
    return "";
  }
}
