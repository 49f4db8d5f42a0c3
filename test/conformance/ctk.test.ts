import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Service } from "../../src/compose.ts";
import { isJsonObject, type Json } from "../../src/values/json.ts";
import { type Api, apiOf, type Execution, type TaskRun } from "../support/api.ts";
import { type Scenario, type Step, scenariosOf } from "../support/gherkin.ts";
import { type Outside, startOutside } from "../support/outside.ts";
import { pretendedHosts, type StandIn } from "../support/pretended-hosts.ts";
import { openInProcess } from "../support/service-in-process.ts";
import { CTK_DIR, filesOf, NEXT_CTK_DIR, unsupported } from "../support/spec.ts";
import { onEachStore } from "../support/stores.ts";

const KITS = [
  ["the official conformance kit", CTK_DIR],
  ["the kit of the renamed specification", NEXT_CTK_DIR],
] as const;

/** Scenarios that need what this version does not run. */
const SKIPPED: readonly string[] = [];

/** What the kit uses of the pet store's own description. */
const PETSTORE = {
  swagger: "2.0",
  info: { title: "Swagger Petstore", version: "1.0.7" },
  host: "petstore.swagger.io",
  basePath: "/v2",
  schemes: ["https", "http"],
  paths: {
    "/pet/findByStatus": {
      get: {
        operationId: "findPetsByStatus",
        produces: ["application/json", "application/xml"],
        parameters: [
          {
            name: "status",
            in: "query",
            required: true,
            type: "array",
            items: { type: "string" },
            collectionFormat: "multi",
          },
        ],
        responses: {},
        security: [{ petstore_auth: ["write:pets", "read:pets"] }],
      },
    },
    "/pet/{petId}": {
      get: {
        operationId: "getPetById",
        parameters: [{ name: "petId", in: "path", required: true, type: "integer" }],
        responses: {},
        security: [{ api_key: [] }],
      },
    },
  },
  securityDefinitions: { api_key: { type: "apiKey", name: "api_key", in: "header" } },
};

/** The hosts of the kit, played by one server: pets 1 and 2, those of a status, and no pet by its name. */
function playPetstore(outside: Outside): StandIn {
  const pet = (id: number, status = "available") => ({ id, name: `pet ${id}`, status });
  for (const id of [1, 2]) outside.answer(`/v2/pet/${id}`, () => ({ body: pet(id) }));
  outside.answer("/v2/pet/findByStatus", ({ path }) => {
    const status = new URL(path, outside.url).searchParams.get("status") ?? "none";
    return { body: [pet(1, status), pet(2, status)] };
  });
  outside.answer("/v2/swagger.json", () => ({ body: PETSTORE }));
  outside.answer("/basic-auth/serverless-workflow/conformance-test", ({ headers }) => {
    const isIn = headers.authorization === `Basic ${btoa("serverless-workflow:conformance-test")}`;
    return isIn ? { body: { authenticated: true, user: "serverless-workflow" } } : { status: 401 };
  });
  outside.answer("/v2/pet/getPetByName/Milou", () => ({ status: 404, body: { message: "there is no such pet" } }));
  return ({ origin, href }) => {
    if (["https://petstore.swagger.io", "https://httpbin.org"].includes(origin))
      return outside.url + href.slice(origin.length);
    throw new Error(`the kit calls ${href}, which nobody plays`);
  };
}

/** What a scenario has come to. */
interface World {
  definition: string;
  input: Json | undefined;
  execution: Execution | undefined;
  tasks: readonly TaskRun[];
}

type Meaning = (world: World, words: readonly string[], doc: string) => Promise<void> | void;

onEachStore((store) => {
  let outside: Outside;
  let service: Service;
  let api: Api;

  beforeAll(async () => {
    outside = await startOutside();
    service = await openInProcess(store, pretendedHosts(playPetstore(outside)));
    api = apiOf({ url: service.addresses.api ?? "", metricsUrl: service.addresses.metrics });
  });
  afterAll(async () => {
    await service?.drain();
    await outside?.close();
  });

  const ended = ({ execution }: World): Execution => {
    if (execution === undefined) throw new Error("the workflow was not executed");
    return execution;
  };
  const at = (value: Json | undefined, dotted: string): Json | undefined =>
    dotted.split(".").reduce<Json | undefined>((inner, key) => (isJsonObject(inner) ? inner[key] : undefined), value);
  const placeOf = ({ tasks }: World, name = ""): number => {
    const place = tasks.findIndex((task) => task.name === name);
    expect(place, `${name} ran`).toBeGreaterThanOrEqual(0);
    return place;
  };

  const MEANINGS: readonly (readonly [RegExp, Meaning])[] = [
    [
      /^a workflow with definition:$/,
      (world, _, doc) => {
        world.definition = doc;
      },
    ],
    [
      /^given the workflow input is:$/,
      (world, _, doc) => {
        world.input = parse(doc) as Json;
      },
    ],
    [
      /^the workflow is executed$/,
      async (world) => {
        const input = world.input === undefined ? {} : { input: world.input };
        const { executionId } = await api.start(world.definition, input);
        world.execution = await api.ended(executionId);
        world.tasks = await api.tasks(executionId);
      },
    ],
    [/^the workflow should complete$/, (world) => expect(ended(world).status).toBe("COMPLETED")],
    [
      /^the workflow should complete with output:$/,
      (world, _, doc) => {
        expect(ended(world).status).toBe("COMPLETED");
        expect(ended(world).output).toEqual(parse(doc));
      },
    ],
    [/^the workflow should fault$/, (world) => expect(ended(world).status).toBe("FAILED")],
    [
      /^the workflow should fault with error:$/,
      (world, _, doc) => expect(ended(world)).toMatchObject({ status: "FAILED", error: parse(doc) as object }),
    ],
    [
      /^the workflow output should have properties (.+)$/,
      (world, [list = ""]) => {
        const names = [...list.matchAll(/'([^']+)'/g)].map(([, name]) => name ?? "");
        expect(names.length).toBeGreaterThan(0);
        for (const name of names) expect(at(ended(world).output, name), name).toBeDefined();
      },
    ],
    [
      /^the workflow output should have an? '([^']+)' property with value:$/,
      (world, [name = ""], doc) => expect(at(ended(world).output, name)).toEqual(parse(doc)),
    ],
    [
      /^the workflow output should have an? '([^']+)' property containing (\d+) items$/,
      (world, [name = "", count]) => expect(at(ended(world).output, name)).toHaveLength(Number(count)),
    ],
    [/^(\S+) should run first$/, (world, [name]) => expect(placeOf(world, name)).toBe(0)],
    [/^(\S+) should run last$/, (world, [name]) => expect(placeOf(world, name)).toBe(world.tasks.length - 1)],
    [
      /^(\S+) should run after (\S+)$/,
      (world, [name, other]) => expect(placeOf(world, name)).toBeGreaterThan(placeOf(world, other)),
    ],
  ];

  async function take(world: World, { text, doc = "" }: Step): Promise<void> {
    for (const [pattern, meaning] of MEANINGS) {
      const match = pattern.exec(text);
      if (match !== null) return meaning(world, match.slice(1), doc);
    }
    throw new Error(`no meaning is known for the step "${text}"`);
  }

  /** Why this version cannot run it; undefined when it can. */
  async function lacking({ steps }: Scenario): Promise<string | undefined> {
    const definition = steps.find(({ text }) => text === "a workflow with definition:")?.doc ?? "";
    const { body } = await api.ask<{ issues: readonly { message: string }[] }>(
      "POST",
      "/api/v1/definitions/validate",
      definition,
      "application/yaml",
    );
    return unsupported(body.issues);
  }

  for (const [kit, directory] of KITS) {
    const scenarios = filesOf(directory, ".feature").flatMap((file) => scenariosOf(readFileSync(file, "utf8")));
    describe.skipIf(scenarios.length === 0)(`given ${kit}, when a scenario of it is run, then it holds`, () => {
      const skipped: string[] = [];
      test.for(scenarios.map((scenario) => [scenario.feature, scenario.title, scenario] as const))(
        "%s: %s",
        async ([, title, scenario], { skip }) => {
          const reason = await lacking(scenario);
          if (reason !== undefined) {
            skipped.push(title);
            console.warn(`skipped: "${title}": ${reason}`);
            skip(reason);
          }
          const world: World = { definition: "", input: undefined, execution: undefined, tasks: [] };
          for (const step of scenario.steps) await take(world, step);
          expect(world.execution).toBeDefined();
          expect(await api.rescues()).toBe(0);
        },
      );

      test("and only what is known to be missing is left out of the 21", () => {
        expect(scenarios).toHaveLength(21);
        expect([...skipped].sort()).toEqual(SKIPPED);
      });
    });
  }
});
