import { clientOf, inputOf, type RemoteOptions } from "./remote.ts";
import type { Terminal } from "./terminal.ts";
import { lineOf, told } from "./validate.ts";
import { exitCodeOfEnd, report, watch } from "./watch.ts";

export interface RunOptions extends RemoteOptions {
  /** JSON text, or `@file`. */
  readonly input?: string;
  readonly workflowId?: string;
}

/** Registers a definition, starts it, shows what it does and prints its output. Gives the exit code. */
export async function run(file: string, options: RunOptions, terminal: Terminal): Promise<number> {
  const source = await terminal.read(file);
  const input = options.input === undefined ? {} : { input: await inputOf(options.input, terminal) };
  const { workflowId } = options;
  const client = clientOf(options);
  const registerAndStart = async () => {
    const definition = await client.registerDefinition(source);
    for (const warning of definition.warnings) terminal.stderr.write(`${lineOf(file, warning, "warning: ")}\n`);
    const { namespace, name, version } = definition;
    const started = await client.start({
      definition: { namespace, name, version },
      ...input,
      ...(workflowId === undefined ? {} : { workflowId }),
    });
    if (!options.json) terminal.stderr.write(`${namespace}/${name}/${version}: execution ${started.executionId}\n`);
    return started;
  };
  const { executionId } = await registerAndStart().catch((error: unknown) => told(error, file, terminal));
  const ended = await watch(client, executionId, terminal, options.json);
  return options.json ? exitCodeOfEnd(ended) : report(ended, terminal);
}
