import { describe, expect, test } from "vitest";
import { z } from "zod";
import { FunctionNotHereError } from "../../../src/errors.ts";
import { createCodeExecutor } from "../../../src/executors/call-code.ts";
import {
  type DefinedFunction,
  defineFunction,
  type FunctionContext,
  WorkflowError,
} from "../../../src/functions/index.ts";
import type { ActivityContext } from "../../../src/ports/executor.ts";
import type { Json } from "../../../src/values/json.ts";
import { activityContext, NO_LOG } from "../../support/activity.ts";

const run = (called: DefinedFunction, input: Json = null, context: Partial<ActivityContext> = {}) =>
  createCodeExecutor([called])({ function: called.name, with: input }, activityContext(context));

const failure = (kind: string, status: number, detail: unknown) => ({
  ok: false,
  error: expect.objectContaining({ type: `https://serverlessworkflow.io/spec/1.0.0/errors/${kind}`, status, detail }),
});

describe("given a function", () => {
  test("when it is called, then its handler gets input and context, and its result is the output", async () => {
    const seen: FunctionContext[] = [];
    const greet = defineFunction({
      name: "greet",
      handler: (input, context) => {
        seen.push(context);
        return { hello: input };
      },
    });
    const context = activityContext();
    const { log: _log, resource: _resource, whenOver: _whenOver, ...data } = context;
    expect(await createCodeExecutor([greet])({ function: "greet", with: "Ada" }, context)).toEqual({
      ok: true,
      output: { hello: "Ada" },
    });
    expect(seen).toMatchObject([data]);
  });

  test("when its schemas transform, then the handler gets the transformed input and the output is the transformed result", async () => {
    const add = defineFunction({
      name: "add",
      input: z.object({ a: z.number(), b: z.number().default(10) }),
      output: z.number().transform((sum) => `sum ${sum}`),
      handler: async ({ a, b }) => a + b,
    });
    expect(await run(add, { a: 1 })).toEqual({ ok: true, output: "sum 11" });
  });

  test("when the input does not pass, then it is validation 400 and the handler never runs", async () => {
    let ran = false;
    const add = defineFunction({
      name: "add",
      input: z.object({ items: z.array(z.number()) }),
      handler: () => {
        ran = true;
      },
    });
    expect(await run(add, { items: [1, "2"] })).toEqual(
      failure("validation", 400, expect.stringMatching(/^the input of function add: \/items\/1: .*number/)),
    );
    expect(ran).toBe(false);
  });

  test("when the output does not pass, then it is runtime 500", async () => {
    const broken = defineFunction({ name: "broken", output: z.number(), handler: () => JSON.parse('"text"') });
    expect(await run(broken)).toEqual(
      failure("runtime", 500, expect.stringMatching(/^the output of function broken: .*number/)),
    );
  });

  test("when the output is not JSON, then it is runtime 500 that names the place", async () => {
    const broken = defineFunction({ name: "broken", handler: () => ({ at: new Date(0) }) });
    expect(await run(broken)).toEqual(
      failure("runtime", 500, "the output of function broken is not JSON: /at is a Date: use toISOString()"),
    );
  });

  test("when it returns nothing, then the output is null", async () => {
    expect(await run(defineFunction({ name: "nothing", handler: () => {} }))).toEqual({ ok: true, output: null });
  });

  test("when the handler changes its input, then what the engine holds stays as it was", async () => {
    const input = { list: [1] };
    const greedy = defineFunction({
      name: "greedy",
      handler: (given) => Object.assign(given as object, { list: null }),
    });
    expect(await run(greedy, input)).toEqual({ ok: true, output: { list: null } });
    expect(input).toEqual({ list: [1] });
  });
});

describe("given a handler that throws", () => {
  test("when it is a WorkflowError, then it is exactly that error", async () => {
    const error = {
      type: "https://shop.example/errors/sold-out",
      status: 409,
      title: "Sold out",
      detail: "no more of A-1",
    };
    const order = defineFunction({
      name: "order",
      handler: () => {
        throw new WorkflowError(error);
      },
    });
    expect(await run(order)).toEqual({ ok: false, error });
  });

  test.each<[string, unknown, unknown]>([
    ["an error", new Error("database is down"), "database is down"],
    ["an error without message", new TypeError(), "TypeError"],
    ["a string", "oops", "'oops'"],
    ["undefined", undefined, "undefined"],
    ["an object without prototype", Object.create(null), "[Object: null prototype] {}"],
    ["a very long message", new Error("x".repeat(100_000)), `${"x".repeat(2_000)}…`],
  ])(
    "when it is %s, then it is runtime 500 with the message; the stack is only in the log",
    async (_, error, detail) => {
      const logged: object[] = [];
      const broken = defineFunction({
        name: "broken",
        handler: async () => {
          throw error;
        },
      });
      const outcome = await run(broken, null, { log: { ...NO_LOG, warn: (fields) => logged.push(fields) } });
      expect(outcome).toEqual(failure("runtime", 500, detail));
      expect(JSON.stringify(outcome)).not.toMatch(/call-code\.test|node:internal/);
      expect(logged).toEqual([{ err: error, function: "broken" }]);
    },
  );
});

describe("given a signal", () => {
  const reason = new Error("drain");

  test("when it aborts and the handler ignores it, then the call throws the reason at once and the late failure hurts nobody", async () => {
    const abort = new AbortController();
    let fail: (error: Error) => void = () => {};
    const deaf = defineFunction({
      name: "deaf",
      handler: () =>
        new Promise<null>((_, reject) => {
          fail = reject;
        }),
    });
    const call = run(deaf, null, { signal: abort.signal });
    await Promise.resolve();
    abort.abort(reason);
    await expect(call).rejects.toBe(reason);
    fail(new Error("late"));
  });

  test("when the handler heeds it, then the call throws the reason too, so that nothing is recorded", async () => {
    const abort = new AbortController();
    const heedful = defineFunction({
      name: "heedful",
      handler: (_, { signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(new WorkflowError({ type: "about:blank", status: 500 }))),
        ),
    });
    const call = run(heedful, null, { signal: abort.signal });
    await Promise.resolve();
    setTimeout(() => abort.abort(reason), 1);
    await expect(call).rejects.toBe(reason);
  });

  test("when it has aborted already, then the handler never runs", async () => {
    const never = defineFunction({
      name: "never",
      handler: () => {
        throw new Error("ran");
      },
    });
    await expect(run(never, null, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

test("given a function that is not here, when it is called, then the job is for another worker", async () => {
  const call = createCodeExecutor([])({ function: "elsewhere", with: null }, activityContext());
  await expect(call).rejects.toThrow(FunctionNotHereError);
});
