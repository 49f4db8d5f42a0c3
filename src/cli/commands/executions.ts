import { Command, InvalidArgumentError, Option } from "commander";
import type { DurabullClient, ExecutionBody, ExecutionFilterOptions, StartOptions } from "../../client/index.ts";
import { EXECUTION_STATUSES, type ExecutionStatus } from "../../values/status.ts";
import { EXIT } from "../exit-codes.ts";
import { collected, counterOn, fields, type ListOptions, printJson, shortTime, table, took } from "../output.ts";
import {
  clientOf,
  inputOf,
  labelled,
  moment,
  type Named,
  named,
  type RemoteOptions,
  remote,
  wholeNumber,
} from "../remote.ts";
import type { Terminal } from "../terminal.ts";
import { exitCodeOfEnd, report, watch } from "../watch.ts";

type Done = (exitCode: number) => void;
interface FilterOptions extends RemoteOptions, ListOptions {
  readonly status?: readonly ExecutionStatus[];
  readonly namespace?: string;
  readonly name?: string;
  readonly workflowId?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly startedAfter?: Date;
  readonly startedBefore?: Date;
  readonly endedAfter?: Date;
  readonly endedBefore?: Date;
}
interface StartCommandOptions extends RemoteOptions {
  readonly input?: string;
  readonly workflowId?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly onOpen?: "reject" | "use-existing" | "terminate";
  readonly reuse?: "always" | "failed-only" | "never";
  readonly idempotencyKey?: string;
  readonly watch?: boolean;
}

const ACTIONS = {
  cancel: "end executions in order: running activities are aborted",
  pause: "decide nothing more until they are resumed",
  resume: "go on after a pause",
  terminate: "end executions at once, without asking the engine",
} as const;

export function executionCommands(terminal: Terminal, done: Done): Command {
  const group = new Command("executions").description("start, list, follow and steer executions");
  const { stdout } = terminal;

  remote(filtered(group.command("list").description("list executions, newest first")))
    .option("--limit <n>", "how many", wholeNumber)
    .option("--all", "all there are")
    .action(async (options: FilterOptions) => {
      const client = clientOf(options);
      const filter = filterOf(options);
      const items = await collected(options, terminal, (page) => client.executions({ ...filter, ...page }));
      if (options.json) return printJson(stdout, items);
      const rows = items.map(({ executionId, status, definition: { namespace, name, version }, ...rest }) => [
        executionId,
        status,
        `${namespace}/${name}/${version}`,
        shortTime(rest.startedAt),
        took(rest.startedAt, rest.endedAt),
        rest.workflowId,
      ]);
      stdout.write(table(["EXECUTION", "STATUS", "DEFINITION", "STARTED (UTC)", "TOOK", "WORKFLOW ID"], rows));
    });

  remote(group.command("show").description("show one execution: status, data, and why it is not moving"))
    .argument("<execution-id>")
    .option("--at <sequence>", "as it was after this event", wholeNumber)
    .action(async (id: string, options: RemoteOptions & { readonly at?: number }) => {
      const client = clientOf(options);
      const found = options.at === undefined ? await client.execution(id) : await client.state(id, options.at);
      if (options.json) printJson(stdout, found);
      else stdout.write("at" in found ? fields({ ...found }) : shown(found));
    });

  remote(group.command("history").description("list the events of one execution"))
    .argument("<execution-id>")
    .option("--after <sequence>", "only later ones", wholeNumber)
    .option("--limit <n>", "how many", wholeNumber)
    .action(async (id: string, options: RemoteOptions & ListOptions & { readonly after?: number }) => {
      const client = clientOf(options);
      const limits = options.limit === undefined ? { all: true } : { limit: options.limit };
      const items = await collected(limits, terminal, ({ limit = 1, cursor }) =>
        client.history(id, { limit, ...(cursor === undefined ? { after: options.after ?? 0 } : { cursor }) }),
      );
      if (options.json) return printJson(stdout, items);
      const rows = items.map(({ sequence, time, type, subject }) => [
        String(sequence),
        time,
        type.replace("io.flunq.", ""),
        subject ?? "",
      ]);
      stdout.write(table(["EVENT", "TIME", "TYPE", "TASK"], rows));
    });

  remote(
    filtered(
      group
        .command("watch")
        .description(
          "follow one execution to its end and print its output; without one, the changes of status of all that fit",
        ),
    ),
  )
    .argument("[execution-id]")
    .action(async (id: string | undefined, options: FilterOptions) => {
      const client = clientOf(options);
      if (id === undefined) return watchAll(client, options, terminal);
      const ended = await watch(client, id, terminal, options.json);
      done(options.json ? exitCodeOfEnd(ended) : report(ended, terminal));
    });

  remote(group.command("start").description("start a registered definition"))
    .argument("<definition>", "namespace/name or namespace/name/version", named)
    .option("--input <json>", "input as JSON, or @file")
    .option("--workflow-id <id>", "the id of what is run; at most one open execution has it")
    .option("--label <key=value>", "a label; may be repeated", labelled)
    .addOption(
      new Option("--on-open <what>", "when the workflow ID has an open execution").choices([
        "reject",
        "use-existing",
        "terminate",
      ]),
    )
    .addOption(
      new Option("--reuse <when>", "when the workflow ID had one that ended").choices([
        "always",
        "failed-only",
        "never",
      ]),
    )
    .option("--idempotency-key <key>", "repeats with the same key start nothing twice")
    .option("--watch", "follow it to its end and print its output")
    .action(async (definition: Named, options: StartCommandOptions) => {
      const client = clientOf(options);
      const { idempotencyKey } = options;
      const started = await client.start(
        await startOf(definition, options, terminal),
        idempotencyKey === undefined ? {} : { idempotencyKey },
      );
      if (options.watch) {
        if (!options.json) terminal.stderr.write(`execution ${started.executionId}\n`);
        const ended = await watch(client, started.executionId, terminal, options.json);
        done(options.json ? exitCodeOfEnd(ended) : report(ended, terminal));
      } else if (options.json) printJson(stdout, started);
      else stdout.write(`${started.executionId}\n`);
    });

  for (const [action, description] of Object.entries(ACTIONS) as [keyof typeof ACTIONS, string][]) {
    remote(group.command(action).description(description))
      .argument("<execution-id...>")
      .option("--reason <text>", "kept in the history")
      .action(async (ids: readonly string[], options: RemoteOptions & { readonly reason?: string }) => {
        const client = clientOf(options);
        const results = await oneByOne(ids, `${action}: `, terminal, (id) => client[action](id, options.reason));
        if (options.json) printJson(stdout, results);
        else
          stdout.write(
            table(
              ["EXECUTION", "STATUS"],
              results.map(({ executionId, status }) => [executionId, status]),
            ),
          );
        done(EXIT.ok);
      });
  }
  return group;
}

/** Does the same to many, and says on a terminal how far it is. */
export async function oneByOne<Result>(
  ids: readonly string[],
  what: string,
  terminal: Terminal,
  act: (id: string) => Promise<Result>,
): Promise<readonly Result[]> {
  const counter = counterOn(terminal.stderr, what, ids.length);
  const results: Result[] = [];
  try {
    for (const id of ids) {
      if (ids.length > 1) counter.at(results.length + 1);
      results.push(await act(id));
    }
    return results;
  } finally {
    counter.end();
  }
}

function filtered(command: Command): Command {
  return command
    .addOption(
      new Option("--status <statuses>", "only these, comma-separated").choices(EXECUTION_STATUSES).argParser(statuses),
    )
    .option("--namespace <namespace>", "of definitions in it")
    .option("--name <name>", "of definitions with this name")
    .option("--workflow-id <id>", "of this workflow ID")
    .option("--label <key=value>", "with this label; may be repeated", labelled)
    .option("--started-after <moment>", "ISO 8601", moment)
    .option("--started-before <moment>", "ISO 8601", moment)
    .option("--ended-after <moment>", "ISO 8601", moment)
    .option("--ended-before <moment>", "ISO 8601", moment);
}

function statuses(text: string): readonly ExecutionStatus[] {
  return text.split(",").map((given) => {
    const status = EXECUTION_STATUSES.find((each) => each === given.toUpperCase());
    if (status === undefined) throw new InvalidArgumentError(`expected some of ${EXECUTION_STATUSES.join(", ")}`);
    return status;
  });
}

function filterOf(options: FilterOptions): ExecutionFilterOptions {
  const {
    status,
    namespace,
    name,
    workflowId,
    label: labels,
    startedAfter,
    startedBefore,
    endedAfter,
    endedBefore,
  } = options;
  const filter = { status, namespace, name, workflowId, labels, startedAfter, startedBefore, endedAfter, endedBefore };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

async function startOf(definition: Named, options: StartCommandOptions, terminal: Terminal): Promise<StartOptions> {
  const { input, workflowId, label: labels, onOpen, reuse } = options;
  return {
    definition,
    ...(input === undefined ? {} : { input: await inputOf(input, terminal) }),
    ...(workflowId === undefined ? {} : { workflowId }),
    ...(labels === undefined ? {} : { labels }),
    ...(onOpen === undefined ? {} : { onOpen }),
    ...(reuse === undefined ? {} : { reuse }),
  };
}

async function watchAll(client: DurabullClient, options: FilterOptions, { stdout, stderr }: Terminal): Promise<void> {
  for await (const change of client.changes(filterOf(options))) {
    if (options.json) stdout.write(`${JSON.stringify(change)}\n`);
    else if (change.kind === "ready") stderr.write("watching; Ctrl-C ends it\n");
    else if (change.kind === "reset") stderr.write("fell too far behind: some changes were missed\n");
    else {
      const { executionId, status, workflowId, definition } = change.execution;
      stdout.write(`${executionId}  ${status.padEnd(9)}  ${definition.namespace}/${definition.name}  ${workflowId}\n`);
    }
  }
}

function shown(execution: ExecutionBody): string {
  const { waitingFor, definition, ...rest } = execution;
  const { namespace, name, version } = definition;
  const reasons = waitingFor.map(
    ({ kind, task, detail }) => `  ${kind}${task === undefined ? "" : ` ${task}`}: ${detail}\n`,
  );
  const about = fields({ ...rest, definition: `${namespace}/${name}/${version}` });
  return reasons.length === 0 ? about : `${about}waiting for\n${reasons.join("")}`;
}
