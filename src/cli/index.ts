import { Argument, Command, CommanderError } from "commander";
import { ApiError, ServiceUnreachableError } from "../client/index.ts";
import { deadLetterCommands } from "./commands/dead-letters.ts";
import { definitionCommands } from "./commands/definitions.ts";
import { eventCommands } from "./commands/events.ts";
import { executionCommands } from "./commands/executions.ts";
import { scheduleCommands } from "./commands/schedules.ts";
import { completionScript, SHELLS, type Shell } from "./completion.ts";
import { EXIT } from "./exit-codes.ts";
import { remote } from "./remote.ts";
import { type RunOptions, run } from "./run.ts";
import { type Terminal, ToldError, UnusableFileError } from "./terminal.ts";
import { validate } from "./validate.ts";

export interface CliDeps {
  readonly terminal: Terminal;
  readonly version: string;
  /** Starts the whole service in this process; it lives on after the command returned. */
  readonly dev: () => Promise<void>;
}

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
    .option("--json", "print JSON, for programs")
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      exitCode = await validate(file, terminal, json);
    });
  const runCommand = program
    .command("run")
    .description("register a definition, run it once, show its progress and print its output")
    .argument("<file>", "YAML or JSON; - is the standard input")
    .option("--input <json>", "input as JSON, or @file")
    .option("--workflow-id <id>", "the id of what is run; at most one open execution has it");
  remote(runCommand).action(async (file: string, options: RunOptions) => {
    exitCode = await run(file, options, terminal);
  });
  const done = (code: number) => {
    exitCode = code;
  };
  const groups = [
    executionCommands(terminal, done),
    definitionCommands(terminal, done),
    eventCommands(terminal),
    scheduleCommands(terminal),
    deadLetterCommands(terminal),
  ];
  for (const group of groups) {
    for (const command of [group, ...group.commands]) command.copyInheritedSettings(program);
    program.addCommand(group);
  }
  program
    .command("completion")
    .description("print a script that completes commands and options")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .addHelpText("after", "\nsource <(durabull completion bash)\ndurabull completion fish | source")
    .action((shell: Shell) => {
      terminal.stdout.write(completionScript(program, shell));
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
  if (error instanceof ToldError) return error.exitCode;
  if (error instanceof ApiError) {
    terminal.stderr.write(`${error.message}\n`);
    for (const { pointer, message } of error.errors) terminal.stderr.write(`  ${pointer || "/"}: ${message}\n`);
    return EXIT.refused;
  }
  if (error instanceof UnusableFileError) {
    terminal.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof ServiceUnreachableError) {
    const hint = error.answered
      ? "Is this its address? --url or DURABULL_URL says another"
      : "Is it running? Start one with: npm start";
    terminal.stderr.write(`${error.message}\n${hint}\n`);
    return EXIT.unreachable;
  }
  terminal.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.broken;
}
