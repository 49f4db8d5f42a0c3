/** What vitest's JSON reporter writes, as far as it is read here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}
/** Markdown: one row a group of features, `passed / of` for each store that was run; what was skipped counts as not passed. */
export function tableOf(report: Report): string;
/** The text with the table between its markers. @throws {Error} when a marker is missing. */
export function withTable(text: string, table: string): string;
