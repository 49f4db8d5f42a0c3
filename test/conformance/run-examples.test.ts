import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Service } from "../../src/compose.ts";
import type { Json } from "../../src/values/json.ts";
import { type Api, apiOf, type Execution, eventually } from "../support/api.ts";
import { type ExamplePlay, examplePlays, textsOf } from "../support/example-play.ts";
import { type Outside, type OutsideAnswer, startOutside } from "../support/outside.ts";
import { pretendedHosts } from "../support/pretended-hosts.ts";
import { openInProcess } from "../support/service-in-process.ts";
import { filesOf, SPEC_DIR } from "../support/spec.ts";
import { onEachStore } from "../support/stores.ts";

/**
 * Examples that are not run: with what the service says of them, or with what they need. A reason that no longer holds fails: then the
 * example needs a play.
 */
const NOT_RUN: readonly {
  readonly files: RegExp;
  readonly refused?: RegExp;
  readonly needs?: readonly [RegExp, string];
}[] = [
  { files: /dsl\.sample-workflow\./, refused: /is no escape of/ },
  { files: /multi-agent-collaboration-for-ai-content\./, refused: /begins in the middle/ },
  { files: /asyncapi/, needs: [/call: asyncapi/, "a message broker at the host of its document"] },
  { files: /grpc/, needs: [/call: grpc/, "a gRPC server at its host"] },
  { files: /mcp/, needs: [/call: mcp/, "an MCP server at its host, or a program"] },
  { files: /a2a/, needs: [/call: a2a/, "an agent at its host"] },
  {
    files: /run-(container|return|example)|sql-export-to-minio/,
    needs: [/container:/, "docker or podman with its image"],
  },
  {
    files: /accumulate-room-readings\./,
    needs: [/for:\n +each: reading\n +in: \.readings/, "a list of readings that its first task does not give"],
  },
  { files: /order-pet\./, needs: [/operationId: findByStatus\n/, "an operation that its document does not have"] },
];

const SHARED = "shared";
const SETTINGS = {
  RUN_ALLOWED: "script,shell",
  SECRET_usernamePasswordSecret: '{"username":"admin","password":"password123"}',
  SECRET_mySecret:
    '{"authority":"http://keycloak/realms/fake-authority","grant":"client_credentials","client":{"id":"c","secret":"client-secret"}}',
};

/** A trace ID of each run: its requests are told apart by it. */
function traceOf({ id }: ExamplePlay): string {
  return createHash("md5").update(id).digest("hex");
}

function traceparentOf(play: ExamplePlay): string {
  return `00-${traceOf(play)}-00f067aa0ba902b7-01`;
}

const found = existsSync(SPEC_DIR);
const plays = found ? examplePlays() : [];
const examples = ["examples", "examples-embedded", "next/examples"].flatMap((folder) =>
  filesOf(path.join(SPEC_DIR, folder), ".yaml").map((file) => path.relative(SPEC_DIR, file)),
);
const textOf = (file: string) => readFileSync(path.join(SPEC_DIR, file), "utf8");
const played = new Set(plays.flatMap(({ files }) => files).map(textOf));
const listed = examples.filter((file) => !played.has(textOf(file)));
const runs = plays.flatMap((play) =>
  [...textsOf(play)].map(([file, text], index) => ({ play: { ...play, id: `${play.id}-${index + 1}` }, file, text })),
);

onEachStore((store) => {
  describe.skipIf(!found)("given the official examples", () => {
    let outside: Outside;
    let service: Service;
    /** Each run is a tenant: it hears no events of others. Its calls carry its id. */
    const apiFor = (tenant?: string): Api =>
      apiOf({ url: service.addresses.api ?? "", metricsUrl: service.addresses.metrics }, tenant);

    beforeAll(async () => {
      outside = await startOutside();
      const places = new Map(runs.map(({ play }) => [traceOf(play), play.id]));
      // Documents and tokens are fetched for whoever needs them.
      const standIn = ({ host, pathname, search }: URL, trace = "") =>
        `${outside.url}/${places.get(trace) ?? SHARED}/${host}${pathname}${search}`;
      service = await openInProcess(store, pretendedHosts(standIn), SETTINGS);
    });
    afterAll(async () => {
      const rescues = await apiFor().rescues();
      await service.drain();
      await outside.close();
      expect(rescues).toBe(0);
    });

    test.concurrent.for(runs.map((run) => [path.dirname(run.file), path.basename(run.file), run] as const))(
      "%s: %s, when it is run, then it comes to what it says",
      async ([, , { play, text }]) => {
        const api = apiFor(play.id);
        answerFor(play);
        for (const other of play.others ?? [])
          expect((await api.register(JSON.stringify(other))).body.errors).toBeUndefined();
        const executionId = await (play.startsOn === undefined ? start : startByEvents)(api, play, text);
        await meanwhile(api, play, executionId);
        expectEnd(play, await api.ended(executionId));
      },
    );

    async function start(api: Api, play: ExamplePlay, text: string): Promise<string> {
      const body = { document: text, ...(play.input === undefined ? {} : { input: play.input }) };
      const started = await api.ask<Execution>("POST", "/api/v1/executions", body, undefined, {
        traceparent: traceparentOf(play),
      });
      expect(started.status, JSON.stringify(started.body)).toBeLessThan(300);
      return started.body.executionId;
    }

    async function startByEvents(api: Api, play: ExamplePlay, text: string): Promise<string> {
      expect((await api.register(text)).body.errors).toBeUndefined();
      for (const [index, event] of (play.startsOn ?? []).entries()) {
        const whole = {
          specversion: "1.0",
          id: `s${index}`,
          source: "/examples",
          traceparent: traceparentOf(play),
          ...event,
        };
        expect((await api.ask("POST", "/api/v1/events", whole)).status).toBe(202);
      }
      const list = async () => (await api.ask<{ items: readonly Execution[] }>("GET", "/api/v1/executions")).body.items;
      const [execution] = await eventually(list, (items) => items.length > 0);
      return execution?.executionId ?? "";
    }

    test.each(listed)("%s cannot be run, for the reason that is listed", async (file) => {
      const reason = NOT_RUN.find(({ files }) => files.test(file));
      if (reason === undefined) throw new Error(`${file} is neither played nor listed`);
      const { refused, needs } = reason;
      const issues = await issuesOf(apiFor(), textOf(file));
      if (refused !== undefined) expect(issues, "is it accepted now?").toContainEqual(expect.stringMatching(refused));
      if (needs !== undefined) expect(textOf(file)).toMatch(needs[0]);
      console.warn(`not run: ${file}: ${needs?.[1] ?? [...new Set(issues)].join("; ")}`);
    });

    async function issuesOf(api: Api, text: string): Promise<readonly string[]> {
      type Checked = { issues?: readonly { message: string }[]; errors?: readonly { message: string }[] };
      const { body } = await api.ask<Checked>("POST", "/api/v1/definitions/validate", text, "application/yaml");
      return (body.issues ?? body.errors ?? []).map(({ message }) => message);
    }

    function answerFor({ id, http = {} }: ExamplePlay): void {
      for (const [address, given] of Object.entries(http)) {
        const answers: readonly OutsideAnswer[] = Array.isArray(given) ? given : [given];
        let calls = 0;
        const next = () => {
          calls += 1;
          return answers[Math.min(calls, answers.length) - 1] ?? {};
        };
        for (const place of [id, SHARED]) outside.answer(address.replace(/^https?:\//, `/${place}`), next);
      }
    }

    async function meanwhile(api: Api, { id, publish = [], cancelAfterCalls }: ExamplePlay, executionId: string) {
      if (publish.length > 0)
        await api.until(executionId, ({ waitingFor }) => waitingFor.some(({ kind }) => kind === "listening"));
      for (const [index, event] of publish.entries()) {
        const whole = { specversion: "1.0", id: `e${index}`, source: "/examples", ...event };
        expect((await api.ask("POST", "/api/v1/events", whole)).status).toBe(202);
      }
      if (cancelAfterCalls === undefined) return;
      await outside.seen(`/${id}/`, cancelAfterCalls);
      expect((await api.act(executionId, "cancel")).status).toBe(202);
    }

    function expectEnd(play: ExamplePlay, { status, error, output }: Execution): void {
      expect({ status, error }).toMatchObject({
        status: play.status,
        ...(play.error === undefined ? {} : { error: play.error }),
      });
      if (play.output !== undefined) expect(output).toEqual(play.output);
      if (play.outputHas !== undefined) expect(output).toMatchObject(play.outputHas);
      if (play.calls === undefined) return;
      const calls = outside.calls
        .filter(({ path }) => path.startsWith(`/${play.id}/`))
        .map(({ method, path, headers, body }) => ({
          ...{ method, url: `https:/${path.slice(play.id.length + 1)}`, headers },
          ...(body === "" ? {} : { body: JSON.parse(body) as Json }),
        }));
      expect(calls).toMatchObject(play.calls);
      expect(calls).toHaveLength(play.calls.length);
    }
  });
}, "redis");
