import type { ProblemBody } from "../api/schemas/common.ts";
import type { LetterBody } from "../api/schemas/dead-letters.ts";
import type { CheckedBody, DefinitionBody, DefinitionSummary, RegisteredBody } from "../api/schemas/definitions.ts";
import type { AcceptedBody } from "../api/schemas/events.ts";
import type {
  CloudEvent,
  ExecutionBody,
  ExecutionSummaryBody,
  StartedBody,
  StateBody,
  TaskBody,
} from "../api/schemas/executions.ts";
import type { ScheduleBody, TriggeredBody } from "../api/schemas/schedules.ts";
import type { EventEnvelope } from "../values/cloud-event.ts";
import type { Json, JsonObject } from "../values/json.ts";
import type { ExecutionStatus } from "../values/status.ts";
import { ApiError, ServiceUnreachableError } from "./errors.ts";
import { resumed, type StreamOptions } from "./streams.ts";

/** One `?wait=` is at most this long; longer waits are made of several. */
const LONGEST_WAIT_MS = 60_000;

export interface ClientOptions {
  /** Where the service is; default `http://127.0.0.1:8080`. */
  readonly url?: string;
  /** Default: the tenant `default`. */
  readonly tenant?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof globalThis.fetch;
}

export interface StartOptions {
  readonly definition?: { readonly namespace: string; readonly name: string; readonly version?: string };
  /** Run without being registered: an object, or YAML as text. Instead of `definition`. */
  readonly document?: JsonObject | string;
  readonly workflowId?: string;
  readonly input?: Json;
  readonly labels?: Readonly<Record<string, string>>;
  readonly onOpen?: "reject" | "use-existing" | "terminate";
  readonly reuse?: "always" | "failed-only" | "never";
}
export interface Waiting {
  /** Milliseconds to wait for the end, at most 60 000. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}
/** With an `idempotencyKey` a POST is safe to repeat. */
export interface Keyed {
  readonly idempotencyKey?: string;
}
export interface PageOptions {
  readonly limit?: number;
  readonly cursor?: string;
}
export interface ListOf<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}
export interface ExecutionFilterOptions {
  readonly status?: readonly ExecutionStatus[];
  readonly namespace?: string;
  readonly name?: string;
  readonly workflowId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly startedAfter?: Date;
  readonly startedBefore?: Date;
  readonly endedAfter?: Date;
  readonly endedBefore?: Date;
}
export interface ExecutionListOptions extends ExecutionFilterOptions, PageOptions {}
/** What a stream of status changes tells. A position is where to go on from, another time. */
export type ExecutionChange =
  /** The beginning: every change from here on is told. */
  | { readonly kind: "ready"; readonly position: string }
  /** Changes before this are not known any more: list the executions again. */
  | { readonly kind: "reset"; readonly position: string }
  | { readonly kind: "status"; readonly position: string; readonly execution: ExecutionSummaryBody };
/** What a stream of events tells. A position is where to go on from, another time. */
export type PublishedEventMessage =
  /** Some of what was published before this is not kept any more. */
  | { readonly kind: "reset"; readonly position: string }
  | { readonly kind: "event"; readonly position: string; readonly event: EventEnvelope };
export interface HistoryOptions extends PageOptions {
  readonly after?: number;
  readonly order?: "asc" | "desc";
}

type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
interface Request {
  readonly query?: Query;
  readonly json?: unknown;
  /** A body that is sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Default: JSON. */
  readonly accept?: string;
}

/** Speaks to a Durabull service. @throws {ApiError} for a problem, {ServiceUnreachableError} when no answer came. */
export class DurabullClient {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof globalThis.fetch;

  constructor(options: ClientOptions = {}) {
    this.#url = (options.url ?? "http://127.0.0.1:8080").replace(/\/+$/, "");
    this.#headers = {
      ...options.headers,
      ...(options.tenant === undefined ? {} : { "x-tenant-id": options.tenant }),
    };
    this.#fetch = options.fetch ?? globalThis.fetch;
  }

  /** Registers a definition, YAML or JSON; fine to repeat. */
  registerDefinition(source: string, options: { readonly allowUnknown?: boolean } = {}): Promise<RegisteredBody> {
    return this.#send("PUT", "/definitions", { text: source, query: { allowUnknown: options.allowUnknown } });
  }
  validateDefinition(source: string, options: { readonly allowUnknown?: boolean } = {}): Promise<CheckedBody> {
    return this.#send("POST", "/definitions/validate", { text: source, query: { allowUnknown: options.allowUnknown } });
  }
  definitions(
    options: PageOptions & { readonly namespace?: string; readonly name?: string } = {},
  ): Promise<ListOf<DefinitionSummary>> {
    return this.#send("GET", "/definitions", { query: { ...options } });
  }
  /** Without a version: the newest. */
  definition(namespace: string, name: string, version?: string): Promise<DefinitionBody> {
    return this.#send("GET", definitionPath(namespace, name, version));
  }
  /** The text as its author sent it. */
  async definitionSource(namespace: string, name: string, version?: string): Promise<string> {
    const accept = "application/yaml, application/problem+json";
    const response = await this.#request("GET", definitionPath(namespace, name, version), { accept });
    if (!response.ok) return this.#answerOf(response);
    await this.#mustBe(response, "application/yaml");
    return this.#reached(undefined, () => response.text());
  }
  /** Takes one version, or all of a name, out of the lists. */
  async deleteDefinition(namespace: string, name: string, version?: string): Promise<void> {
    await this.#send("DELETE", definitionPath(namespace, name, version));
  }

  start(options: StartOptions, how: Waiting & Keyed = {}): Promise<StartedBody> {
    const headers = keyHeaders(how);
    return this.#send("POST", "/executions", { json: options, query: waitQuery(how), headers, signal: how.signal });
  }
  execution(executionId: string, how: Waiting = {}): Promise<ExecutionBody> {
    return this.#send("GET", executionPath(executionId), { query: waitQuery(how), signal: how.signal });
  }
  /** Waits until it has ended, however long that takes. */
  async ended(executionId: string, signal?: AbortSignal): Promise<ExecutionBody> {
    for (;;) {
      const how = { waitMs: LONGEST_WAIT_MS, ...(signal === undefined ? {} : { signal }) };
      const execution = await this.execution(executionId, how);
      if (execution.endedAt !== undefined) return execution;
    }
  }
  executions(options: ExecutionListOptions = {}): Promise<ListOf<ExecutionSummaryBody>> {
    return this.#send("GET", "/executions", { query: filterQuery(options) });
  }
  /** How it was after event `at`; by default the last. */
  state(executionId: string, at?: number): Promise<StateBody> {
    return this.#send("GET", `${executionPath(executionId)}/state`, { query: { at } });
  }
  /** Every event after a sequence as it comes, until the one that closes it. Connects again by itself. */
  async *follow(
    executionId: string,
    { after, ...options }: StreamOptions & { readonly after?: number } = {},
  ): AsyncGenerator<CloudEvent, void, undefined> {
    const connect = this.#stream(`${executionPath(executionId)}/stream`);
    for await (const { data } of resumed(connect, after === undefined ? undefined : String(after), options)) {
      yield JSON.parse(data) as CloudEvent;
    }
  }
  /** Changes of status of the executions that fit, after a position or from now on. Connects again by itself. */
  async *changes(
    filter: ExecutionFilterOptions = {},
    { after, ...options }: StreamOptions & { readonly after?: string } = {},
  ): AsyncGenerator<ExecutionChange, void, undefined> {
    let isReady = false;
    for await (const { id = "", event, data } of resumed(
      this.#stream("/executions/stream", filterQuery(filter)),
      after,
      options,
    )) {
      if (event === "status") yield { kind: event, position: id, execution: JSON.parse(data) as ExecutionSummaryBody };
      else if (event === "reset" || (event === "ready" && !isReady)) yield { kind: event, position: id };
      isReady = true;
    }
  }
  /**
   * Publishes CloudEvents, all or none, to the workflows of the tenant that listen for them. An event that comes twice, same `source` and
   * `id`, counts once for each listener.
   */
  publish(events: EventEnvelope | readonly EventEnvelope[], how: Keyed = {}): Promise<AcceptedBody> {
    return this.#send("POST", "/events", { json: events, headers: keyHeaders(how) });
  }
  /**
   * Events as they come: published, emitted by workflows, and of their lifecycle; after a position or from now on. Connects again by
   * itself; an event may come twice after a crash of the service, under the same `source` and `id`.
   */
  async *events(
    filter: { readonly types?: readonly string[] } = {},
    { after, ...options }: StreamOptions & { readonly after?: string } = {},
  ): AsyncGenerator<PublishedEventMessage, void, undefined> {
    const connect = this.#stream("/events/stream", { type: filter.types });
    for await (const { id = "", event, data } of resumed(connect, after, options)) {
      if (event === "reset") yield { kind: "reset", position: id };
      else if (data !== "") yield { kind: "event", position: id, event: JSON.parse(data) as EventEnvelope };
    }
  }
  history(executionId: string, options: HistoryOptions = {}): Promise<ListOf<CloudEvent>> {
    return this.#send("GET", `${executionPath(executionId)}/history`, { query: { ...options } });
  }
  tasks(executionId: string, options: PageOptions = {}): Promise<ListOf<TaskBody>> {
    return this.#send("GET", `${executionPath(executionId)}/tasks`, { query: { ...options } });
  }
  cancel(executionId: string, reason?: string, how: Keyed = {}): Promise<ExecutionBody> {
    return this.#act(executionId, "cancel", reason, how);
  }
  terminate(executionId: string, reason?: string, how: Keyed = {}): Promise<ExecutionBody> {
    return this.#act(executionId, "terminate", reason, how);
  }
  pause(executionId: string, reason?: string, how: Keyed = {}): Promise<ExecutionBody> {
    return this.#act(executionId, "pause", reason, how);
  }
  resume(executionId: string, reason?: string, how: Keyed = {}): Promise<ExecutionBody> {
    return this.#act(executionId, "resume", reason, how);
  }
  workflowHistory(workflowId: string, options: PageOptions = {}): Promise<ListOf<CloudEvent>> {
    return this.#send("GET", `/workflows/${encodeURIComponent(workflowId)}/history`, { query: { ...options } });
  }

  /** By namespace and name: each definition whose newest version has a schedule. */
  schedules(options: PageOptions & { readonly namespace?: string } = {}): Promise<ListOf<ScheduleBody>> {
    return this.#send("GET", "/schedules", { query: { ...options } });
  }
  schedule(namespace: string, name: string): Promise<ScheduleBody> {
    return this.#send("GET", schedulePath(namespace, name));
  }
  pauseSchedule(namespace: string, name: string, reason?: string, how: Keyed = {}): Promise<ScheduleBody> {
    const json = reason === undefined ? {} : { json: { reason } };
    return this.#send("POST", `${schedulePath(namespace, name)}/pause`, { ...json, headers: keyHeaders(how) });
  }
  resumeSchedule(namespace: string, name: string, how: Keyed = {}): Promise<ScheduleBody> {
    return this.#send("POST", `${schedulePath(namespace, name)}/resume`, { headers: keyHeaders(how) });
  }
  /** Starts an execution now. */
  triggerSchedule(namespace: string, name: string, input?: Json, how: Keyed = {}): Promise<TriggeredBody> {
    const json = input === undefined ? {} : { json: { input } };
    return this.#send("POST", `${schedulePath(namespace, name)}/trigger`, { ...json, headers: keyHeaders(how) });
  }

  deadLetters(options: PageOptions = {}): Promise<ListOf<LetterBody>> {
    return this.#send("GET", "/dead-letters", { query: { ...options } });
  }
  deadLetter(letterId: string): Promise<LetterBody> {
    return this.#send("GET", letterPath(letterId));
  }
  redrive(letterId: string, how: Keyed = {}): Promise<LetterBody> {
    return this.#send("POST", `${letterPath(letterId)}/redrive`, { headers: keyHeaders(how) });
  }
  async discardLetter(letterId: string): Promise<void> {
    await this.#send("DELETE", letterPath(letterId));
  }

  #act(executionId: string, action: string, reason: string | undefined, how: Keyed): Promise<ExecutionBody> {
    const json = reason === undefined ? {} : { json: { reason } };
    return this.#send("POST", `${executionPath(executionId)}/${action}`, { ...json, headers: keyHeaders(how) });
  }

  /** Opens a stream after an id; undefined when the service says that nothing more will come. */
  #stream(path: string, query: Query = {}) {
    return async (lastId: string | undefined, signal: AbortSignal): Promise<Response | undefined> => {
      const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId };
      const accept = "text/event-stream, application/problem+json";
      const response = await this.#request("GET", path, { query, headers, accept, signal });
      if (response.status === 204) return undefined;
      if (!response.ok) await this.#answerOf(response);
      await this.#mustBe(response, "text/event-stream");
      return response;
    };
  }

  async #send<Body>(method: string, path: string, request: Request = {}): Promise<Body> {
    return this.#answerOf<Body>(await this.#request(method, path, request), request.signal);
  }

  async #request(method: string, path: string, request: Request): Promise<Response> {
    const body = request.text ?? (request.json === undefined ? undefined : JSON.stringify(request.json));
    const type = request.text === undefined ? "application/json" : "application/yaml";
    return this.#reached(request.signal, () =>
      this.#fetch(`${this.#url}/api/v1${path}${queryText(request.query)}`, {
        method,
        headers: {
          ...this.#headers,
          ...request.headers,
          accept: request.accept ?? "application/json, application/problem+json",
          ...(body === undefined ? {} : { "content-type": type }),
        },
        ...(body === undefined ? {} : { body }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      }),
    );
  }

  /** @throws {ApiError} for a problem. */
  async #answerOf<Body>(response: Response, signal?: AbortSignal): Promise<Body> {
    const text = await this.#reached(signal, () => response.text());
    const answer = text === "" ? undefined : this.#parse(text);
    if (response.ok) return answer as Body;
    if (isProblem(answer)) throw new ApiError(answer);
    throw new ServiceUnreachableError(this.#url, {
      cause: new Error(`it answered ${response.status}`),
      answered: true,
    });
  }

  /** A page of another server may be 200 as well. */
  async #mustBe(response: Response, type: string): Promise<void> {
    if (response.headers.get("content-type")?.startsWith(type) === true) return;
    await response.body?.cancel();
    throw new ServiceUnreachableError(this.#url, { cause: new Error(`it answered no ${type}`), answered: true });
  }

  async #reached<Value>(signal: AbortSignal | undefined, ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (cause) {
      if (signal?.aborted || cause instanceof ServiceUnreachableError) throw cause;
      throw new ServiceUnreachableError(this.#url, { cause });
    }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new ServiceUnreachableError(this.#url, { cause: new Error("it answered no JSON"), answered: true });
    }
  }
}

function isProblem(answer: unknown): answer is ProblemBody {
  return typeof answer === "object" && answer !== null && "code" in answer && "status" in answer && "detail" in answer;
}

function executionPath(executionId: string): string {
  return `/executions/${encodeURIComponent(executionId)}`;
}

function letterPath(letterId: string): string {
  return `/dead-letters/${encodeURIComponent(letterId)}`;
}

function schedulePath(namespace: string, name: string): string {
  return `/schedules/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

function keyHeaders({ idempotencyKey }: Keyed): Readonly<Record<string, string>> {
  return idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
}

function filterQuery(options: ExecutionListOptions): Query {
  const { labels, startedAfter, startedBefore, endedAfter, endedBefore, ...rest } = options;
  const label = labels && Object.entries(labels).map(([key, value]) => `${key}:${value}`);
  const times = {
    startedAfter: startedAfter?.toISOString(),
    startedBefore: startedBefore?.toISOString(),
    endedAfter: endedAfter?.toISOString(),
    endedBefore: endedBefore?.toISOString(),
  };
  return { ...rest, ...times, label };
}

function definitionPath(...parts: readonly (string | undefined)[]): string {
  const given = parts.filter((part) => part !== undefined);
  return ["/definitions", ...given.map(encodeURIComponent)].join("/");
}

function waitQuery({ waitMs }: Waiting): Query {
  return waitMs === undefined ? {} : { wait: `${Math.min(LONGEST_WAIT_MS, Math.round(waitMs))}ms` };
}

function queryText(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== undefined) search.append(key, String(one));
  }
  return search.size === 0 ? "" : `?${search}`;
}
