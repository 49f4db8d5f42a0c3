import { randomUUID } from "node:crypto";
import { Command } from "commander";
import type { EventEnvelope, Json } from "../../client/index.ts";
import { printJson } from "../output.ts";
import { clientOf, inputOf, labelled, type RemoteOptions, remote } from "../remote.ts";
import { type Terminal, UnusableFileError } from "../terminal.ts";

interface PublishOptions extends RemoteOptions {
  readonly data?: string;
  readonly source: string;
  readonly id?: string;
  readonly subject?: string;
  readonly attribute?: Readonly<Record<string, string>>;
}
interface WatchOptions extends RemoteOptions {
  readonly type?: readonly string[];
  readonly after?: string;
}

export function eventCommands(terminal: Terminal): Command {
  const group = new Command("events").description("publish events to workflows that listen, and follow them");
  const { stdout } = terminal;

  remote(group.command("publish").description("publish one event of a type, or the CloudEvents of a file"))
    .argument("<type-or-file>", "a type such as order.paid, or @file with a CloudEvent or a list of them as JSON")
    .option("--data <json>", "data as JSON, or @file")
    .option("--source <uri>", "where it comes from", "/cli")
    .option("--id <id>", "its id; the same source and id count once for each listener")
    .option("--subject <subject>", "what it is about")
    .option("--attribute <name=value>", "an extension attribute; may be repeated", labelled)
    .action(async (what: string, options: PublishOptions) => {
      const events = await eventsOf(what, options, terminal);
      const accepted = await clientOf(options).publish(events);
      if (options.json) return printJson(stdout, accepted);
      stdout.write(`${accepted.accepted} published\n`);
    });

  remote(group.command("watch").description("follow the events of the tenant, one JSON line each"))
    .option("--type <type...>", "only these types; order.* stands for all that begin so")
    .option("--after <position>", "from this position on; 0-0: all that is kept")
    .action(async ({ type, after, ...options }: WatchOptions) => {
      const follow = clientOf(options).events(
        type === undefined ? {} : { types: type },
        after === undefined ? {} : { after },
      );
      for await (const item of follow) {
        if (item.kind === "event") stdout.write(`${JSON.stringify(item.event)}\n`);
        else terminal.stderr.write("some events are not kept any more\n");
      }
    });
  return group;
}

async function eventsOf(what: string, options: PublishOptions, terminal: Terminal): Promise<readonly EventEnvelope[]> {
  if (what.startsWith("@")) {
    const given = await inputOf(what, terminal);
    // Judged by the service.
    return [given].flat() as unknown as readonly EventEnvelope[];
  }
  if (what === "") throw new UnusableFileError("an event needs a type");
  const data: { data?: Json } = options.data === undefined ? {} : { data: await inputOf(options.data, terminal) };
  return [
    {
      specversion: "1.0",
      id: options.id ?? randomUUID(),
      source: options.source,
      type: what,
      time: new Date().toISOString(),
      ...(options.subject === undefined ? {} : { subject: options.subject }),
      ...(options.data === undefined ? {} : { datacontenttype: "application/json" }),
      ...options.attribute,
      ...data,
    },
  ];
}
