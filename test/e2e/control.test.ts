import { describe, expect, test } from "vitest";
import { documentOf, eventually } from "../support/api.ts";
import { serviceOnStore } from "../support/service-on-store.ts";
import { onEachStore } from "../support/stores.ts";

const SECRET = "canary-7f3a9";

onEachStore((store) => {
  const on = serviceOnStore(store, { SECRET_API_KEY: SECRET, LOG_LEVEL: "debug" });
  const callTo = (path: string) => `{call: http, with: {method: get, endpoint: "${on.outside.url}${path}"}}`;
  const callsTo = (path: string) => on.outside.calls.filter((call) => call.path === path);

  describe("given an HTTP call in hand", () => {
    test.each(["cancel", "terminate"] as const)(
      "when its execution is told to %s, then the call is aborted and its late answer changes nothing",
      async (action) => {
        const path = `/held-${action}`;
        const gate = on.outside.hold(path);
        const { executionId } = await on.api.start(
          documentOf(`
            - ask: ${callTo(path)}
            - never: ${callTo("/never")}
          `),
        );
        await on.outside.seen(path);
        expect((await on.api.act(executionId, action)).status).toBe(202);
        const ended = await on.api.ended(executionId);
        expect(ended.status).toBe("CANCELLED");
        await eventually(
          () => callsTo(path)[0]?.aborted,
          (aborted) => aborted === true,
        );

        gate.open();
        expect((await on.api.act(executionId, action)).status).toBe(409);
        const history = await on.api.history(executionId);
        expect(history).toHaveLength(ended.historyLength);
        expect(history.at(-1)).toMatchObject({
          type: "io.flunq.execution.cancelled",
          data: { terminated: action === "terminate" },
        });
        expect((await on.api.tasks(executionId)).map(({ name, status }) => [name, status])).toEqual([
          ["ask", "CANCELLED"],
        ]);
        expect(callsTo(path)).toHaveLength(1);
        expect(callsTo("/never")).toEqual([]);
      },
    );

    test("when its execution is paused, then the answer is kept, nothing follows until it is resumed, and then it completes", async () => {
      const gate = on.outside.hold("/paused");
      const { executionId } = await on.api.start(
        documentOf(`
          - ask: ${callTo("/paused")}
          - after: ${callTo("/after-pause")}
        `),
      );
      await on.outside.seen("/paused");
      expect((await on.api.act(executionId, "pause")).status).toBe(202);
      expect((await on.api.act(executionId, "pause")).status).toBe(202);
      await on.api.until(executionId, ({ status }) => status === "PAUSED");
      gate.open();
      await eventually(
        () => on.api.tasks(executionId),
        (tasks) => tasks.some(({ name, status }) => name === "ask" && status === "COMPLETED"),
      );
      const paused = await on.api.view(executionId);
      expect(paused.status).toBe("PAUSED");
      expect(paused.waitingFor.map(({ kind }) => kind)).toContain("paused");
      expect(callsTo("/after-pause")).toEqual([]);

      expect((await on.api.act(executionId, "resume")).status).toBe(202);
      expect(await on.api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { ok: true } });
      expect(callsTo("/paused")).toHaveLength(1);
      expect((await on.api.act(executionId, "resume")).status).toBe(409);
    });

    test("when its task has a timeout, then the call is aborted and timeout 408 can be caught", async () => {
      on.outside.hold("/too-slow");
      const { executionId } = await on.api.start(
        documentOf(`
          - guarded:
              try:
                - ask:
                    call: http
                    with: {method: get, endpoint: "${on.outside.url}/too-slow"}
                    timeout: {after: {milliseconds: 300}}
              catch:
                errors: {with: {status: 408}}
                do:
                  - note: {set: {error: "\${ $error }"}}
        `),
      );
      expect(await on.api.ended(executionId)).toMatchObject({
        status: "COMPLETED",
        output: {
          error: {
            type: "https://serverlessworkflow.io/spec/1.0.0/errors/timeout",
            status: 408,
            instance: "/do/0/guarded/try/0/ask",
          },
        },
      });
      await eventually(
        () => callsTo("/too-slow")[0]?.aborted,
        (aborted) => aborted === true,
      );
    });

    test("when its workflow has a timeout, then the execution fails with timeout 408", async () => {
      on.outside.hold("/far-too-slow");
      const { executionId } = await on.api.start(
        documentOf(`- ask: ${callTo("/far-too-slow")}`, "timeout: {after: {milliseconds: 300}}"),
      );
      expect(await on.api.ended(executionId)).toMatchObject({
        status: "FAILED",
        error: { status: 408, instance: "/timeout" },
      });
      await eventually(
        () => callsTo("/far-too-slow")[0]?.aborted,
        (aborted) => aborted === true,
      );
    });
  });

  describe("given a service that fails", () => {
    const retrying = (path: string, count: number) =>
      documentOf(`
        - order:
            try:
              - pay: ${callTo(path)}
            catch:
              errors: {with: {type: https://serverlessworkflow.io/spec/1.0.0/errors/communication}}
              as: problem
              retry: {delay: {milliseconds: 20}, backoff: {exponential: {}}, limit: {attempt: {count: ${count}}}}
              do:
                - giveUp: {set: {gaveUp: "\${ $problem.status }"}}
      `);

    test("when it recovers in time, then the call is retried with the same idempotency key and completes", async () => {
      on.outside.answer("/flaky", () => (callsTo("/flaky").length < 3 ? { status: 503 } : { body: { paid: true } }));
      const { executionId } = await on.api.start(retrying("/flaky", 5));
      expect(await on.api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { paid: true } });
      expect(callsTo("/flaky")).toHaveLength(3);
      expect(new Set(callsTo("/flaky").map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
      expect(callsTo("/flaky")[0]?.idempotencyKey).toMatch(/\S/);
    });

    test("when it never recovers, then the handler runs once after the last retry", async () => {
      on.outside.answer("/down", () => ({ status: 503 }));
      const { executionId } = await on.api.start(retrying("/down", 2));
      expect(await on.api.ended(executionId)).toMatchObject({ status: "COMPLETED", output: { gaveUp: 503 } });
      expect(callsTo("/down")).toHaveLength(3);
    });
  });

  describe("given a call whose arguments read a secret", () => {
    const withSecret = (path: string, expression: string) =>
      documentOf(
        `
        - ask:
            call: http
            with:
              method: post
              endpoint: "${on.outside.url}${path}"
              headers: {authorization: '${expression}', x-session: "\${ $secrets.API_KEY }"}
              query: {sig: "\${ $secrets.API_KEY }"}
              output: response
              body: {key: "\${ $secrets.API_KEY }"}
      `,
        "use: {secrets: [API_KEY, NOT_SET]}",
      );

    test.each([200, 500])(
      "when the service answers %i with all it was sent, then it saw the secret and nobody else does",
      async (status) => {
        const path = `/secret-${status}`;
        on.outside.answer(path, (call) => ({ status, body: { ...call, [SECRET]: btoa(`user:${SECRET}`) } }));
        const { executionId } = await on.api.start(withSecret(path, `\${ "Bearer " + $secrets.API_KEY }`));
        // Its result would be recorded with the secret inside.
        expect((await on.api.ended(executionId)).error?.status).toBe(status === 200 ? 403 : 500);
        expect(callsTo(`${path}?sig=${SECRET}`)).toMatchObject([
          {
            headers: { authorization: `Bearer ${SECRET}`, "x-session": SECRET },
            body: JSON.stringify({ key: SECRET }),
          },
        ]);
        await eventually(
          () => on.api.letterOf(executionId),
          (letter) => letter !== undefined,
        );
        const shown = await Promise.all([
          on.api.view(executionId),
          on.api.history(executionId),
          on.api.tasks(executionId),
          on.api.letterOf(executionId),
          on.api.board(),
        ]);
        expect(JSON.stringify(shown)).not.toContain(SECRET);
        expect(JSON.stringify(shown)).not.toContain(btoa(`user:${SECRET}`).slice(8, 20));
        if (status === 500) expect(JSON.stringify(shown)).toContain("[hidden]");
        expect(JSON.stringify(on.service.log)).not.toContain(SECRET);
      },
    );

    test("when tasks that make no call read it, then an executor evaluates them and only what they give is recorded", async () => {
      const { executionId } = await on.api.start(
        documentOf(
          `
          - length: {set: {length: '\${ $secrets.API_KEY | length }'}}
          - known: {switch: [{no: {when: '$secrets.API_KEY == "other"', then: end}}, {yes: {when: '.length > 3 and $secrets.API_KEY != null', then: told}}]}
          - never: {set: {never: true}}
          - told: {set: {length: '\${ .length }'}}
          - shown: {try: [{show: {set: {key: '\${ $secrets.API_KEY }'}}}], catch: {do: [{caught: {set: {status: '\${ $error.status }', length: '\${ .length }'}}}]}}
        `,
          "use: {secrets: [API_KEY]}",
        ),
      );
      expect(await on.api.ended(executionId)).toMatchObject({
        status: "COMPLETED",
        output: { length: SECRET.length, status: 403 },
      });
      const names = (await on.api.tasks(executionId)).map(({ name }) => name);
      expect(names).toEqual(["length", "known", "told", "shown", "show", "caught"]);
      const shown = await Promise.all([on.api.history(executionId), on.api.tasks(executionId), on.api.board()]);
      expect(JSON.stringify(shown)).not.toContain(SECRET);
      expect(JSON.stringify(on.service.log)).not.toContain(SECRET);
    });

    test("when the secret is not set, then it fails with authorization 403 and no call is made", async () => {
      const { executionId } = await on.api.start(withSecret("/no-secret", "${ $secrets.NOT_SET }"));
      expect(await on.api.ended(executionId)).toMatchObject({
        status: "FAILED",
        error: { status: 403, type: "https://serverlessworkflow.io/spec/1.0.0/errors/authorization" },
      });
      expect(callsTo("/no-secret")).toEqual([]);
    });
  });
});
