import { setTimeout as sleep } from "node:timers/promises";
import type { EventEnvelope } from "../../src/values/cloud-event.ts";
import type { Json } from "../../src/values/json.ts";
import type { ServiceProcess } from "./service-process.ts";

export interface Problem {
  readonly type: string;
  readonly title?: string;
  readonly status: number;
  readonly detail?: string;
  readonly instance?: string;
}
export interface Execution {
  readonly executionId: string;
  readonly workflowId: string;
  readonly status: string;
  readonly output?: Json;
  readonly error?: Problem;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly historyLength: number;
  readonly waitingFor: readonly {
    readonly kind: string;
    readonly task?: string;
    readonly listensFor?: { readonly heard?: number };
    readonly detail: string;
  }[];
}
export interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly executionid: string;
  readonly workflowid: string;
  readonly sequence: number;
  readonly data: Readonly<Record<string, Json>>;
}
export interface TaskRun {
  readonly task: string;
  readonly name: string;
  readonly status: string;
  readonly attempt: number;
  readonly output?: Json;
}
export interface Letter {
  readonly id: string;
  readonly kind: string;
  readonly executionId: string;
  readonly error: Problem;
  readonly attempts: number;
  readonly redrivenAt?: string;
}
export interface BoardJob {
  readonly id: string;
  readonly data: { readonly id: string; readonly executionId: string; readonly kind: string };
  readonly failedReason: string;
}
export interface Issue {
  readonly pointer: string;
  readonly message: string;
}
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
}

/** How long a test waits for what must come; a healthy service needs a fraction of it. */
export const PATIENCE_MS = 50_000;

/** The service as its users meet it: over HTTP, as a tenant. */
export function apiOf(service: Pick<ServiceProcess, "url" | "metricsUrl">, tenant = "default") {
  async function ask<Body>(method: string, path: string, body?: unknown, type = "application/json", headers = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(service.url + path, {
      method,
      headers: { ...headers, "x-tenant-id": tenant, ...(body === undefined ? {} : { "content-type": type }) },
      ...(body === undefined ? {} : { body: text }),
    });
    const answer = await response.text();
    return { status: response.status, body: (answer === "" ? null : JSON.parse(answer)) as Body };
  }

  async function view(executionId: string): Promise<Execution> {
    return okay(await ask<Execution>("GET", `/api/v1/executions/${executionId}`));
  }

  async function pages<Item>(path: string): Promise<readonly Item[]> {
    const items: Item[] = [];
    for (let cursor: string | undefined; ; ) {
      const place: string = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page = okay(await ask<{ items: readonly Item[]; nextCursor?: string }>("GET", `${path}?limit=500${place}`));
      items.push(...page.items);
      cursor = page.nextCursor;
      if (cursor === undefined) return items;
    }
  }

  /** Starts a document (YAML) and gives the answer, whatever it is. */
  function tryStart(document: string, more: object = {}) {
    type Body = Execution & { readonly created: boolean; readonly code?: string; readonly execution?: Execution };
    return ask<Body>("POST", "/api/v1/executions", { document, ...more });
  }

  return {
    ask,
    view,
    tryStart,
    start: async (document: string, more: object = {}): Promise<Execution> => okay(await tryStart(document, more)),
    /** Resolves with the execution once it has ended. @throws {Error} when it does not in time. */
    async ended(executionId: string): Promise<Execution> {
      const deadline = Date.now() + PATIENCE_MS;
      for (;;) {
        const now = okay(await ask<Execution>("GET", `/api/v1/executions/${executionId}?wait=5s`));
        if (now.endedAt !== undefined) return now;
        if (Date.now() > deadline) throw new Error(`it did not end: ${JSON.stringify(now)}`);
      }
    },
    /** Resolves with the execution once it is as wanted. @throws {Error} when it does not become so in time. */
    until: (executionId: string, wanted: (execution: Execution) => boolean): Promise<Execution> =>
      eventually(() => view(executionId), wanted),
    act: (executionId: string, action: "cancel" | "terminate" | "pause" | "resume") =>
      ask<Execution>("POST", `/api/v1/executions/${executionId}/${action}`),
    history: (executionId: string) => pages<CloudEvent>(`/api/v1/executions/${executionId}/history`),
    /** One page of a history. */
    events: async (executionId: string, query: string): Promise<readonly CloudEvent[]> =>
      okay(await ask<{ items: readonly CloudEvent[] }>("GET", `/api/v1/executions/${executionId}/history?${query}`))
        .items,
    workflowHistory: (workflowId: string) => pages<CloudEvent>(`/api/v1/workflows/${workflowId}/history`),
    tasks: (executionId: string) => pages<TaskRun>(`/api/v1/executions/${executionId}/tasks`),
    register: (document: string, query = "") =>
      ask<{ errors?: readonly Issue[]; warnings?: readonly Issue[] }>(
        "PUT",
        `/api/v1/definitions${query}`,
        document,
        "application/yaml",
      ),
    async letterOf(executionId: string): Promise<Letter | undefined> {
      return (await pages<Letter>("/api/v1/dead-letters")).find((letter) => letter.executionId === executionId);
    },
    /** What was published for the tenant, lifecycle included, from the oldest kept on; all there is once the last of them is as wanted. */
    async published(wanted: (seen: readonly EventEnvelope[]) => boolean): Promise<readonly EventEnvelope[]> {
      const controller = new AbortController();
      const signal = AbortSignal.any([controller.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const seen: EventEnvelope[] = [];
      const headers = { "x-tenant-id": tenant };
      const { body } = await fetch(`${service.url}/api/v1/events/stream?after=0-0`, { headers, signal });
      if (body === null) throw new Error("the stream of events has no body");
      let text = "";
      for await (const part of body.pipeThrough(new TextDecoderStream())) {
        text += part;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
          if (data !== undefined) seen.push(JSON.parse(data) as EventEnvelope);
          text = text.slice(end + 2);
        }
        if (wanted(seen)) break;
      }
      controller.abort();
      return seen;
    },
    redrive: (letterId: string) => ask<Letter & { code?: string }>("POST", `/api/v1/dead-letters/${letterId}/redrive`),
    /** What Bull Board's page shows of the dead letters, under *failed*. */
    async board(): Promise<readonly BoardJob[]> {
      const query = "activeQueue=durabull-dlq&status=failed&page=1&jobsPerPage=100";
      const { queues } = okay(
        await ask<{ queues: readonly { name: string; jobs: readonly BoardJob[] }[] }>(
          "GET",
          `/queues/api/queues?${query}`,
        ),
      );
      return queues.find(({ name }) => name === "durabull-dlq")?.jobs ?? [];
    },
    /** Bull Board's own button. */
    boardRetry: (jobId: string) => ask("PUT", `/queues/api/queues/durabull-dlq/${jobId}/retry`),
    /** Jobs that the reconciler had to create because they were missing. */
    async rescues(): Promise<number> {
      const text = await (await fetch(`${service.metricsUrl}/metrics`)).text();
      const counts = [...text.matchAll(/^durabull_rescues_total(?:\{[^}]*\})? (\d+)$/gm)];
      return counts.reduce((sum, [, count]) => sum + Number(count), 0);
    },
  };
}
export type Api = ReturnType<typeof apiOf>;

function okay<Body>({ status, body }: Answer<Body>): Body {
  if (status >= 200 && status < 300) return body;
  throw new Error(`answered ${status}: ${JSON.stringify(body)}`);
}

/** Asks again and again until the answer is as wanted. @throws {Error} with the last one when it never is. */
export async function eventually<Value>(
  ask: () => Promise<Value> | Value,
  wanted: (value: Value) => boolean,
): Promise<Value> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await ask();
    if (wanted(value)) return value;
    if (Date.now() > deadline) throw new Error(`it never came: ${JSON.stringify(value)}`);
    await sleep(25);
  }
}

let documents = 0;
/** A definition around a task list in YAML, at any indentation; `top` is more of the document, in YAML's flow style. */
export function documentOf(tasks: string, top = ""): string {
  documents += 1;
  const lines = tasks.split("\n").filter((line) => line.trim() !== "");
  const indent = Math.min(...lines.map((line) => line.search(/\S/)));
  const list = lines.map((line) => `  ${line.slice(indent)}`).join("\n");
  return `document: {dsl: 1.0.3, namespace: e2e, name: case-${documents}, version: 1.0.0}\n${top}\ndo:\n${list}\n`;
}
