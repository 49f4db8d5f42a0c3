import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ScriptProcess } from "../dsl/tasks/run-script.ts";
import { ProblemError } from "./http/problem-error.ts";
import {
  createProcessExecutor,
  type PreparedProcess,
  type ProcessExecutor,
  type ProcessPolicy,
} from "./process/runner.ts";
import { readResource } from "./resource.ts";

/** Of a process's memory, what JavaScript's own heap may have; the rest is for buffers, code and stacks. */
const HEAP_SHARE = 0.75;

/** Gives a module what scripts expect: `require`, and the arguments that were written by name. */
const JS_PRELUDE = `
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
globalThis.require = createRequire(import.meta.url);
Object.assign(globalThis, JSON.parse(readFileSync(new URL("variables.json", import.meta.url), "utf8")));
`;
const PYTHON_PRELUDE = `
import json, runpy, sys
with open(sys.argv[1]) as file: variables = json.load(file)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], variables, "__main__")
`;

/** Carries out `run: script`: JavaScript as a module of this process's own Node, Python by the \`python3\` of its PATH. */
export function createScriptExecutor(policy: ProcessPolicy): ProcessExecutor {
  let python: Promise<string> | undefined;
  return createProcessExecutor("script", policy, async (given, directory, context) => {
    const script = given as ScriptProcess;
    const code = script.code ?? (await readResource(script.source ?? { endpoint: null }, context));
    const write = (name: string, text: string) => writeFile(join(directory, name), text, { mode: 0o600 });
    await write("variables.json", JSON.stringify(script.variables ?? {}));
    const { environment, stdin } = script;
    if (script.language === "js") {
      await Promise.all([write("script.mjs", code), write("prelude.mjs", JS_PRELUDE)]);
      return { ...nodeOf(directory, script.arguments, policy.limits.memoryBytes), environment, stdin };
    }
    await Promise.all([write("script.py", code), write("prelude.py", PYTHON_PRELUDE)]);
    python ??= findPython();
    const command = await python.catch((error: unknown) => {
      python = undefined;
      throw error;
    });
    const paths = ["prelude.py", "variables.json", "script.py"].map((name) => join(directory, name));
    return { command, args: ["-B", "-X", "utf8", ...paths, ...script.arguments], environment, stdin };
  });
}

function nodeOf(
  directory: string,
  args: readonly string[],
  memoryBytes: number,
): Pick<PreparedProcess, "command" | "args"> {
  const heap = Math.max(16, Math.floor((memoryBytes * HEAP_SHARE) / 1_048_576));
  const options = [`--max-old-space-size=${heap}`, "--import", join(directory, "prelude.mjs")];
  return { command: process.execPath, args: [...options, join(directory, "script.mjs"), ...args] };
}

/** The interpreter itself: what PATH finds may be a wrapper that needs an environment. */
async function findPython(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("python3", ["-c", "import sys; print(sys.executable)"]);
    return stdout.trim();
  } catch {
    throw new ProblemError("configuration", "run script: there is no python3 on the PATH of this task worker");
  }
}
