import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { ReadBuffer, serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { ProblemError } from "../http/problem-error.ts";
import { type Child, startChild } from "../process/child.ts";
import { ownDirectory } from "../process/own-directory.ts";
import type { ProcessLimits } from "../process/run-process.ts";

export interface ServerCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Absent: an empty directory of its own. */
  readonly workingDirectory?: string;
  /** How long it may take to end once its stdin is closed; absent: a quarter of a second. */
  readonly shutdownTimeoutMs?: number;
}

/** Characters of the server's stderr that are shown in an error. */
const DETAIL_LENGTH = 1_000;
const GRACE_MS = 250;

/**
 * An MCP server as a child process, in a group of its own with the same guards as processes that workflows run. The transport of the
 * SDK would give it a part of this process's environment, and end the first process of it only.
 */
export class ChildTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  #child: Child | undefined;
  #directory: string | undefined;
  #stderr = "";

  constructor(
    private readonly server: ServerCommand,
    private readonly limits: ProcessLimits,
  ) {}

  async start(): Promise<void> {
    const { command, arguments: args, environment, workingDirectory } = this.server;
    if (workingDirectory === undefined) this.#directory = await ownDirectory("mcp");
    else await demandDirectory(workingDirectory);
    const directory = workingDirectory ?? this.#directory ?? tmpdir();
    // Where programs are found is no secret, and what starts servers (npx, uvx) needs it.
    const withPath = { PATH: process.env.PATH ?? "", ...environment };
    const { memoryBytes } = this.limits;
    const child = startChild({ command, args, environment: withPath, directory, memoryBytes });
    this.#child = child;
    const buffer = new ReadBuffer({ maxBufferSize: this.limits.outputBytes });
    child.stdout.on("data", (chunk: Buffer) => this.#read(buffer, chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString("utf8")).slice(-DETAIL_LENGTH);
    });
    void child.ended.then(() => this.onclose?.());
  }

  /** The end of what the server wrote to stderr, once it has ended. */
  async complaint(): Promise<string> {
    await this.close();
    return this.#stderr.trim();
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child?.stdin.write(serializeMessage(message), (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    this.#child?.stdin.end();
    this.#child?.kill(this.server.shutdownTimeoutMs ?? GRACE_MS);
    await this.#child?.ended;
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  #read(buffer: ReadBuffer, chunk: Buffer): void {
    try {
      buffer.append(chunk);
      for (let message = buffer.readMessage(); message !== null; message = buffer.readMessage())
        this.onmessage?.(message);
    } catch (error) {
      this.onerror?.(error instanceof Error ? error : new Error(String(error)));
      this.#child?.kill();
    }
  }
}

/** A process that cannot start because of its directory blames its command. */
async function demandDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new ProblemError("configuration", `the working directory ${path} of the MCP server is no directory here`);
  }
}
