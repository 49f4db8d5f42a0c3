import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../cli/run.ts";
import { terminalOf } from "../cli/terminal.ts";
import type { Service } from "../compose.ts";

const TENANT = "default";
const QUICKSTART = "quickstart.yaml";

/** The folder of examples: beside `src`, or beside `dist` in a built tree; undefined when neither is there. */
function examplesDirectory(): string | undefined {
  const candidates = ["../../examples", "../../../examples"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return candidates.find((path) => {
    try {
      return readdirSync(path).includes(QUICKSTART);
    } catch {
      return false;
    }
  });
}

/** On a store that never held a definition: registers the examples and runs the first one, drawing its progress. */
export async function firstRun(service: Service, apiUrl: string): Promise<void> {
  const directory = examplesDirectory();
  if (directory === undefined || (await service.adapters.database.everHeldDefinition())) return;
  const files = readdirSync(directory).filter((file) => /\.ya?ml$/.test(file));
  for (const file of files) {
    await service.definitions.register(TENANT, readFileSync(join(directory, file), "utf8"), { allowUnknown: true });
  }
  process.stderr.write(`\nThis store is new: ${files.length} examples registered. Running ${QUICKSTART}:\n`);
  await run(join(directory, QUICKSTART), { url: apiUrl }, terminalOf(process));
}

/** What a person opens next. */
export function addressesText(apiUrl: string): string {
  return [
    "",
    `  Dashboard     ${apiUrl}/`,
    `  Queues        ${apiUrl}/queues`,
    `  API           ${apiUrl}/api/v1/executions  (to browse: ${apiUrl}/docs)`,
    "  Ctrl-C drains and ends it.",
    "",
    "",
  ].join("\n");
}
