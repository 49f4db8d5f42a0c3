import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Output } from "./progress.ts";

/** What a command may touch besides the service. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  /** The text of a file; `-` is the standard input. @throws {UnusableFileError} */
  read(file: string): Promise<string>;
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
}): Terminal {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    async read(file) {
      try {
        return file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
      } catch (error) {
        throw new UnusableFileError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
      }
    },
  };
}
