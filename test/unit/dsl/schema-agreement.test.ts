import { expect, test } from "vitest";
import { checkDefinition, readDefinition } from "../../../src/dsl/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../src/values/json.ts";

/** Every feature this version runs, once. */
const EVERYTHING = `
document: { dsl: 1.0.3, namespace: test, name: rich, version: 1.0.0, title: t, summary: s, tags: { a: b }, metadata: { c: 1 } }
input: { schema: { format: json, document: { type: object } }, from: . }
output: { as: '{a: .}', schema: { document: true } }
timeout: { after: PT1H }
evaluate: { language: jq, mode: strict }
use:
  secrets: [token]
  timeouts: { short: { after: { seconds: 5 } } }
  errors: { bad: { type: 'https://example.com/bad', status: 400, title: '\${ .t }', detail: d, instance: /x } }
  retries:
    often:
      when: .status == 503
      exceptWhen: 'false'
      delay: PT1S
      backoff: { linear: {} }
      limit: { attempt: { count: 3, duration: PT5S }, duration: PT1M }
      jitter: { from: PT0S, to: PT1S }
  extensions: [{ e: { extend: wait, when: .x, before: [{ b: { set: { a: 1 }, then: exit } }], after: [{ c: { set: { a: 1 } } }] } }]
  functions:
    f:
      call: http
      with:
        method: get
        endpoint: 'https://x.example/{id}'
        headers: { a: '\${ $secrets.token }' }
        query: { q: x }
        body: { a: 1 }
        output: raw
        redirect: true
    g: { do: [{ a: { call: f, with: { id: 1 } } }] }
do:
  - s:
      if: .x
      set: { a: '\${ .b }' }
      input: { from: . }
      output: { as: { x: '\${ . }' } }
      export: { as: '$context + .' }
      timeout: short
      then: w
      metadata: { queue: q }
  - w: { wait: { days: 1, hours: 1, minutes: 1, seconds: 1, milliseconds: 1 } }
  - w2: { wait: '\${ .pause }', then: exit }
  - sw: { switch: [{ a: { when: .x, then: s } }, { d: { then: end } }] }
  - l: { for: { each: pet, in: .pets, at: i }, while: $i < 3, do: [{ x: { set: { p: '\${ $pet }' } } }] }
  - fo: { fork: { compete: true, branches: [{ b1: { set: { a: 1 } } }, { b2: { do: [{ y: { set: '\${ . }' } }] } }] } }
  - r: { raise: { error: bad } }
  - t:
      try: [{ z: { raise: { error: { type: 'https://example.com/x', status: 500 } } } }]
      catch:
        errors: { with: { type: x, status: 500, instance: i, title: t, details: d } }
        as: err
        when: .status == 1
        exceptWhen: 'false'
        retry: often
        do: [{ h: { set: { e: '\${ $err }' } } }]
  - c: { call: g, with: { a: 1 } }
  - code: { call: my.function-1, with: { a: '\${ $secrets.token }' } }
`;
/** Each by itself: what stands beside it does not matter, and every change checks the whole document. */
const MORE: readonly string[] = [
  `js: { run: { script: { language: js, code: 'x()', arguments: [a, '\${ .b }'], environment: { A: '\${ .c }' }, stdin: '\${ . }' }, return: all, await: false } }`,
  `py: { run: { script: { language: python, source: { name: n, endpoint: 'https://x.example/{id}' }, arguments: { a: 1 } } } }`,
  `sh: { run: { shell: { command: 'echo \${A}', arguments: [a], environment: { A: 1 }, stdin: text }, return: none } }`,
  `co: { run: { container: { image: alpine, name: '\${ .n }', command: ls, ports: { 80: 8080 }, volumes: { /a: /b }, environment: { A: b }, stdin: x, arguments: [y], lifetime: { cleanup: eventually, after: PT5M }, pullPolicy: always } } }`,
  `mcp: { call: mcp, with: { method: tools/call, parameters: { name: t, arguments: { a: '\${ $secrets.token }' } }, transport: { http: { endpoint: 'https://x.example', headers: { a: b } } }, timeout: PT5S, client: { name: c, version: v }, protocolVersion: '2025-06-18' } }`,
  `stdio: { call: mcp, with: { method: tools/list, transport: { stdio: { command: npx, arguments: [a], environment: { A: b } } } } }`,
  `a2a: { call: a2a, with: { method: message/send, agentCard: { endpoint: 'https://x.example/card' }, server: 'https://x.example', parameters: { message: { parts: [{ kind: text, text: '\${ .q }' }] } } } }`,
  `pub: { call: asyncapi, with: { document: { endpoint: 'https://x.example/api.json' }, operation: o, server: { name: s, variables: { a: b } }, protocol: ws, message: { payload: { a: '\${ $secrets.token }' }, headers: { a: b } } } }`,
  `sub: { call: asyncapi, with: { document: { endpoint: 'https://x.example/api.json' }, channel: c, subscription: { filter: '\${ .payload.a == $input.b }', consume: { until: '\${ length == 5 }', for: { minutes: 1 } } } } }`,
  `each: { call: asyncapi, with: { document: { endpoint: 'https://x.example/api.json' }, operation: o, authentication: { bearer: { token: t } }, subscription: { consume: { while: '\${ true }' }, foreach: { item: m, at: i, do: [{ s: { set: { a: '\${ $m }' } } }], output: { as: .a }, export: { as: .a } } } } }`,
  `amount: { call: asyncapi, with: { document: { endpoint: 'https://x.example/api.json' }, operation: o, subscription: { consume: { amount: 5 } } } }`,
];
const HEADER = "document: { dsl: 1.0.3, namespace: test, name: one, version: 1.0.0 }\nuse: { secrets: [token] }";
const SCHEDULED = `${HEADER}
schedule:
  after: { hours: 1 }
  on:
    any: [{ with: { type: a, source: 'https://x.example', data: '\${ .n > 1 }' }, correlate: { k: { from: .data.k, expect: v } } }]
    until: { all: [{ with: { type: b } }] }
  read: data
do: [{ t: { set: { a: 1 } } }]`;
const INSTEAD: readonly Json[] = [null, 5, -1, 1.5, true, "", "x", "${ .a", "${ .a }", [], ["x"], {}, { x: 1 }];

type Path = readonly (string | number)[];

function pathsIn(value: Json, path: Path = []): readonly Path[] {
  const inside = Array.isArray(value)
    ? value.flatMap((item: Json, index) => pathsIn(item, [...path, index]))
    : isJsonObject(value)
      ? Object.entries(value).flatMap(([key, member]) => pathsIn(member, [...path, key]))
      : [];
  return [path, ...inside];
}

/** The value with what stands at `path` replaced, or removed when `change` gives undefined. */
function changed(value: Json, path: Path, change: (at: Json) => Json | undefined): Json | undefined {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.flatMap((item: Json, index) => {
      const next = index === step ? changed(item, rest, change) : item;
      return next === undefined ? [] : [next];
    });
  }
  const entries = Object.entries(isJsonObject(value) ? value : {}).flatMap(([key, member]) => {
    const next = key === step ? changed(member, rest, change) : member;
    return next === undefined ? [] : [[key, next] as const];
  });
  return Object.fromEntries(entries);
}

test.each([EVERYTHING, SCHEDULED, ...MORE.map((task) => `${HEADER}\ndo: [{ ${task} }]`)])(
  "given a definition in which one value is changed, when the specification's schema refuses it, then our own readers say why: %#",
  (text) => {
    const { document } = readDefinition(text);
    expect(checkDefinition(document)).toEqual({ issues: [], warnings: [] });
    const changes = [
      ...INSTEAD.map((value) => () => value),
      () => undefined,
      (at: Json) => (isJsonObject(at) ? { ...at, bogus: 1 } : at),
    ];
    const unexplained = pathsIn(document)
      .slice(1)
      .flatMap((path) => changes.map((change) => ({ path, mutant: changed(document, path, change) })))
      .filter(({ mutant }) => {
        const { issues } = checkDefinition(mutant as JsonObject);
        return issues.some(({ message }) => message.startsWith("the specification's schema"));
      });
    expect(unexplained.map(({ path }) => path.join("/"))).toEqual([]);
  },
);
