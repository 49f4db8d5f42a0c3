import { describe, expect, test } from "vitest";
import { checkDefinition, readDefinition } from "../../../src/dsl/index.ts";
import type { Json, JsonObject } from "../../../src/values/json.ts";

const HEADER = { dsl: "1.0.3", namespace: "test", name: "checked", version: "1.0.0" };
const documentOf = (tasks: Json, more: JsonObject = {}): JsonObject => ({ document: HEADER, ...more, do: tasks });
const http = { method: "get", endpoint: "https://example.com" };

function issuesOf(document: JsonObject): readonly string[] {
  return checkDefinition(document).issues.map(({ pointer, message }) => `${pointer}: ${message}`);
}

function warningsOf(document: JsonObject): readonly string[] {
  const { issues, warnings } = checkDefinition(document);
  expect(issues).toEqual([]);
  return warnings.map(({ pointer, message }) => `${pointer}: ${message}`);
}

/** A definition and everything that is wrong with it. */
type Cases = readonly (readonly [what: string, document: JsonObject, issues: readonly string[]])[];

function refusals(title: string, cases: Cases): void {
  describe(title, () => {
    test.each(cases)("%s", (_, document, issues) => expect(issuesOf(document)).toEqual(issues));
  });
}

const one = (task: Json, more: JsonObject = {}) => documentOf([{ t: task }], more);

refusals("given a header, when it is checked, then only releases of DSL 1.0 are taken", [
  ["1.0.0", { ...one({ set: { a: 1 } }), document: { ...HEADER, dsl: "1.0.0" } }, []],
  ["1.0.9", { ...one({ set: { a: 1 } }), document: { ...HEADER, dsl: "1.0.9" } }, []],
  [
    "1.1.0",
    { ...one({ set: { a: 1 } }), document: { ...HEADER, dsl: "1.1.0" } },
    ["/document/dsl: not supported by this version: DSL 1.1.0 (write one of 1.0.0 to 1.0.3)"],
  ],
  [
    "a prerelease",
    { ...one({ set: { a: 1 } }), document: { ...HEADER, dsl: "1.0.0-alpha5" } },
    ["/document/dsl: not supported by this version: DSL 1.0.0-alpha5 (write one of 1.0.0 to 1.0.3)"],
  ],
  [
    "no version",
    { ...one({ set: { a: 1 } }), document: { ...HEADER, dsl: "v1.0.3" } },
    ['/document/dsl: `dsl` must be the version of the DSL, such as "1.0.3", not the text "v1.0.3"'],
  ],
  ["DSL 0.8", { id: "x", specVersion: "0.8", states: [] }, ["/specVersion: not supported by this version: DSL 0.8"]],
  [
    "names and versions",
    { ...one({ set: { a: 1 } }), document: { dsl: "1.0.3", namespace: "a_b", name: "-x", version: 1 } },
    [
      '/document/namespace: `namespace` must be 1 to 63 letters, digits and "-", neither first nor last a "-", not the text "a_b"',
      '/document/name: `name` must be 1 to 63 letters, digits and "-", neither first nor last a "-", not the text "-x"',
      '/document/version: `version` must be a semantic version such as "1.0.0" (in quotes), not the number 1',
    ],
  ],
  ["loose evaluation", one({ set: { a: ".b | (" } }, { evaluate: { mode: "loose" } }), []],
  [
    "a secret in loose evaluation",
    one({ wait: "$secrets.pause" }, { evaluate: { mode: "loose" } }),
    [
      "/do/0/t/wait: secrets can be read only in the `with` of a call, in `run`, in `set` and in the `when` of a switch: elsewhere the value would be written to the history",
    ],
  ],
  ["strict evaluation", one({ set: { a: 1 } }, { evaluate: { language: "jq", mode: "strict" } }), []],
  [
    "another evaluation",
    one({ set: { a: 1 } }, { evaluate: { language: "js", mode: "banana" } }),
    [
      "/evaluate/language: not supported by this version: evaluate.language js",
      '/evaluate/mode: `mode` must be "strict" or "loose", not the text "banana"',
    ],
  ],
]);

refusals("given what this version does not run, when it is checked, then it says so and where", [
  ["run", one({ run: { await: false } }), ["/do/0/t/run: `run` needs one of container, script, shell, workflow"]],
  [
    "run",
    one({ run: { workflow: { namespace: "n", name: "w" }, script: {} } }),
    ["/do/0/t/run: `run` starts one process, not 2"],
  ],
  [
    "run",
    one({ run: { workflow: { name: 1, inptu: {} } } }),
    [
      '/do/0/t/run/workflow/inptu: `run.workflow` has no "inptu"; it may have namespace, name, version, input',
      '/do/0/t/run/workflow: `run.workflow` needs "namespace"',
      "/do/0/t/run/workflow/name: `name` must be text, not the number 1",
    ],
  ],
  [
    "run",
    one({ run: { workflow: { namespace: "n", name: "w", input: [] }, return: "output" } }),
    [
      '/do/0/t/run/return: `return` must be "stdout", "stderr", "code", "all" or "none", not the text "output"',
      "/do/0/t/run/workflow/input: `input` must be an object, not a list",
    ],
  ],
  [
    "authentication",
    one({
      call: "http",
      with: { method: "get", endpoint: { uri: "https://x.example", authentication: { use: "x" } } },
    }),
    ['/do/0/t/with/endpoint/authentication/use: "x" is not defined; use.authentications is empty'],
  ],
  [
    "another schema format",
    one({ set: { a: 1 }, input: { schema: { format: "protobuf", document: {} } } }),
    [
      '/do/0/t/input/schema/format: not supported by this version: schema format "protobuf"; use json, json:2020-12, json:draft-07, avro, avro:1.8 to avro:1.12',
    ],
  ],
  [
    "another version of a schema format",
    one({ set: { a: 1 }, output: { schema: { format: "avro:2.0", document: "int" } } }),
    [
      '/do/0/t/output/schema/format: not supported by this version: schema format "avro:2.0"; use json, json:2020-12, json:draft-07, avro, avro:1.8 to avro:1.12',
    ],
  ],
  [
    "XML Schema",
    one({ set: { a: 1 }, export: { schema: { format: "xml:1.1", document: "<x/>" } } }),
    [
      '/do/0/t/export/schema/format: not supported by this version: schema format "xml:1.1": it describes XML, and the data of a workflow is JSON; use json, json:2020-12, json:draft-07, avro, avro:1.8 to avro:1.12',
    ],
  ],
]);

refusals("given tasks of the wrong shape, when they are checked, then each mistake is named once", [
  ["no list", documentOf({}), ["/do: a list of tasks must be a list, not an object"]],
  [
    "two tasks in one item",
    documentOf([{ a: { set: { x: 1 } }, b: { set: { x: 1 } } }]),
    ['/do/0: an item of a task list is one named task; this one has 2: a, b (begin each with its own "-")'],
  ],
  [
    "no kind",
    one({ sett: { a: 1 } }),
    [
      '/do/0/t: a task needs one of call, do, emit, for, fork, listen, raise, run, set, switch, try, wait; this one has only sett; did you mean "set"?',
    ],
  ],
  ["two kinds", one({ set: { a: 1 }, wait: "PT1S" }), ["/do/0/t: a task is of one kind; this one has set, wait"]],
  [
    "unknown members",
    one({ set: { a: 1 }, ouput: { as: "." }, frobnicate: 1 }),
    [
      '/do/0/t/ouput: a "set" task has no "ouput"; did you mean "output"?',
      '/do/0/t/frobnicate: a "set" task has no "frobnicate"; it may have set, if, input, output, export, timeout, then, metadata',
    ],
  ],
  [
    "duplicate names",
    documentOf([{ a: { wait: "PT1S" } }, { b: { wait: "PT1S" } }, { a: { wait: "PT1S" } }]),
    ['/do/2/a: this list has a task "a" already: names must differ within a list'],
  ],
  ["the same name in another list", documentOf([{ a: { do: [{ a: { wait: "PT1S" } }] } }]), []],
  ["set", one({ set: 5 }), ["/do/0/t/set: `set` must be an object or one expression, not the number 5"]],
  [
    "empty set",
    one({ set: {} }),
    ["/do/0/t/set: `set` needs at least one member; an empty object is written as ${ {} }"],
  ],
  ["empty switch", one({ switch: [] }), ["/do/0/t/switch: a switch needs a case"]],
  [
    "two default cases",
    one({ switch: [{ a: { then: "end" } }, { b: { when: ".x", then: "end" } }, { c: { then: "exit" } }] }),
    ['/do/0/t/switch/2/c: a switch has one default (a case without `when`): "c" is a second one after "a"'],
  ],
  [
    "for",
    one({ for: { each: "a b", at: "input", in: 1 }, do: [] }),
    [
      '/do/0/t/for/each: must be the name of a variable, without "$": letters, digits and "_", not the text "a b"',
      '/do/0/t/for/at: "$input" has a meaning already: choose another name',
      "/do/0/t/for/in: must be an expression, as text, not the number 1",
    ],
  ],
  [
    "extensions",
    one(
      { set: { a: 1 } },
      {
        use: {
          extensions: [
            { a: { extend: "do", when: 1, then: "exit" } },
            { b: { extend: "set", before: [{ s: { set: { a: 1 }, then: "t" } }] }, c: { extend: "set" } },
            { d: { before: {} } },
          ],
        },
      },
    ),
    [
      "/use/extensions/1: an item of `use.extensions` is one named extension; this one has b, c",
      '/use/extensions/0/a/then: an extension has no "then"; did you mean "when"?',
      '/use/extensions/0/a/extend: `extend` must be "all", "composite", "call", "emit", "for", "listen", "raise", "run", "set", "switch", "try" or "wait", not the text "do"',
      "/use/extensions/0/a/when: must be an expression, as text, not the number 1",
      '/use/extensions/1/b/before/0/s/then: task "t" is in another list, at /do/0/t: `then` names a task of its own list (s)',
      '/use/extensions/2/d: an extension needs "extend"',
      "/use/extensions/2/d/before: a list of tasks must be a list, not an object",
    ],
  ],
  ["for without do", one({ for: { in: "." } }), ['/do/0/t: a "for" task needs "do"']],
  [
    "fork",
    one({ fork: { compete: "yes" } }),
    [
      '/do/0/t/fork/compete: `compete` must be true or false, not the text "yes"',
      "/do/0/t/fork/branches: a list of tasks must be a list, not nothing",
    ],
  ],
  ["try without catch", one({ try: [] }), ['/do/0/t: a "try" task needs "catch"']],
  [
    "catch",
    one({ try: [], catch: { errors: { with: { status: "500", kind: 1 } }, as: "$e", retry: "x", then: "ende" } }),
    [
      '/do/0/t/catch/as: must be the name of a variable, without "$": letters, digits and "_", not the text "$e"',
      '/do/0/t/catch/errors/with/kind: an error filter has no "kind"; it may have type, status, instance, title, detail, details',
      '/do/0/t/catch/errors/with/status: `status` must be a whole number, not the text "500"',
      "/do/0/t/catch/errors/with/kind: `kind` must be text, not the number 1",
      '/do/0/t/catch/retry: "x" is not defined; use.retries is empty',
      '/do/0/t/catch/then: there is no task "ende"; did you mean "end"?',
    ],
  ],
  [
    "retry",
    one({
      try: [],
      catch: {
        retry: {
          delay: "-PT1S",
          backoff: { linear: {}, constant: {} },
          jitter: { from: "PT2S", to: "PT1S" },
          limit: { attempt: { count: -1, duration: "${ .x" } },
        },
      },
    }),
    [
      '/do/0/t/catch/retry/delay: the text "-PT1S" is not a duration: write ISO 8601 such as "PT30S", or whole numbers, 0 or more, of days, hours, minutes, seconds, milliseconds',
      '/do/0/t/catch/retry/backoff: `backoff` is one of "constant: {}", "linear: {}", "exponential: {}"',
      "/do/0/t/catch/retry/jitter: `jitter.from` is longer than `jitter.to`",
      "/do/0/t/catch/retry/limit/attempt/count: `count` must be a whole number of retries, 0 or more, not the number -1",
      '/do/0/t/catch/retry/limit/attempt/duration: the text "${ .x" is not a duration: write ISO 8601 such as "PT30S", or whole numbers, 0 or more, of days, hours, minutes, seconds, milliseconds',
    ],
  ],
  [
    "raise",
    one({ raise: { error: { type: "not a uri", status: "400", instance: "here" } } }),
    [
      "/do/0/t/raise/error/type: `type` must be a URI such as https://example.com/errors/not-a-uri",
      '/do/0/t/raise/error/instance: `instance` must be a JSON pointer such as /do/0/pay, not the text "here"',
      '/do/0/t/raise/error/status: `status` must be a whole number, not the text "400"',
    ],
  ],
  [
    "negative wait",
    one({ wait: { seconds: -1 } }),
    [
      '/do/0/t/wait: {"seconds":-1} is not a duration: write ISO 8601 such as "PT30S", or whole numbers, 0 or more, of days, hours, minutes, seconds, milliseconds',
    ],
  ],
  [
    "an HTTP call",
    one({
      call: "http",
      with: { metod: "get", endpoint: "ftp://x", headers: { a: 1 }, query: 5, output: "text", redirect: 1 },
    }),
    [
      '/do/0/t/with/metod: the `with` of an HTTP call has no "metod"; did you mean "method"?',
      '/do/0/t/with: the `with` of an HTTP call needs "method"',
      "/do/0/t/with/endpoint: an endpoint must be a URI that begins with http:// or https://, or an expression that gives one",
      "/do/0/t/with/headers/a: must be text, not the number 1: put it in quotes",
      "/do/0/t/with/query: `query` must be an object or one expression, not the number 5",
      '/do/0/t/with/output: `output` must be "content", "response" or "raw", not the text "text"',
      "/do/0/t/with/redirect: `redirect` must be true or false, not the number 1",
    ],
  ],
  [
    "placeholders and characters of an endpoint",
    one({ call: "http", with: { method: "get", endpoint: "https://x.example/{a.b}/{+c} d" } }),
    [
      ...["{a.b}", "{+c}"].map(
        (placeholder) =>
          `/do/0/t/with/endpoint: ${placeholder} must be the name of a top-level member of the task's input, of letters, digits and "_"; insert other values with one expression: \${ "https://…/\\(.a.b)" }`,
      ),
      '/do/0/t/with/endpoint: an endpoint cannot hold the character " "',
    ],
  ],
  [
    "an embedded expression in an endpoint",
    one({ call: "http", with: { method: "get", endpoint: "https://x.example/${ .id }" } }),
    [
      '/do/0/t/with/endpoint: write {name} to insert a member of the task\'s input, or one expression: ${ "https://…/\\(.id)" }',
    ],
  ],
]);

refusals("given a `then`, when it names no task of its own list, then the right list is named", [
  [
    "unknown",
    documentOf([{ first: { wait: "PT1S", then: "secnd" } }, { second: { wait: "PT1S" } }]),
    ['/do/0/first/then: there is no task "secnd"; did you mean "second"?'],
  ],
  [
    "in another list",
    documentOf([{ a: { do: [{ b: { wait: "PT1S", then: "c" } }] } }, { c: { wait: "PT1S" } }]),
    ['/do/0/a/do/0/b/then: task "c" is in another list, at /do/1/c: `then` names a task of its own list (b)'],
  ],
  [
    "another branch of a fork",
    documentOf([{ f: { fork: { branches: [{ a: { wait: "PT1S", then: "b" } }, { b: { wait: "PT1S" } }] } } }]),
    [
      '/do/0/f/fork/branches/0/a/then: task "b" is in another list, at /do/0/f/fork/branches/1/b: `then` names a task of its own list',
    ],
  ],
  [
    "of a switch case",
    documentOf([{ s: { switch: [{ x: { then: "nowhere" } }] } }]),
    [
      '/do/0/s/switch/0/x/then: there is no task "nowhere": `then` names a task of its own list (s), or continue, exit, end',
    ],
  ],
]);

refusals("given a name that is not defined, when it is checked, then those that are get listed", [
  [
    "a timeout",
    one({ wait: "PT1S", timeout: "short" }),
    ['/do/0/t/timeout: "short" is not defined; use.timeouts is empty'],
  ],
  [
    "a workflow's timeout",
    one({ wait: "PT1S" }, { timeout: "shrt", use: { timeouts: { short: { after: "PT1S" } } } }),
    ['/timeout: "shrt" is not defined; did you mean "short"?'],
  ],
  [
    "an error",
    one({ raise: { error: "oops" } }, { use: { errors: { unpaid: { type: "https://x.example", status: 402 } } } }),
    ['/do/0/t/raise/error: "oops" is not defined; use.errors has unpaid'],
  ],
  [
    "something inherited",
    one({ raise: { error: "constructor" } }, { use: { errors: {} } }),
    ['/do/0/t/raise/error: "constructor" is not defined; use.errors is empty'],
  ],
]);

refusals("given entries of `use`, when they are checked, then a fault is named once, at the entry", [
  [
    "used twice",
    documentOf([{ a: { wait: "PT1S", timeout: "bad" } }, { b: { wait: "PT1S", timeout: "bad" } }], {
      use: { timeouts: { bad: { after: "soon" } } },
    }),
    [
      '/use/timeouts/bad/after: the text "soon" is not a duration: write ISO 8601 such as "PT30S", or whole numbers, 0 or more, of days, hours, minutes, seconds, milliseconds',
    ],
  ],
  [
    "never used",
    one({ wait: "PT1S" }, { use: { functions: { f: { set: { a: "${ 1 + }" } } }, retries: { r: { dely: "PT1S" } } } }),
    [
      '/use/retries/r/dely: a retry policy has no "dely"; did you mean "delay"?',
      "/use/functions/f/set/a: unexpected end of the expression: expected an expression (line 1, column 8)",
    ],
  ],
  [
    "a variable that is not bound where the entry is used",
    one(
      { raise: { error: "e" } },
      {
        use: { errors: { e: { type: "https://x.example", status: 400, detail: "${ $item }" } } },
      },
    ),
    [
      "/use/errors/e/detail: $item is not defined (line 1, column 4); known here: $context, $input, $secrets, $task, $workflow, $runtime, $authorization",
    ],
  ],
  [
    "functions that call each other",
    one({ call: "a" }, { use: { functions: { a: { call: "b" }, b: { do: [{ x: { call: "a" } }] } } } }),
    [
      '/use/functions/b/do/0/x/call: function "a" calls itself (a → b → a), so it would never end',
      '/use/functions/a/call: function "b" calls itself (b → a → b), so it would never end',
    ],
  ],
]);

refusals("given an expression, when it is checked, then it must compile and name only what its place knows", [
  [
    "on several lines",
    one({ set: { a: " ${\n\n   .a + + 2 }\n" } }),
    ['/do/0/t/set/a: unexpected "+": expected an expression (line 3, column 9)'],
  ],
  [
    "bare, on several lines",
    one({ if: "\n\n   .a + + 2", set: { a: 1 } }),
    ['/do/0/t/if: unexpected "+": expected an expression (line 3, column 9)'],
  ],
  [
    "bare",
    one({ if: ".a ==", set: { a: 1 } }),
    ["/do/0/t/if: unexpected end of the expression: expected an expression (line 1, column 6)"],
  ],
  [
    "not one program",
    one({ set: { a: "${ .x } and ${ .y }" } }),
    [
      '/do/0/t/set/a: unexpected "}": expected an operator or the end of the expression (line 1, column 7); a text with expressions inside is written as one expression: ${ "\\(.a) and \\(.b)" }',
    ],
  ],
  [
    "$input in `if`",
    one({ if: "$input.a", set: { a: 1 } }),
    [
      "/do/0/t/if: $input is not defined (line 1, column 1); known here: $context, $secrets, $task, $workflow, $runtime",
    ],
  ],
  [
    "$task in the workflow's input",
    one({ set: { a: 1 } }, { input: { from: "$task" } }),
    ["/input/from: $task is not defined (line 1, column 1); known here: $secrets, $workflow, $runtime"],
  ],
  ["$context in the workflow's output", one({ set: { a: 1 } }, { output: { as: { x: "${ $context }" } } }), []],
  ["$output in `export`", one({ set: { a: 1 }, export: { as: "$output" } }), []],
  [
    "$output in `output`",
    one({ set: { a: 1 }, output: { as: "$output" } }),
    [
      "/do/0/t/output/as: $output is not defined (line 1, column 1); known here: $context, $input, $secrets, $task, $workflow, $runtime, $authorization",
    ],
  ],
  [
    "variables of loops and handlers",
    one({
      for: { in: ".", each: "pet" },
      while: "$pet != $index",
      do: [
        {
          a: { try: [], catch: { as: "e", when: "$e.status", do: [{ b: { set: { x: "${ [$pet, $index, $e] }" } } }] } },
        },
      ],
    }),
    [],
  ],
  [
    "a loop's variable outside of it",
    one({ for: { in: "$item", each: "item" }, do: [], output: { as: "$item" } }),
    ["output/as", "for/in"].map(
      (member) =>
        `/do/0/t/${member}: $item is not defined (line 1, column 1); known here: $context, $input, $secrets, $task, $workflow, $runtime, $authorization`,
    ),
  ],
  [
    "a loop's variable in the function it calls",
    one({ for: { in: "." }, do: [{ c: { call: "f" } }] }, { use: { functions: { f: { set: { a: "${ $item }" } } } } }),
    [
      "/use/functions/f/set/a: $item is not defined (line 1, column 4); known here: $context, $input, $secrets, $task, $workflow, $runtime, $authorization",
    ],
  ],
]);

const ELSEWHERE =
  "secrets can be read only in the `with` of a call, in `run`, in `set` and in the `when` of a switch: elsewhere the value would be written to the history";
refusals("given `$secrets`, when it is read where the history would hold it, then it is refused", [
  ["in an HTTP call", one({ call: "http", with: { ...http, headers: { a: "${ $secrets.t }" } } }), []],
  ["in a TypeScript function's call", one({ call: "pay", with: { a: "${ $secrets.t }" } }), []],
  ["in set", one({ set: { a: "${ $secrets.t }" } }), []],
  ["in a switch", one({ switch: [{ a: { when: "$secrets.t == 1", then: "end" } }] }), []],
  ["in a wait", one({ wait: "${ $secrets.t }" }), [`/do/0/t/wait: ${ELSEWHERE}`]],
  ["in if", one({ if: "$secrets.t", set: { a: 1 } }), [`/do/0/t/if: ${ELSEWHERE}`]],
  [
    "in the input of a function of the definition",
    one({ call: "f", with: { a: "${ $secrets.t }" } }, { use: { functions: { f: { set: { a: 1 } } } } }),
    [`/do/0/t/with/a: ${ELSEWHERE}`],
  ],
]);

refusals("given a JSON Schema, when it cannot be used, then it is refused with the reason", [
  ["good", one({ set: { a: 1 } }, { input: { schema: { format: "json:2020-12", document: { type: "object" } } } }), []],
  [
    "unknown type",
    one({ set: { a: 1 } }, { input: { schema: { document: { type: "objekt" } } } }),
    [
      "/input/schema/document: not a usable JSON Schema: schema is invalid: data/type must be equal to one of the allowed values, data/type must be array, data/type must match a schema in anyOf",
    ],
  ],
  [
    "remote reference",
    one({ set: { a: 1 } }, { input: { schema: { document: { $ref: "https://x.example/s.json" } } } }),
    ["/input/schema/document: not a usable JSON Schema: can't resolve reference https://x.example/s.json from id #"],
  ],
  [
    "long pattern",
    one({ set: { a: 1 } }, { input: { schema: { document: { pattern: "a".repeat(1_001) } } } }),
    ["/input/schema/document: not a usable JSON Schema: a pattern has at most 1000 characters, not 1001"],
  ],
  [
    "asynchronous",
    one({ set: { a: 1 } }, { input: { schema: { document: { $async: true } } } }),
    ['/input/schema/document: not a usable JSON Schema: "$async" is not a keyword of JSON Schema'],
  ],
  [
    "no document",
    one({ set: { a: 1 } }, { input: { schema: {} } }),
    ['/input/schema: a schema needs "document" or "resource", and has one of them'],
  ],
]);

describe("given what is allowed but hardly meant, when it is checked, then there is a warning", () => {
  const cases: readonly (readonly [what: string, document: JsonObject, warnings: readonly string[]])[] = [
    [
      "an embedded expression",
      one({ set: { a: 'Hello ${ .name }, "you" have ${.n}' } }),
      [
        '/do/0/t/set/a: this text stays as it is, ${ } inside it included; to insert values write ${ "Hello \\(.name), \\"you\\" have \\(.n)" }',
      ],
    ],
    [
      "an expression without end",
      one({ set: { a: "${ .name" } }),
      ['/do/0/t/set/a: this text begins with "${" but has no "}"'],
    ],
    [
      "a text as `set`",
      one({ set: ".a" }),
      ['/do/0/t/set: sets the output to the text ".a" itself; an expression is written as ${ .a }'],
    ],
    [
      "a typo in a call",
      one({ call: "htp" }),
      ['/do/0/t/call: "htp" is taken as a TypeScript function; did you mean "http"?'],
    ],
    [
      "a task called as a directive",
      documentOf([{ end: { wait: "PT1S" } }]),
      ['/do/0/end: no `then` can name this task: "end" is a flow directive'],
    ],
    [
      "a top-level typo",
      one({ wait: "PT1S" }, { outputs: {} }),
      ['/outputs: "outputs" has no meaning here; did you mean "output"?'],
    ],
    [
      "an expression in an error filter",
      one({ try: [], catch: { errors: { with: { type: "${ .x }" } } } }),
      [
        "/do/0/t/catch/errors/with/type: an error filter compares this text as it is; put an expression into `catch.when`",
      ],
    ],
  ];
  test.each(cases)("%s", (_, document, warnings) => expect(warningsOf(document)).toEqual(warnings));
});

test("given a text, when its definition is checked, then issues carry the line", () => {
  const text =
    "document:\n  dsl: 1.0.3\n  namespace: test\n  name: x\n  version: 1.0.0\ndo:\n  - a:\n      wait: never\n";
  const { document, line } = readDefinition(text);
  expect(checkDefinition(document, line).issues).toMatchObject([{ pointer: "/do/0/a/wait", line: 8 }]);
});

test("given a schema rule no reader of ours knows, when it is broken, then the schema's word is passed on", () => {
  const schema = { resource: { name: 5, endpoint: "https://x.example/schema.json" } };
  const document = one({ set: { a: 1 }, input: { schema } });
  expect(issuesOf(document)[0]).toMatch(/: the specification's schema does not allow this: /);
});

test("given an expression over several lines, when it is checked, then the schema does not mind", () => {
  expect(issuesOf(one({ wait: "${\n  .pause\n  | tostring\n}" }))).toEqual([]);
  expect(issuesOf(one({ call: "http", with: { ...http, endpoint: "${\n  .uri\n}" } }))).toEqual([]);
});
