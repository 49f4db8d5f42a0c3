import { ApiError, DurabullClient, type ExecutionBody, type Json } from "../client/index.ts";
import { EXIT } from "./exit-codes.ts";
import { type Progress, progressOn } from "./progress.ts";
import { type Terminal, UnusableFileError } from "./terminal.ts";
import { lineOf } from "./validate.ts";

/** How long one look at the execution waits for its end before the new events are shown. */
const LOOK_MS = 250;
const EVENTS_AT_ONCE = 500;

export interface RunOptions {
  /** JSON text, or `@file`. */
  readonly input?: string;
  readonly url?: string;
  readonly tenant?: string;
  readonly workflowId?: string;
}

/** Registers a definition, starts it, shows what it does and prints its output. Gives the exit code. */
export async function run(file: string, options: RunOptions, terminal: Terminal): Promise<number> {
  const source = await terminal.read(file);
  const input = options.input === undefined ? {} : { input: await inputOf(options.input, terminal) };
  const { url, tenant, workflowId } = options;
  const client = new DurabullClient({
    ...(url === undefined ? {} : { url }),
    ...(tenant === undefined ? {} : { tenant }),
  });
  try {
    const definition = await client.registerDefinition(source);
    for (const warning of definition.warnings) terminal.stderr.write(`${lineOf(file, warning, "warning: ")}\n`);
    const { namespace, name, version } = definition;
    const started = await client.start({
      definition: { namespace, name, version },
      ...input,
      ...(workflowId === undefined ? {} : { workflowId }),
    });
    terminal.stderr.write(`${namespace}/${name}/${version}: execution ${started.executionId}\n`);
    return report(await watch(client, started.executionId, progressOn(terminal.stderr)), terminal);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.errors.length === 0) terminal.stderr.write(`${error.message}\n`);
    for (const issue of error.errors) terminal.stderr.write(`${lineOf(file, issue)}\n`);
    return EXIT.refused;
  }
}

async function inputOf(text: string, terminal: Terminal): Promise<Json> {
  const json = text.startsWith("@") ? await terminal.read(text.slice(1)) : text;
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UnusableFileError(`--input is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

async function watch(client: DurabullClient, executionId: string, progress: Progress): Promise<ExecutionBody> {
  let after = 0;
  try {
    for (;;) {
      const execution = await client.execution(executionId, { waitMs: LOOK_MS });
      for (;;) {
        const { items } = await client.history(executionId, { after, limit: EVENTS_AT_ONCE });
        for (const event of items) progress.event(event);
        after = items.at(-1)?.sequence ?? after;
        if (items.length < EVENTS_AT_ONCE) break;
      }
      if (execution.endedAt !== undefined) return execution;
    }
  } finally {
    progress.end();
  }
}

function report(execution: ExecutionBody, terminal: Terminal): number {
  switch (execution.status) {
    case "COMPLETED":
      terminal.stdout.write(`${JSON.stringify(execution.output ?? null, null, 2)}\n`);
      return EXIT.ok;
    case "FAILED":
      terminal.stderr.write(`failed: ${JSON.stringify(execution.error ?? null, null, 2)}\n`);
      return EXIT.failed;
    default:
      terminal.stderr.write(`${execution.status.toLowerCase()}\n`);
      return EXIT.cancelled;
  }
}
