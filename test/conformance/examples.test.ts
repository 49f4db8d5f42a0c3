import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { checkDefinition, compileWorkflow, readDefinition } from "../../src/dsl/index.ts";
import { type InputIssue, InvalidDefinitionError } from "../../src/errors.ts";

const SPEC_DIR = path.resolve(process.env.SPEC_DIR ?? path.join(import.meta.dirname, "../../../shared/spec"));
const found = existsSync(SPEC_DIR);
if (!found) console.warn(`skipped: no copy of the specification at ${SPEC_DIR} (set SPEC_DIR)`);

const UNSUPPORTED = /^not supported by this version: /;
/** Official files with a mistake of their own. */
const BROKEN: Readonly<Record<string, RegExp>> = {
  // `\(` inside a double-quoted YAML string is no escape sequence.
  "examples-embedded/dsl.sample-workflow.yaml": /is no escape of a text in double quotes/,
  // A plain YAML scalar cannot hold `: `.
  "examples-embedded/usecase-multi-agent-ai-content-generation.multi-agent-collaboration-for-ai-content.yaml":
    /begins in the middle of this line/,
};
const INVALID: Readonly<Record<string, InputIssue>> = {
  "extra-property-in-call.yaml": {
    pointer: "/do/0/getPet/foo",
    line: 12,
    message: 'a "call" task has no "foo"; it may have call, with, if, input, output, export, timeout, then, metadata',
  },
  // The file also writes `do` twice, which is found first.
  "listen-any-until-any-until.yaml": { pointer: "/do", line: 7, message: 'the key "do" stands twice' },
  "two-tasks-in-one-item.yaml": {
    pointer: "/do/0",
    line: 7,
    message:
      'an item of a task list is one named task; this one has 2: getPet, setMessage (begin each with its own "-")',
  },
};

function issuesOf(text: string): readonly InputIssue[] {
  try {
    const { document, line } = readDefinition(text);
    return checkDefinition(document, line).issues;
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return error.issues;
    throw error;
  }
}

function filesIn(folder: string): readonly string[] {
  return found ? readdirSync(path.join(SPEC_DIR, folder)).filter((name) => name.endsWith(".yaml")) : [];
}

const examples = ["examples", "examples-embedded", "next/examples"].flatMap((folder) =>
  filesIn(folder).map((name) => `${folder}/${name}`),
);

describe.skipIf(!found)("given an example of the specification, when it is checked, then it is understood", () => {
  test.each(examples)("%s", (file) => {
    const issues = issuesOf(readFileSync(path.join(SPEC_DIR, file), "utf8"));
    const broken = BROKEN[file];
    if (broken !== undefined) expect(issues.map(({ message }) => message)).toEqual([expect.stringMatching(broken)]);
    else expect(issues.filter(({ message }) => !UNSUPPORTED.test(message))).toEqual([]);
  });

  test("and those that use only what this version runs are accepted", () => {
    const accepted = examples.filter((file) => issuesOf(readFileSync(path.join(SPEC_DIR, file), "utf8")).length === 0);
    expect(accepted).toHaveLength(178);
  });
});

describe.skipIf(!found)(
  "given an invalid file of the specification, when it is checked, then its fault is named",
  () => {
    test.each(filesIn("invalid"))("%s", (name) => {
      expect(issuesOf(readFileSync(path.join(SPEC_DIR, "invalid", name), "utf8"))).toEqual([INVALID[name]]);
    });
  },
);

/** Scenarios of the conformance kit that need what this version does not run. */
const REFUSED_SCENARIOS: Readonly<Record<string, string>> = {};
const SCENARIO =
  /Scenario: (?<title>[^\n]+)\n\s*Given a workflow with definition:\s*"""yaml\n(?<text>[\s\S]*?)\n\s*"""/g;

const scenarios = (found ? readdirSync(path.join(SPEC_DIR, "ctk")) : [])
  .filter((name) => name.endsWith(".feature"))
  .flatMap((name) => [...readFileSync(path.join(SPEC_DIR, "ctk", name), "utf8").matchAll(SCENARIO)])
  .map(({ groups }) => ({ title: groups?.title?.trim() ?? "", text: groups?.text ?? "" }));

describe.skipIf(!found)(
  "given a scenario of the conformance kit, when its definition is compiled, then it can run",
  () => {
    test.each(scenarios)("$title", ({ title, text }) => {
      const refusal = REFUSED_SCENARIOS[title];
      if (refusal === undefined) expect(compileWorkflow(readDefinition(text).document).tasks.length).toBeGreaterThan(0);
      else expect(issuesOf(text).map(({ message }) => message)).toEqual([refusal]);
    });

    test("and none is left out", () => {
      expect(scenarios).toHaveLength(21);
    });
  },
);
