import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../src/values/json.ts";
import { type Api, apiOf, type Execution, eventually } from "../support/api.ts";
import { type Outside, type OutsideCall, startOutside } from "../support/outside.ts";
import { allScenarios, definitionOf, type OutsideAnswer, othersOf, type Scenario } from "../support/scenario.ts";
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
    let api: Api;
    beforeAll(async () => {
      outside = await startOutside();
      service = await startService({ env: { ...(await store.fresh()), ...SETTINGS } });
      api = apiOf(service);
    });
    afterAll(async () => {
      expect(await api.rescues()).toBe(0);
      expect(await service.stop()).toBe(0);
      await outside.close();
    });

    test.concurrent.for(scenarios.map((scenario) => [scenario.group, scenario.name, scenario] as const))(
      "%s: %s",
      async ([, , scenario]) => {
        play(scenario, outside);
        const definition = definitionOf(scenario, outside.url);
        if (scenario.refused !== undefined) return expectRefusal(await api.register(definition), scenario.refused);
        for (const other of othersOf(scenario, outside.url))
          expect((await api.register(other)).body.errors).toBeUndefined();
        const started = await api.start(definition, scenario.input === undefined ? {} : { input: scenario.input });
        await take(scenario, started.executionId);
        await expectEnd(scenario, await api.ended(started.executionId));
      },
    );

    /** What happens to the execution from outside while it runs. */
    async function take(scenario: Scenario, executionId: string): Promise<void> {
      for (const { when, do: action, events = [] } of scenario.steps ?? []) {
        await eventually(
          () => api.view(executionId),
          ({ status, waitingFor }) =>
            (when.status === undefined || status === when.status) &&
            (when.waitingFor === undefined || waitingFor.some(({ kind }) => kind === when.waitingFor)) &&
            (when.calls === undefined || callsOf(scenario, outside).length >= when.calls),
        );
        if (action === "publish") {
          for (const event of events) {
            const { status, body } = await api.ask("POST", "/api/v1/events", event, "application/cloudevents+json");
            expect(status, JSON.stringify(body)).toBeLessThan(300);
          }
        } else {
          expect((await api.act(executionId, action)).status).toBeLessThan(300);
        }
      }
    }

    async function expectEnd(scenario: Scenario, execution: Execution): Promise<void> {
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
  });
});

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
