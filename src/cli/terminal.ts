import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { EXIT } from "./exit-codes.ts";
import type { Output } from "./progress.ts";

/** What a command may touch besides the service. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  /** The text of a file; `-` is the standard input. @throws {UnusableFileError} */
  read(file: string): Promise<string>;
  /** Has something said before Ctrl-C ends the process. @returns what takes it back. */
  onInterrupt(say: () => void): () => void;
}

/** A file on the command line that cannot be used. */
export class UnusableFileError extends Error {}

/** Everything about it was printed already. */
export class ToldError extends Error {
  constructor(readonly exitCode: number) {
    super("it was told");
  }
}

export function terminalOf(process: {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Output;
  readonly stderr: Output;
  on(signal: "SIGINT", listener: () => void): unknown;
  off(signal: "SIGINT", listener: () => void): unknown;
  exit(code: number): never;
}): Terminal {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    onInterrupt(say) {
      const interrupted = () => {
        say();
        process.exit(EXIT.interrupted);
      };
      process.on("SIGINT", interrupted);
      return () => void process.off("SIGINT", interrupted);
    },
    async read(file) {
      try {
        return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
      } catch (error) {
        throw new UnusableFileError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
      }
    },
  };
}
