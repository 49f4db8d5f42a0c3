import { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import { collected, type ListOptions, printJson, shortTime, table } from "../output.ts";
import { clientOf, type Named, named, type RemoteOptions, remote, wholeNumber } from "../remote.ts";
import type { Terminal } from "../terminal.ts";
import { lineOf, told } from "../validate.ts";
import { oneByOne } from "./executions.ts";

type Unknown = RemoteOptions & { readonly allowUnknown?: boolean };

export function definitionCommands(terminal: Terminal, done: (exitCode: number) => void): Command {
  const group = new Command("definitions").description("register, list, show and take out definitions");
  const { stdout, stderr } = terminal;

  remote(group.command("list").description("list definitions by namespace and name, newest version first"))
    .option("--namespace <namespace>", "in it only")
    .option("--name <name>", "with this name only")
    .option("--limit <n>", "how many", wholeNumber)
    .option("--all", "all there are")
    .action(async (options: RemoteOptions & ListOptions & { readonly namespace?: string; readonly name?: string }) => {
      const client = clientOf(options);
      const { namespace, name } = options;
      const filter = { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
      const items = await collected(options, terminal, (page) => client.definitions({ ...filter, ...page }));
      if (options.json) return printJson(stdout, items);
      const rows = items.map((each) => [
        `${each.namespace}/${each.name}/${each.version}`,
        shortTime(each.createdAt),
        each.title ?? each.summary ?? "",
      ]);
      stdout.write(table(["DEFINITION", "REGISTERED (UTC)", "TITLE"], rows));
    });

  remote(group.command("show").description("print a definition as it was sent; with --json as the service sees it"))
    .argument("<definition>", "namespace/name (the newest) or namespace/name/version", named)
    .action(async ({ namespace, name, version }: Named, options: RemoteOptions) => {
      const client = clientOf(options);
      if (options.json) return printJson(stdout, await client.definition(namespace, name, version));
      const source = await client.definitionSource(namespace, name, version);
      stdout.write(source.endsWith("\n") ? source : `${source}\n`);
    });

  remote(group.command("put").description("register definitions; fine to repeat"))
    .argument("<file...>", "YAML or JSON; - is the standard input")
    .option("--allow-unknown", "also with functions that no worker ever announced")
    .action(async (files: readonly string[], options: Unknown) => {
      const client = clientOf(options);
      const registered = await oneByOne(files, "registering", terminal, async (file) => {
        const source = await terminal.read(file);
        const put = await client
          .registerDefinition(source, unknownOf(options))
          .catch((error: unknown) => told(error, file, terminal));
        for (const warning of put.warnings) stderr.write(`${lineOf(file, warning, "warning: ")}\n`);
        return put;
      });
      if (options.json) return printJson(stdout, registered);
      for (const { namespace, name, version, created } of registered) {
        stdout.write(`${namespace}/${name}/${version} ${created ? "registered" : "was registered already"}\n`);
      }
    });

  remote(group.command("validate").description("have the service say what is wrong, without registering"))
    .argument("<file...>", "YAML or JSON; - is the standard input")
    .option("--allow-unknown", "also with functions that no worker ever announced")
    .action(async (files: readonly string[], options: Unknown) => {
      const client = clientOf(options);
      const checked = await oneByOne(files, "checking", terminal, async (file) => ({
        file,
        ...(await client.validateDefinition(await terminal.read(file), unknownOf(options))),
      }));
      done(checked.every(({ valid }) => valid) ? EXIT.ok : EXIT.failed);
      if (options.json) return printJson(stdout, checked);
      for (const { file, valid, issues, warnings } of checked) {
        for (const warning of warnings) stderr.write(`${lineOf(file, warning, "warning: ")}\n`);
        for (const issue of issues) stdout.write(`${lineOf(file, issue)}\n`);
        if (valid) stderr.write(`${file}: valid\n`);
      }
    });

  remote(group.command("delete").description("take a version, or all of a name, out of the lists"))
    .argument("<definition>", "namespace/name or namespace/name/version", named)
    .action(async ({ namespace, name, version }: Named, options: RemoteOptions) => {
      await clientOf(options).deleteDefinition(namespace, name, version);
      if (options.json) printJson(stdout, { namespace, name, version });
    });
  return group;
}

function unknownOf({ allowUnknown }: Unknown): { readonly allowUnknown?: boolean } {
  return allowUnknown === undefined ? {} : { allowUnknown };
}
