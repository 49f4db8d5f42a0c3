import type { InputIssue } from "../errors.ts";

/** Line of a JSON pointer in the text, from 1. */
export type LineOf = (pointer: string) => number | undefined;

/** Collects what is wrong with a definition. The same words at the same place are said once: named entries are read at every use. */
export class Report {
  readonly #issues = new Map<string, InputIssue>();
  readonly #warnings = new Map<string, InputIssue>();

  constructor(private readonly line: LineOf = () => undefined) {}

  get issues(): readonly InputIssue[] {
    return [...this.#issues.values()];
  }

  get warnings(): readonly InputIssue[] {
    return [...this.#warnings.values()];
  }

  issue(pointer: string, message: string): void {
    this.#issues.set(`${pointer}\n${message}`, this.#at(pointer, message));
  }

  warning(pointer: string, message: string): void {
    this.#warnings.set(`${pointer}\n${message}`, this.#at(pointer, message));
  }

  unsupported(pointer: string, what: string): void {
    this.issue(pointer, `not supported by this version: ${what}`);
  }

  #at(pointer: string, message: string): InputIssue {
    const line = this.line(pointer);
    return line === undefined ? { pointer, message } : { pointer, line, message };
  }
}
