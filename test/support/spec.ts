import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

/** Where a copy of the specification lies. */
export const SPEC_DIR = path.resolve(process.env.SPEC_DIR ?? path.join(import.meta.dirname, "../../../shared/spec"));
/** The official conformance kit. */
export const CTK_DIR = path.resolve(process.env.CTK_DIR ?? path.join(SPEC_DIR, "ctk"));
/** That of the renamed specification. */
export const NEXT_CTK_DIR = path.resolve(process.env.NEXT_CTK_DIR ?? path.join(SPEC_DIR, "next/ctk"));

/** Full paths of a folder's files with such an ending, in order; none when there is no such folder, which is said. */
export function filesOf(directory: string, ending: string): readonly string[] {
  if (!existsSync(directory)) {
    console.warn(`skipped: there is no ${directory} (set SPEC_DIR to a copy of the specification)`);
    return [];
  }
  return readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => path.join(directory, name));
}

/** What the service says of a definition that needs what it cannot run; undefined for others. */
export function unsupported(issues: readonly { readonly message: string }[]): string | undefined {
  return issues.find(({ message }) => message.startsWith("not supported by this version: "))?.message;
}
