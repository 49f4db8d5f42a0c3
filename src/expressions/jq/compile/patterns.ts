import type { Ast, Pattern, PatternEntry } from "../syntax/ast.ts";
import type { Binding, PatternCode, PatternEntryCode } from "./bind.ts";
import type { Code } from "./code.ts";
import type { Scope } from "./scope.ts";

export interface BoundPatterns {
  readonly binding: Binding;
  /** The scope with the variables of the patterns. */
  readonly scope: Scope;
}

/** Gives each variable of the patterns a slot. All patterns of one `as` share theirs: what one does not bind is null. */
export function bindPatterns(
  patterns: readonly Pattern[],
  scope: Scope,
  compileKey: (key: Ast) => Code,
): BoundPatterns {
  const slots = new Slots(patterns.length > 1);
  const codes = patterns.map((pattern) => patternOf(pattern, slots, compileKey));
  const inside = scope.withVariables(slots.names);
  return { binding: { patterns: codes, variables: slots.names.length }, scope: inside };
}

class Slots {
  /** Names of the slots; those without a name are written but never read. */
  readonly names: string[] = [];

  private readonly places = new Map<string, number>();

  constructor(private readonly shared: boolean) {}

  /** Of two variables of one name in a pattern, jq reads the first; with alternatives it reads the one written last. */
  take(name: string): number {
    const known = this.places.get(name);
    if (known !== undefined) return this.shared ? known : this.names.push("") - 1;
    const place = this.names.push(name) - 1;
    this.places.set(name, place);
    return place;
  }
}

/** Slots are taken in the order in which jq matches: arrays from their end. */
function patternOf(pattern: Pattern, slots: Slots, compileKey: (key: Ast) => Code): PatternCode {
  switch (pattern.kind) {
    case "variable":
      return { kind: "variable", slot: slots.take(pattern.name) };
    case "array":
      return {
        kind: "array",
        items: [...pattern.items]
          .reverse()
          .map((item) => patternOf(item, slots, compileKey))
          .reverse(),
      };
    case "object":
      return { kind: "object", entries: pattern.entries.map((entry) => entryOf(entry, slots, compileKey)) };
  }
}

function entryOf(
  { key, variable, pattern }: PatternEntry,
  slots: Slots,
  compileKey: (key: Ast) => Code,
): PatternEntryCode {
  return {
    key: compileKey(key),
    slot: variable === undefined ? undefined : slots.take(variable),
    pattern: pattern === undefined ? undefined : patternOf(pattern, slots, compileKey),
  };
}
