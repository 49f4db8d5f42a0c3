import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EventEnvelope } from "../../src/values/cloud-event.ts";
import type { Json } from "../../src/values/json.ts";
import { type Api, apiOf, type CloudEvent, type Execution, eventually } from "../support/api.ts";
import { type Outside, type OutsideCall, startOutside } from "../support/outside.ts";
import {
  allScenarios,
  definitionOf,
  type OutsideAnswer,
  othersOf,
  type Scenario,
  type Step,
} from "../support/scenario.ts";
import { type ServiceProcess, startService } from "../support/service-process.ts";
import { onEachStore } from "../support/stores.ts";

const scenarios = allScenarios();
const SETTINGS = { ALLOW_PRIVATE_NETWORK: "true", SECRET_SCENARIO: '{"token":"t0k3n-of-scenarios"}' };
/** The specification's errors may be named by their last segment. */
const STANDARD = /^[a-z]+$/;

onEachStore((store) => {
  describe("given a scenario, when it is run over HTTP, then it holds", () => {
    let outside: Outside;
    let service: ServiceProcess;
    /** Each scenario is a tenant: it hears no events of others. */
    const apiFor = ({ id }: Scenario): Api => apiOf(service, id);
    beforeAll(async () => {
      outside = await startOutside();
      service = await startService({ env: { ...(await store.fresh()), ...SETTINGS } });
    });
    afterAll(async () => {
      expect(await apiOf(service).rescues()).toBe(0);
      expect(await service.stop()).toBe(0);
      await outside.close();
    });

    test.concurrent.for(scenarios.map((scenario) => [scenario.group, scenario.name, scenario] as const))(
      "%s: %s",
      async ([, , scenario]) => {
        const api = apiFor(scenario);
        play(scenario, outside);
        const definition = definitionOf(scenario, outside.url);
        if (scenario.refused !== undefined) return expectRefusal(await api.register(definition), scenario.refused);
        for (const other of othersOf(scenario, outside.url))
          expect((await api.register(other)).body.errors).toBeUndefined();
        if (scenario.outputs !== undefined) {
          await registerAndPublish(api, scenario, definition);
          return expectOutputs(api, scenario.outputs);
        }
        if (scenario.startedBy !== undefined) {
          await registerAndPublish(api, scenario, definition);
          const [first] = await eventually(
            () => startedBySchedule(api),
            (all) => all.length > 0,
          );
          return expectScenario(api, scenario, first?.executionId ?? "");
        }
        const started = await api.start(definition, scenario.input === undefined ? {} : { input: scenario.input });
        await expectScenario(api, scenario, started.executionId);
      },
    );

    async function expectScenario(api: Api, scenario: Scenario, executionId: string): Promise<void> {
      await take(api, scenario, executionId);
      const execution = await api.ended(executionId);
      await expectEnd(api, scenario, execution);
      await expectEvents(api, scenario, execution);
    }

    async function registerAndPublish(api: Api, { startedBy = [] }: Scenario, definition: string): Promise<void> {
      expect((await api.register(definition)).body.errors).toBeUndefined();
      await publish(api, { events: startedBy }, "s");
    }

    /** What the one schedule of a tenant has started. */
    async function startedBySchedule(api: Api): Promise<readonly Execution[]> {
      return (await api.ask<{ items: readonly Execution[] }>("GET", "/api/v1/executions?limit=500")).body.items;
    }

    /** No more than these: the last event of a scenario starts one, and events are heard in their order. */
    async function expectOutputs(api: Api, outputs: readonly Json[]): Promise<void> {
      const all = await eventually(
        () => startedBySchedule(api),
        (found) => found.filter(({ endedAt }) => endedAt !== undefined).length >= outputs.length,
      );
      const found = await Promise.all(all.map(({ executionId }) => api.view(executionId)));
      const inOrder = (list: readonly (Json | undefined)[]) => list.map((each) => JSON.stringify(each)).sort();
      expect(inOrder(found.map(({ output }) => output))).toEqual(inOrder(outputs));
    }

    /** What happens to the execution from outside while it runs. */
    async function take(api: Api, scenario: Scenario, executionId: string): Promise<void> {
      for (const [at, step] of (scenario.steps ?? []).entries()) {
        const { when, do: action } = step;
        await eventually(
          () => api.view(executionId),
          ({ status, waitingFor }) =>
            (when.status === undefined || status === when.status) &&
            (when.waitingFor === undefined || waitingFor.some(({ kind }) => kind === when.waitingFor)) &&
            (when.calls === undefined || callsOf(scenario, outside).length >= when.calls),
        );
        const { heard = 0 } = when;
        if (heard > 0) {
          const count = async () => ofType(await api.history(executionId), "event.received").length;
          await eventually(count, (taken) => taken >= heard);
        }
        if (action === "publish") await publish(api, step, at);
        else expect((await api.act(executionId, action)).status).toBeLessThan(300);
      }
    }

    async function publish(
      api: Api,
      { events = [], binary }: Pick<Step, "events" | "binary">,
      at: number | string,
    ): Promise<void> {
      for (const [index, event] of events.entries()) {
        const whole = { specversion: "1.0", id: `${at}-${index}`, source: PUBLISHER, ...event };
        const { status, body } = await api.ask("POST", "/api/v1/events", whole, "application/cloudevents+json");
        expect(status, JSON.stringify(body)).toBe(202);
      }
      if (binary === undefined) return;
      const { type, contentType, text } = binary;
      const attributes = { "ce-specversion": "1.0", "ce-id": `${at}-b`, "ce-source": PUBLISHER, "ce-type": type };
      const { status } = await api.ask("POST", "/api/v1/events", text, contentType, attributes);
      expect(status).toBe(202);
    }

    async function expectEnd(api: Api, scenario: Scenario, execution: Execution): Promise<void> {
      const { status, output, error } = scenario;
      expect({ status: execution.status, error: execution.error }).toMatchObject({
        status,
        ...(error === undefined ? {} : { error: errorWanted(error) }),
      });
      if (output !== undefined) expect(execution.output).toEqual(output);
      const { calls, anyOrder = false, tasks } = scenario;
      if (calls !== undefined) {
        const made = callsOf(scenario, outside).map(callMade);
        expect(anyOrder ? sorted(made) : made).toMatchObject(anyOrder ? sorted(calls) : calls);
        expect(made).toHaveLength(calls.length);
      }
      if (tasks !== undefined) expect((await api.tasks(execution.executionId)).map(({ name }) => name)).toEqual(tasks);
    }

    /** Through the stream of events, as others see them. */
    async function expectEvents(api: Api, { steps, emitted, lifecycle }: Scenario, { executionId }: Execution) {
      if (emitted === undefined && lifecycle === undefined) return;
      const recorded = ofType(await api.history(executionId), "event.emitted").length;
      const given = new Set(
        (steps ?? []).flatMap(({ events = [] }) => events).map(({ source, id }) => `${source} ${id}`),
      );
      const isOther = ({ source, id }: EventEnvelope) => source === PUBLISHER || given.has(`${source} ${id}`);
      const split = (seen: readonly EventEnvelope[]) => ({
        told: seen.filter(({ type, executionid }) => type.startsWith(LIFECYCLE) && executionid === executionId),
        said: seen.filter((event) => !event.type.startsWith(LIFECYCLE) && !isOther(event)),
      });
      const seen = await api.published((all) => {
        const { told, said } = split(all);
        return said.length >= recorded && told.some(({ type }) => WORKFLOW_ENDS.has(shortType(type)));
      });
      const { told, said } = split(seen);
      if (emitted !== undefined) {
        expect(said).toMatchObject(emitted.map(present));
        for (const [index, wanted] of emitted.entries())
          for (const name of Object.keys(wanted).filter((key) => wanted[key] === null))
            expect(said[index]).not.toHaveProperty(name);
        expect(said).toHaveLength(emitted.length);
      }
      if (lifecycle === undefined) return;
      const wanted = lifecycle.map((each) => (typeof each === "string" ? { type: each } : each));
      const short = told.map((event) => ({ ...event, type: shortType(event.type) }));
      expect(short.map(({ type }) => type)).toEqual(wanted.map(({ type }) => type));
      expect(short).toMatchObject(wanted);
    }
  });
});

/** The source of what the test itself publishes, where a scenario does not name one. */
const PUBLISHER = "/scenario";
const LIFECYCLE = "io.serverlessworkflow.";
const WORKFLOW_ENDS = new Set(["completed", "faulted", "cancelled"].map((end) => `workflow.${end}`));

function shortType(type: string): string {
  return type.slice(LIFECYCLE.length).replace(/\.v1$/, "");
}

function present(event: Readonly<Record<string, Json>>) {
  return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null));
}

function ofType(history: readonly CloudEvent[], type: string): readonly CloudEvent[] {
  return history.filter((event) => event.type === `io.flunq.${type}`);
}

function expectRefusal({ status, body }: Awaited<ReturnType<Api["register"]>>, refused: readonly string[]): void {
  expect(status).toBe(422);
  const reasons = (body.errors ?? []).map(({ pointer, message }) => `${pointer}: ${message}`);
  expect(reasons.map((reason, index) => reason.slice(0, refused[index]?.length))).toEqual(refused);
}

/** Each scenario has the part of the outside world that begins with its name. */
function play(scenario: Scenario, outside: Outside): void {
  for (const [path, given] of Object.entries(scenario.http ?? {})) {
    const answers: readonly OutsideAnswer[] = Array.isArray(given) ? given : [given];
    let calls = 0;
    outside.answer(`/${scenario.id}${path}`, () => {
      const next = answers[Math.min(calls, answers.length - 1)] ?? {};
      calls += 1;
      return next;
    });
  }
}

function callsOf({ id }: Scenario, outside: Outside): readonly OutsideCall[] {
  return outside.calls.filter(({ path }) => path.startsWith(`/${id}/`));
}

function callMade({ method, path, headers, body }: OutsideCall) {
  return { method, path: path.replace(/^\/[^/]+/, ""), headers, ...(body === "" ? {} : { body: parsed(body) }) };
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

function sorted<Call extends { readonly path: string }>(calls: readonly Call[]): readonly Call[] {
  return [...calls].sort((a, b) => a.path.localeCompare(b.path));
}

function errorWanted(error: Readonly<Record<string, Json>>): object {
  const { type, detail, ...rest } = error;
  const isStandard = typeof type === "string" && STANDARD.test(type);
  return {
    ...rest,
    ...(type === undefined
      ? {}
      : { type: isStandard ? `https://serverlessworkflow.io/spec/1.0.0/errors/${type}` : type }),
    ...(detail === undefined ? {} : { detail: expect.stringContaining(String(detail)) }),
  };
}
