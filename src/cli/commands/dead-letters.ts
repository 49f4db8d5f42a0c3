import { Command } from "commander";
import type { LetterBody } from "../../client/index.ts";
import { collected, fields, type ListOptions, printJson, shortTime, table } from "../output.ts";
import { clientOf, type RemoteOptions, remote, wholeNumber } from "../remote.ts";
import { type Terminal, UnusableFileError } from "../terminal.ts";
import { oneByOne } from "./executions.ts";

export function deadLetterCommands(terminal: Terminal): Command {
  const group = new Command("dead-letters").description("what stopped, and how to let it go on");
  const { stdout } = terminal;

  remote(group.command("list").description("list dead letters, newest first"))
    .option("--limit <n>", "how many", wholeNumber)
    .option("--all", "all there are")
    .action(async (options: RemoteOptions & ListOptions) => {
      const client = clientOf(options);
      const items = await collected(options, terminal, (page) => client.deadLetters(page));
      if (options.json) return printJson(stdout, items);
      const rows = items.map((letter) => [
        letter.id,
        letter.kind,
        shortTime(letter.parkedAt),
        shortTime(letter.redrivenAt),
        reasonOf(letter),
      ]);
      stdout.write(table(["DEAD LETTER", "KIND", "STOPPED (UTC)", "REDRIVEN (UTC)", "WHY"], rows));
    });

  remote(group.command("show").description("show one dead letter"))
    .argument("<id>")
    .action(async (id: string, options: RemoteOptions) => {
      const letter = await clientOf(options).deadLetter(id);
      if (options.json) return printJson(stdout, letter);
      const { stack, definition, ...rest } = letter;
      const { namespace, name, version } = definition;
      stdout.write(fields({ ...rest, definition: `${namespace}/${name}/${version}` }));
      if (stack !== undefined) stdout.write(`\n${stack}\n`);
    });

  remote(group.command("redrive").description("let what they stopped go on"))
    .argument("[id...]")
    .option("--all", "all that were not redriven yet")
    .action(async (ids: readonly string[], options: RemoteOptions & { readonly all?: boolean }) => {
      if (ids.length > 0 === (options.all === true)) {
        throw new UnusableFileError("name the dead letters to redrive, or say --all");
      }
      const client = clientOf(options);
      const wanted = options.all
        ? (await collected({ all: true }, terminal, (page) => client.deadLetters(page)))
            .filter(({ redrivenAt }) => redrivenAt === undefined)
            .map(({ id }) => id)
        : ids;
      const letters = await oneByOne(wanted, "redriving", terminal, (id) => client.redrive(id));
      if (options.json) printJson(stdout, letters);
      else for (const { id, executionId } of letters) stdout.write(`${id} redriven: execution ${executionId}\n`);
    });

  remote(group.command("discard").description("forget dead letters"))
    .argument("<id...>")
    .action(async (ids: readonly string[], options: RemoteOptions) => {
      const client = clientOf(options);
      await oneByOne(ids, "discarding", terminal, (id) => client.discardLetter(id));
      if (options.json)
        printJson(
          stdout,
          ids.map((id) => ({ id })),
        );
    });
  return group;
}

function reasonOf({ error, task }: LetterBody): string {
  return `${error.title ?? error.type}${task === undefined ? "" : ` at ${task}`}: ${error.detail ?? ""}`;
}
