import type { YAMLParseError } from "yaml";

/** What is wrong with a text that is no YAML, and what to do: the library speaks of YAML's grammar, which authors need not know. */
export function yamlFault({ code, message }: Pick<YAMLParseError, "code" | "message">): string {
  switch (code) {
    case "MULTIPLE_DOCS":
      return "a second document begins here: send one definition at a time, without a --- between";
    case "BAD_INDENT":
      return badIndent(message);
    case "TAB_AS_INDENT":
      return "a tab indents this line: indent with spaces";
    case "MISSING_CHAR":
      return missing(message);
    case "UNEXPECTED_TOKEN":
      return unexpected(message);
    case "BAD_SCALAR_START":
      return `a text may not begin with ${quotedEnd(message)}: put it in quotes`;
    case "BAD_ALIAS":
      return "after * or & a name is expected: put a text that begins with one of them in quotes";
    case "BAD_DQ_ESCAPE":
      return `${quotedEnd(message)} is no escape of a text in double quotes: write \\\\ for a backslash, or use single quotes`;
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a key or a list begins in the middle of this line: put it on a line of its own, or a text with a colon in quotes";
    case "BLOCK_IN_FLOW":
      return "inside { } and [ ] everything is written with brackets: no items with -, no | and no >";
    case "KEY_OVER_1024_CHARS":
      return "a key has at most 1024 characters";
    case "MULTILINE_IMPLICIT_KEY":
      return "a key stands on one line: a colon, or the end of a quotation, is missing here or before";
    case "MULTIPLE_ANCHORS":
      return "a value has one anchor (&) only";
    case "ALIAS_PROPS":
      return "an alias (*) stands alone, without an anchor";
    case "NON_STRING_KEY":
      return "a key must be text: put it in quotes";
    case "DUPLICATE_KEY":
      return "a key stands twice";
    case "TAG_RESOLVE_FAILED":
    case "MULTIPLE_TAGS":
    case "BAD_PROP_ORDER":
    case "BAD_COLLECTION_TYPE":
      return "tags (!) are not allowed: put a text that begins with ! in quotes";
    case "BAD_DIRECTIVE":
      return "a line that begins with % is a directive, which a definition has none of: leave it out";
    default:
      return "this cannot be read as YAML: look for a missing quote, bracket or colon here or on the line before";
  }
}

function badIndent(message: string): string {
  if (/sequence items/.test(message)) return "the items of a list must begin at the same column";
  if (/mapping items/.test(message)) return "the keys of an object must begin at the same column";
  const open = unclosed(message);
  return open ?? "this line is not indented as far as it belongs: indent it more than the key it is part of";
}

/** A bracket that is not closed; the message names the one that is missing at its end. */
function unclosed(message: string): string | undefined {
  const [, bracket] = /end with a ([\]}])$/.exec(message) ?? [];
  if (bracket === undefined) return undefined;
  return `a ${bracket} is missing: close the ${bracket === "]" ? "list" : "object"}, and indent its lines more than its key`;
}

const MISSING: readonly (readonly [RegExp, string])[] = [
  [/closing "/, 'a " is missing: a text in double quotes is not closed'],
  [/closing '/, "a ' is missing: a text in single quotes is not closed"],
  [/Missing , or :/, "a comma or a colon is missing between two items"],
  [/Missing ,/, "a comma is missing between two items"],
  [/space after :/, "a space is missing after the colon"],
  [/map keys need/, "a key without a value: write `key: value`"],
  [/without - indicator/, "an item of this list does not begin with -"],
  [/Comments must/, "a space is missing before the # of a comment"],
  [/directives-end/, "a line that begins with % is a directive, which a definition has none of: leave it out"],
];

function missing(message: string): string {
  const known = MISSING.find(([pattern]) => pattern.test(message))?.[1] ?? unclosed(message);
  return known ?? "a space or a sign is missing here: put a text with special characters in quotes";
}

function unexpected(message: string): string {
  if (/empty item/.test(message)) return "an item is missing between two commas";
  if (/Block scalar header/.test(message)) return "after | or > the text begins on the next line";
  const [, what] = /^Unexpected ([\]},]) in/.exec(message) ?? [];
  if (what !== undefined) return `a ${what} too many, or nothing before it`;
  return "something follows here that is not part of it: is a quote, a bracket or a colon missing, or a line indented too far?";
}

/** What a message names at its end. */
function quotedEnd(message: string): string {
  return message.trim().split(" ").at(-1) ?? "";
}
