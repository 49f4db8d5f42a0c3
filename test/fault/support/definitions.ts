import type { JsonObject } from "../../../src/values/json.ts";

/** What the executions of a load run. Each ends with an output that follows from its input, whatever is repeated on the way. */
export const KINDS = ["chain", "pause", "fan", "loop", "flaky", "family", "talk"] as const;
export type Kind = (typeof KINDS)[number];

/** How often the outside refuses the call of `flaky`. */
export const REFUSALS = 2;
const ITEMS = [1, 2, 3];

export interface Input {
  readonly [name: string]: string | readonly number[];
  readonly url: string;
  readonly tag: string;
  readonly items: readonly number[];
}

export function inputOf(url: string, tag: string): Input {
  return { url, tag, items: ITEMS };
}

export function outputOf(kind: Kind, tag: string): JsonObject {
  return { tag, kind, answers: ANSWERS[kind] };
}

const ANSWERS: Readonly<Record<Kind, number>> = {
  chain: 3,
  pause: 2,
  fan: 4,
  loop: ITEMS.length,
  flaky: 1,
  family: 3,
  talk: 3,
};

export function definitionOf(kind: Kind): JsonObject {
  return { document: { dsl: "1.0.3", namespace: "faults", name: kind, version: "1.0.0" }, do: TASKS[kind] };
}

/** A call that counts its answer in the context. */
function call(step: string): JsonObject {
  return {
    call: "http",
    with: {
      method: "post",
      endpoint: `\${ "\\($workflow.input.url)/\\($workflow.input.tag)/${step}" }`,
      body: { tag: "${ $workflow.input.tag }" },
    },
    export: { as: "${ { answers: (($context.answers // 0) + (if $output.ok then 1 else 0 end)) } }" },
  };
}

function end(kind: Kind, answers = "${ $context.answers }"): JsonObject {
  return { end: { set: { tag: "${ $workflow.input.tag }", kind, answers } } };
}

const branch = (name: string): JsonObject => ({ [name]: { ...call(name), export: { as: "${ $context }" } } });

const TASKS: Readonly<Record<Kind, JsonObject[]>> = {
  chain: [{ first: call("first") }, { second: call("second") }, { third: call("third") }, end("chain")],
  pause: [
    { before: call("before") },
    { short: { wait: { milliseconds: 150 } } },
    { after: call("after") },
    { long: { wait: { milliseconds: 600 } } },
    end("pause"),
  ],
  fan: [
    { out: { fork: { branches: ["north", "east", "south", "west"].map(branch) } } },
    end("fan", "${ [.[] | select(.ok)] | length }"),
  ],
  loop: [
    {
      each: {
        for: { each: "item", in: "${ $workflow.input.items }" },
        do: [{ one: call("item-\\($item)") }],
      },
    },
    end("loop"),
  ],
  flaky: [
    {
      attempts: {
        try: [{ flaky: call("flaky") }],
        catch: {
          errors: { with: { status: 503 } },
          retry: { delay: { milliseconds: 100 }, backoff: { constant: {} }, limit: { attempt: { count: 20 } } },
        },
      },
    },
    end("flaky"),
  ],
  family: [
    {
      child: {
        run: {
          workflow: {
            namespace: "faults",
            name: "chain",
            version: "1.0.0",
            input: { url: "${ $workflow.input.url }", tag: "${ $workflow.input.tag }" },
          },
        },
      },
    },
    end("family", "${ .answers }"),
  ],
  // One branch hears what the other says: every word, once, in order.
  talk: [
    {
      both: {
        fork: {
          branches: [
            {
              hear: {
                listen: {
                  to: {
                    any: [
                      {
                        with: { type: "faults.said" },
                        correlate: { tag: { from: ".tag", expect: "${ $workflow.input.tag }" } },
                      },
                    ],
                    until: "${ length == 3 }",
                  },
                },
              },
            },
            {
              say: {
                for: { each: "item", in: "${ $workflow.input.items }" },
                do: [
                  {
                    word: {
                      emit: {
                        event: {
                          with: {
                            source: "https://faults.example",
                            type: "faults.said",
                            tag: "${ $workflow.input.tag }",
                            data: "${ $item }",
                          },
                        },
                      },
                    },
                  },
                  { breath: { wait: { milliseconds: 20 } } },
                ],
              },
            },
          ],
        },
      },
    },
    end("talk", "${ if .[0] == $workflow.input.items then 3 else .[0] end }"),
  ],
};
