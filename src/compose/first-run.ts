import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../cli/run.ts";
import { terminalOf } from "../cli/terminal.ts";
import type { Service } from "../compose.ts";
import { InvalidDefinitionError } from "../errors.ts";

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
  const texts = files.map((file) => readFileSync(join(directory, file), "utf8"));
  const registered = await Promise.all(texts.map((text) => registerIfRunnable(service, text)));
  const count = registered.filter(Boolean).length;
  // Ctrl-C is the service's here: it drains.
  const terminal = { ...terminalOf(process), onInterrupt: () => () => undefined };
  process.stderr.write(`\nThis store is new: ${count} examples registered. Running ${QUICKSTART}:\n`);
  await run(join(directory, QUICKSTART), { url: apiUrl }, terminal);
}

/** False for an example of what this version refuses by name: it shows how that is said. */
async function registerIfRunnable(service: Service, text: string): Promise<boolean> {
  try {
    await service.definitions.register(TENANT, text, { allowUnknown: true });
    return true;
  } catch (error) {
    if (error instanceof InvalidDefinitionError) return false;
    throw error;
  }
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
