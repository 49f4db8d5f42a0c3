import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { JqSyntaxError } from "../../src/expressions/jq/errors.ts";
import { compile } from "../../src/expressions/jq/index.ts";
import { type JqCase, jqCasesOf } from "../support/jq-cases.ts";
import { jqValue, outcomeOf, sameOutputs } from "../support/jq-values.ts";

const path = process.env.JQ_TESTS;
/** Of the 531 cases of jq 1.8.2 that run; 19 more are programs to be refused. */
const LEAST_PASSED = 515;

/** Programs that are known not to give what jq gives, and why. */
const MODULES = "there are no module files";
const HOST = "it needs a host to read from or to write to";
const BUDGET = "it takes more steps than the default fuel";
const MISSED: Readonly<Record<string, string>> = {
  'import "a" as foo; import "b" as bar; def fooa: foo::a; [fooa, bar::a, bar::b, foo::a]': MODULES,
  'import "c" as foo; [foo::a, foo::c]': MODULES,
  'include "c"; [a, c]': MODULES,
  'import "data" as $e; import "data" as $d; [$d[].this,$e[].that,$d::d[].this,$e::e[].that]|join(";")': MODULES,
  'import "data" as $a; import "data" as $b; def f: {$a, $b}; f': MODULES,
  'include "shadow1"; e': MODULES,
  'include "shadow1"; include "shadow2"; e': MODULES,
  'import "shadow1" as f; import "shadow2" as f; import "shadow1" as e; [e::e, f::e]': MODULES,
  modulemeta: MODULES,
  "modulemeta | .deps | length": MODULES,
  "modulemeta | .defs | length": MODULES,
  'import "test_bind_order" as check; check::check': MODULES,
  "try input catch .": HOST,
  debug: HOST,
  'last(range(365 * 67)|("1970-03-01T01:02:03Z"|strptime("%Y-%m-%dT%H:%M:%SZ")|mktime) + (86400 * .)|strftime("%Y-%m-%dT%H:%M:%SZ")|strptime("%Y-%m-%dT%H:%M:%SZ"))':
    BUDGET,
};

test.skipIf(path !== undefined)(
  "JQ_TESTS is not set: give it the path of tests/jq.test of jq 1.8.2 to run jq's own cases",
  () => {},
);

test.runIf(path !== undefined)("given jq's own cases, when each is run, then only the listed ones differ", () => {
  const cases = jqCasesOf(readFileSync(path ?? "", "utf8"));
  const run = cases.filter(({ refused }) => !refused);
  const missed = cases.flatMap((one) => {
    const difference = differenceOf(one);
    return difference === undefined ? [] : [{ ...one, difference }];
  });
  for (const { line, program, difference } of missed) {
    console.log(`line ${line}: ${program}\n  ${difference} (${MISSED[program] ?? "NOT LISTED"})`);
  }
  const passed = run.length - missed.filter(({ refused }) => !refused).length;
  console.log(`${passed} of ${run.length} cases pass; ${cases.length - run.length} programs are to be refused`);
  expect(passed).toBeGreaterThanOrEqual(LEAST_PASSED);
  expect(missed.map(({ program }) => program).sort()).toEqual(Object.keys(MISSED).sort());
});

/** What is wrong, undefined when nothing is. */
function differenceOf({ program, refused, input, outputs }: JqCase): string | undefined {
  try {
    if (refused) {
      compile(program);
      return "it was not refused";
    }
    const expected = outputs.map(jqValue);
    const { outputs: actual, error } = outcomeOf(program, jqValue(input));
    if (sameOutputs(expected, actual)) return undefined;
    return `gave ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}${error === undefined ? "" : `; ${error}`}`;
  } catch (error) {
    if (refused && error instanceof JqSyntaxError) return undefined;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}
