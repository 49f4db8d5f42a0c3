import type { CloudEvent } from "../client/index.ts";

/** Shows what an execution does while it runs. */
export interface Progress {
  event(event: CloudEvent): void;
  /** Leaves nothing but finished lines. */
  end(): void;
}
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const SPINNER = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const FRAME_MS = 80;
const LIVE_LINES = 8;
const COLOURS = { green: 32, red: 31, yellow: 33, dim: 2 } as const;

interface Running {
  readonly name: string;
  readonly depth: number;
  readonly startedAt: number;
  note: string;
}
interface Line {
  readonly mark: string;
  readonly colour: keyof typeof COLOURS;
  readonly text: string;
}

/** A live list on a terminal, else one plain line for each thing that happened. */
export function progressOn(output: Output): Progress {
  return output.isTTY === true ? liveProgress(output) : plainProgress(output);
}

function plainProgress(output: Output): Progress {
  const running = new Map<number, Running>();
  return {
    event(event) {
      const started = follow(running, event);
      if (started) output.write(`${clock(event)} ${started.name} started\n`);
      const line = lineOf(running, event);
      if (line) output.write(`${clock(event)} ${line.text.trim()}\n`);
    },
    end: () => undefined,
  };
}

function liveProgress(output: Output): Progress {
  const running = new Map<number, Running>();
  let drawn = 0;
  let frame = 0;

  function erase(): string {
    const text = drawn === 0 ? "" : `\u001b[${drawn}A\u001b[0J`;
    drawn = 0;
    return text;
  }
  function draw(finished = ""): void {
    const spin = SPINNER[frame++ % SPINNER.length] ?? "";
    // The innermost ones say most.
    const live = [...running.values()].slice(-LIVE_LINES).map(({ name, depth, startedAt, note }) => {
      const text = `${"  ".repeat(depth)}${spin} ${name} ${note}${span(Date.now() - startedAt)}`;
      return `${text.slice(0, (output.columns ?? 80) - 1)}\n`;
    });
    output.write(erase() + finished + live.join(""));
    drawn = live.length;
  }
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  return {
    event(event) {
      follow(running, event);
      const line = lineOf(running, event);
      if (!line) return;
      draw(`${paint(line.colour, line.mark)} ${line.text}\n`);
    },
    end() {
      clearInterval(timer);
      output.write(erase());
    },
  };
}

/** Notes a task that begins, or why it waits. */
function follow(running: Map<number, Running>, event: CloudEvent): Running | undefined {
  const data = event.data as { readonly name?: string; readonly parent?: number; readonly frame?: number };
  if (event.type === "io.flunq.task.started") {
    const parent = running.get(data.parent ?? 0);
    const depth = parent ? parent.depth + 1 : 0;
    const task = { name: data.name ?? "", depth, startedAt: Date.parse(event.time), note: "" };
    running.set(event.sequence, task);
    return task;
  }
  const task = running.get(data.frame ?? 0);
  if (task && event.type === "io.flunq.timer.scheduled") task.note = "waiting ";
  return undefined;
}

/** The line for something that is over; its task is forgotten. */
function lineOf(running: Map<number, Running>, event: CloudEvent): Line | undefined {
  const data = event.data as {
    readonly name?: string;
    readonly parent?: number;
    readonly frame?: number;
    readonly attempt?: number;
    readonly error?: { readonly title?: string; readonly detail?: string; readonly status?: number };
  };
  const task = running.get(data.frame ?? 0);
  const name = `${"  ".repeat(task?.depth ?? 0)}${task?.name ?? ""}`;
  const took = task ? span(Date.parse(event.time) - task.startedAt) : "";
  const why = data.error ? `${data.error.title ?? "error"}: ${data.error.detail ?? data.error.status ?? ""}` : "";
  switch (event.type) {
    case "io.flunq.task.skipped": {
      const depth = running.get(data.parent ?? 0);
      return { mark: "–", colour: "dim", text: `${"  ".repeat(depth ? depth.depth + 1 : 0)}${data.name} skipped` };
    }
    case "io.flunq.task.completed":
      running.delete(data.frame ?? 0);
      return { mark: "✔", colour: "green", text: `${name} completed ${took}` };
    case "io.flunq.task.failed":
      running.delete(data.frame ?? 0);
      return { mark: "✘", colour: "red", text: `${name} failed ${took}: ${why}` };
    case "io.flunq.task.cancelled":
      running.delete(data.frame ?? 0);
      return { mark: "⊘", colour: "yellow", text: `${name} cancelled ${took}` };
    case "io.flunq.task.retried":
      return { mark: "↻", colour: "yellow", text: `${name} starts over (attempt ${data.attempt}): ${why}` };
    default:
      return undefined;
  }
}

function paint(colour: keyof typeof COLOURS, text: string): string {
  return `\u001b[${COLOURS[colour]}m${text}\u001b[0m`;
}

function clock({ time }: CloudEvent): string {
  return time.slice(11, 23);
}

function span(ms: number): string {
  return ms < 1_000 ? `${Math.max(0, ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
