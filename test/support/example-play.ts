import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { answer } from "./scenario.ts";
import { SPEC_DIR } from "./spec.ts";

const json = z.json();
const object = z.record(z.string(), json);
const call = z.strictObject({ method: z.string(), url: z.string(), body: json.optional(), headers: object.optional() });

const playSchema = z
  .strictObject({
    /** Paths in the copy of the specification; those that say the same as one before are not run again. */
    files: z.array(z.string()).min(1),
    /** What is special about it. */
    about: z.string().optional(),
    input: json.optional(),
    /** Answers by address without a query; of a list the n-th call gets the n-th, later calls the last. Others are answered `{"ok": true}`. */
    http: z.record(z.string(), z.union([answer, z.array(answer).min(1)])).optional(),
    /** Definitions it runs, registered before. */
    others: z.array(object).optional(),
    /** CloudEvents that start it, once it is registered; made up as in `publish`. */
    startsOn: z.array(object).optional(),
    /** CloudEvents, once it listens; `specversion`, `id` and `source` are made up where they are missing. */
    publish: z.array(object).optional(),
    /** Cancelled once so many calls were made: it would never end. */
    cancelAfterCalls: z.number().int().optional(),
    status: z.enum(["COMPLETED", "FAILED", "CANCELLED"]).default("COMPLETED"),
    /** Exactly; or members it must have. */
    output: json.optional(),
    outputHas: object.optional(),
    error: object.optional(),
    /** All calls, in order; members they must have. */
    calls: z.array(call).optional(),
  })
  .refine(
    ({ output, outputHas, error, calls }) => [output, outputHas, error, calls].some((wanted) => wanted !== undefined),
    "a play says how it ends",
  );

/** How an official example is run, and what it must come to. */
export type ExamplePlay = z.infer<typeof playSchema> & { readonly id: string };

const FILE = path.join(import.meta.dirname, "../conformance/example-plays.yaml");

/** @throws {Error} when the file of plays has not the form. */
export function examplePlays(): readonly ExamplePlay[] {
  const read = z.array(playSchema).safeParse(parse(readFileSync(FILE, "utf8")));
  if (!read.success) throw new Error(z.prettifyError(read.error));
  return read.data.map((play, index) => ({ ...play, id: `play-${index + 1}` }));
}

/** The texts of the files of a play, each once. */
export function textsOf({ files }: ExamplePlay): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const file of files) {
    const text = readFileSync(path.join(SPEC_DIR, file), "utf8");
    if (![...texts.values()].includes(text)) texts.set(file, text);
  }
  return texts;
}
