import { Command, CommanderError } from "commander";
import { ServiceUnreachableError } from "../client/index.ts";
import { EXIT } from "./exit-codes.ts";
import { type RunOptions, run } from "./run.ts";
import { type Terminal, UnusableFileError } from "./terminal.ts";
import { validate } from "./validate.ts";

export interface CliDeps {
  readonly terminal: Terminal;
  readonly version: string;
  /** Starts the whole service in this process; it lives on after the command returned. */
  readonly dev: () => Promise<void>;
}

const EXIT_CODES = `
Exit codes of run:
  0  completed; its output is on stdout
  1  failed; its error is on stderr
  2  the command line or a file is not usable
  3  cancelled or terminated
  4  the service does not answer
  5  the service refused the definition or the start`;

/** Runs one command line (without the program's own name). Gives the exit code; undefined: keep running. */
export async function runCli(args: readonly string[], deps: CliDeps): Promise<number | undefined> {
  const { terminal } = deps;
  let exitCode: number | undefined = EXIT.ok;
  const program = new Command("durabull")
    .description("Durable execution of Serverless Workflow definitions")
    .version(deps.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    });
  program
    .command("dev")
    .description("start the API, the dashboard and all workers in one process; configured by the environment")
    .action(async () => {
      await deps.dev();
      exitCode = undefined;
    });
  program
    .command("validate")
    .description("check a definition, without any service; issues are printed as file:line: pointer: message")
    .argument("<file>", "YAML or JSON; - is the standard input")
    .action(async (file: string) => {
      exitCode = await validate(file, terminal);
    });
  program
    .command("run")
    .description("register a definition, run it once, show its progress and print its output")
    .argument("<file>", "YAML or JSON; - is the standard input")
    .option("--input <json>", "input as JSON, or @file")
    .option("--url <url>", "where the service is", "http://127.0.0.1:8080")
    .option("--workflow-id <id>", "the id of what is run; at most one open execution has it")
    .option("--tenant <tenant>", "the tenant to run in")
    .addHelpText("after", EXIT_CODES)
    .action(async (file: string, options: RunOptions) => {
      exitCode = await run(file, options, terminal);
    });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

function exitCodeOf(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UnusableFileError) {
    terminal.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof ServiceUnreachableError) {
    terminal.stderr.write(`${error.message}\nIs it running? Start one with: npm start\n`);
    return EXIT.unreachable;
  }
  throw error;
}
