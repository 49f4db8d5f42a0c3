import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface OutsideCall {
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Epoch milliseconds. */
  readonly at: number;
  aborted: boolean;
  answered: boolean;
  /** When it was answered or given up, epoch milliseconds. */
  endedAt: number | undefined;
}

export interface OutsideAnswer {
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string | undefined;
  readonly delayMs?: number | undefined;
}

/** The outside world of a test: an HTTP server that writes down every call. */
export interface Outside {
  readonly url: string;
  readonly calls: readonly OutsideCall[];
  /** Calls to paths with this prefix wait until the gate opens. */
  hold(prefix: string): { open(): void };
  /** Answers of a path; by default 200 `{"ok": true}`. */
  answer(path: string, answer: (call: OutsideCall) => OutsideAnswer): void;
  /** Resolves once so many calls to the prefix have come. */
  seen(prefix: string, count?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startOutside(): Promise<Outside> {
  const calls: OutsideCall[] = [];
  const gates = new Map<string, Promise<void>>();
  const answers = new Map<string, Parameters<Outside["answer"]>[1]>();
  const server = createServer((request, response) => void take(request, response));
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = request.headers["idempotency-key"];
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call: OutsideCall = {
      method: request.method ?? "",
      path: request.url ?? "",
      idempotencyKey: typeof key === "string" ? key : undefined,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
      at: Date.now(),
      aborted: false,
      answered: false,
      endedAt: undefined,
    };
    calls.push(call);
    response.on("close", () => {
      call.aborted = !call.answered;
      call.endedAt ??= Date.now();
    });
    const path = call.path.split("?")[0] ?? "";
    for (const [prefix, gate] of gates) if (path.startsWith(prefix)) await gate;
    const { status = 200, headers = {}, body = { ok: true }, text, delayMs = 0 } = answers.get(path)?.(call) ?? {};
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (response.destroyed) return;
    call.answered = true;
    call.endedAt = Date.now();
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(text ?? JSON.stringify(body));
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    hold(prefix) {
      let open = () => {};
      gates.set(prefix, new Promise((resolve) => (open = resolve)));
      return {
        open() {
          gates.delete(prefix);
          open();
        },
      };
    },
    answer: (path, answer) => void answers.set(path, answer),
    async seen(prefix, count = 1) {
      const deadline = Date.now() + 30_000;
      while (calls.filter(({ path }) => path.startsWith(prefix)).length < count) {
        if (Date.now() > deadline) throw new Error(`${count} calls to ${prefix} did not come`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
