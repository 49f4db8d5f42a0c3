import { Command, InvalidArgumentError } from "commander";
import type { ScheduleBody } from "../../client/index.ts";
import { collected, fields, type ListOptions, printJson, shortTime, table } from "../output.ts";
import { clientOf, inputOf, type Named, named, type RemoteOptions, remote, wholeNumber } from "../remote.ts";
import type { Terminal } from "../terminal.ts";
import { oneByOne } from "./executions.ts";

export function scheduleCommands(terminal: Terminal): Command {
  const group = new Command("schedules").description("what starts by itself, and when");
  const { stdout } = terminal;

  remote(group.command("list").description("list schedules by namespace and name"))
    .option("--namespace <namespace>", "in it only")
    .option("--limit <n>", "how many", wholeNumber)
    .option("--all", "all there are")
    .action(async (options: RemoteOptions & ListOptions & { readonly namespace?: string }) => {
      const client = clientOf(options);
      const filter = options.namespace === undefined ? {} : { namespace: options.namespace };
      const items = await collected(options, terminal, (page) => client.schedules({ ...filter, ...page }));
      if (options.json) return printJson(stdout, items);
      const rows = items.map((each) => [
        pathOf(each),
        each.state,
        shortTime(each.nextAt),
        shortTime(each.last?.at),
        each.overlap,
        whenOf(each),
      ]);
      stdout.write(table(["SCHEDULE", "STATE", "NEXT (UTC)", "LAST (UTC)", "OVERLAP", "WHEN"], rows));
    });

  remote(group.command("show").description("show the schedule of a definition"))
    .argument("<schedule>", "namespace/name", scheduleName)
    .action(async ({ namespace, name }: Named, options: RemoteOptions) => {
      const schedule = await clientOf(options).schedule(namespace, name);
      if (options.json) return printJson(stdout, schedule);
      const { definition, on, recent, ...rest } = schedule;
      const events = on === undefined ? {} : { on: on.strategy, read: on.read };
      stdout.write(fields({ ...rest, ...events, version: definition.version }));
      for (const { count, since, ...more } of on?.collecting ?? []) {
        const missing = more.missing.length === 0 ? "" : `, missing ${more.missing.join(" ")}`;
        const correlation = Object.keys(more.correlation).length === 0 ? "" : ` of ${JSON.stringify(more.correlation)}`;
        stdout.write(`\ncollecting${correlation}: ${count} since ${shortTime(since)}${missing}\n`);
      }
      if (recent.length === 0) return;
      const rows = recent.map(({ at, kind, executionId }) => [shortTime(at), kind, executionId]);
      stdout.write(`\n${table(["FIRED (UTC)", "BY", "EXECUTION"], rows)}`);
    });

  remote(group.command("pause").description("start nothing more until they are resumed"))
    .argument("<schedule...>", "namespace/name", eachScheduleName)
    .option("--reason <text>", "shown with the schedule")
    .action(async (texts: readonly string[], options: RemoteOptions & { readonly reason?: string }) => {
      const client = clientOf(options);
      const schedules = await oneByOne(texts, "pausing", terminal, (text) => {
        const { namespace, name } = scheduleName(text);
        return client.pauseSchedule(namespace, name, options.reason);
      });
      if (options.json) return printJson(stdout, schedules);
      for (const each of schedules) stdout.write(`${pathOf(each)} ${each.state}\n`);
    });

  remote(group.command("resume").description("go on with the next time and the next event"))
    .argument("<schedule...>", "namespace/name", eachScheduleName)
    .action(async (texts: readonly string[], options: RemoteOptions) => {
      const client = clientOf(options);
      const schedules = await oneByOne(texts, "resuming", terminal, (text) => {
        const { namespace, name } = scheduleName(text);
        return client.resumeSchedule(namespace, name);
      });
      if (options.json) return printJson(stdout, schedules);
      for (const each of schedules)
        stdout.write(
          `${pathOf(each)} ${each.state}${each.nextAt === undefined ? "" : `: next ${shortTime(each.nextAt)}`}\n`,
        );
    });

  remote(group.command("trigger").description("start an execution now, also while it is paused"))
    .argument("<schedule>", "namespace/name", scheduleName)
    .option("--input <json>", "input as JSON, or @file")
    .action(async ({ namespace, name }: Named, options: RemoteOptions & { readonly input?: string }) => {
      const input = options.input === undefined ? undefined : await inputOf(options.input, terminal);
      const triggered = await clientOf(options).triggerSchedule(namespace, name, input);
      if (options.json) return printJson(stdout, triggered);
      stdout.write(`${triggered.executionId} ${triggered.started ? "started" : "waits for others to end"}\n`);
    });
  return group;
}

/** A schedule is the newest version's, so it is named without one. */
function scheduleName(text: string): Named {
  const { version, ...name } = named(text);
  if (version !== undefined) throw new InvalidArgumentError("expected namespace/name");
  return name;
}

/** Refused before anything is done. */
function eachScheduleName(text: string, before: readonly string[] = []): readonly string[] {
  scheduleName(text);
  return [...before, text];
}

function pathOf({ namespace, name }: Pick<ScheduleBody, "namespace" | "name">): string {
  return `${namespace}/${name}`;
}

function whenOf({ on, ...times }: ScheduleBody): string {
  const time = timesOf(times);
  if (on === undefined) return time ?? "";
  return `${time === undefined ? "" : `${time}, `}on ${eventsOf(on.strategy as Strategy)}`;
}

function timesOf({ every, after, cron, timeZone }: Omit<ScheduleBody, "on">): string | undefined {
  if (cron !== undefined) return `cron ${cron} (${timeZone})`;
  if (every !== undefined) return `every ${every}`;
  return after === undefined ? undefined : `${after} after the end`;
}

/** `one order.placed`, `all order.placed, order.paid`; a filter without a type as it is. */
function eventsOf(strategy: Strategy): string {
  const [kind = "any"] = ["one", "any", "all"].filter((each) => strategy[each] !== undefined);
  const filters = [strategy[kind] ?? []].flat();
  const names = filters.map((filter) => String(filter?.with?.type ?? JSON.stringify(filter?.with)));
  return names.length === 0 ? "any event" : `${kind} ${names.join(", ")}`;
}

/** What was read as `one`, `any`, `all` is one filter, or several. */
type Filter = { readonly with?: Readonly<Record<string, unknown>> } | undefined;
type Strategy = Readonly<Record<string, Filter | readonly Filter[]>>;
