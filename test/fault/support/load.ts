import { setTimeout as sleep } from "node:timers/promises";
import type { Json, JsonObject } from "../../../src/values/json.ts";
import type { Outside } from "../../support/outside.ts";
import { definitionOf, inputOf, KINDS, type Kind, outputOf, REFUSALS } from "./definitions.ts";

/** An execution that the API acknowledged, and how it ended. */
export interface Run {
  readonly kind: Kind;
  readonly tag: string;
  readonly executionId: string;
  readonly status: string;
  readonly output: Json;
}

export interface LoadOptions {
  readonly executions: number;
  /** Open at once; default 10. */
  readonly atOnce?: number;
  /** Goes on beyond `executions` until this is true. */
  readonly isEnough?: () => boolean;
  readonly kinds?: readonly Kind[];
  /** Between the end of one and the start of the next, so that a long load leaves the machine to others. */
  readonly pauseMs?: number;
}

/** What an execution may take, however often it is disturbed. */
const ENDS_WITHIN_MS = 120_000;
let tags = 0;

export async function register(url: string): Promise<void> {
  for (const kind of KINDS) {
    const { status, body } = await send(`${url}/api/v1/definitions`, "PUT", definitionOf(kind));
    if (status >= 300) throw new Error(`definition ${kind}: ${status} ${JSON.stringify(body)}`);
  }
}

/** Starts executions of all kinds and waits until all have ended. A refused or broken request is sent again, as a client would. */
export async function runLoad(url: string, outside: Outside, options: LoadOptions): Promise<readonly Run[]> {
  const { executions, atOnce = 10, isEnough = () => true, kinds = KINDS, pauseMs = 0 } = options;
  const runs: Run[] = [];
  let started = 0;
  const lane = async () => {
    while (started < executions || !isEnough()) {
      const kind = kinds[started % kinds.length] ?? "chain";
      started += 1;
      runs.push(await runOne(url, outside, kind));
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return runs;
}

async function runOne(url: string, outside: Outside, kind: Kind): Promise<Run> {
  tags += 1;
  const tag = `${kind}-${tags}`;
  let refusals = REFUSALS;
  outside.answer(`/${tag}/flaky`, () => (refusals-- > 0 ? { status: 503 } : {}));
  return { kind, tag, ...(await runToEnd(url, kind, tag, inputOf(outside.url, tag), ENDS_WITHIN_MS)) };
}

/** Starts an execution of a definition in `faults`, and waits for its end. @throws {Error} when it does not end in time. */
export async function runToEnd(
  url: string,
  name: string,
  tag: string,
  input: JsonObject,
  withinMs: number,
): Promise<Pick<Run, "executionId" | "status" | "output">> {
  const deadline = Date.now() + withinMs;
  const request = { definition: { namespace: "faults", name }, workflowId: tag, input };
  const started = await insist(deadline, `start of ${tag}`, () =>
    send(`${url}/api/v1/executions`, "POST", request, { "idempotency-key": tag }),
  );
  const executionId = String(started.executionId);
  for (;;) {
    const seen = await insist(deadline, `end of ${tag}`, () =>
      send(`${url}/api/v1/executions/${executionId}?wait=5s`, "GET"),
    );
    const status = String(seen.status);
    if (["COMPLETED", "FAILED", "CANCELLED"].includes(status)) {
      return { executionId, status, output: (seen.output ?? seen.error ?? null) as Json };
    }
    if (Date.now() > deadline) {
      const why = JSON.stringify(seen.waitingFor);
      throw new Error(`${tag} (${executionId}) is still ${status} after ${withinMs} ms, waiting for ${why}`);
    }
  }
}

/** What ought to come out of a run. */
export function expected({ kind, tag, executionId }: Run): Run {
  return { kind, tag, executionId, status: "COMPLETED", output: outputOf(kind, tag) };
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function insist(deadline: number, what: string, ask: () => Promise<Answer>): Promise<Answer["body"]> {
  for (;;) {
    const answer = await ask().catch((error: unknown) => ({ status: 0, body: { error: String(error) } }));
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    const again = answer.status === 0 || answer.status === 503;
    if (!again || Date.now() > deadline) throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    await sleep(200);
  }
}

export async function send(
  url: string,
  method: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const given = body === undefined ? {} : { body: JSON.stringify(body) };
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(url, { method, headers: { ...headers, ...type }, ...given });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}
