import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What can follow at one place of the command tree. */
interface Place {
  /** Names of the commands that lead here, `executions list`; "" at the top. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly options: readonly Option[];
  /** Its arguments are files. */
  readonly takesFiles: boolean;
}
interface Word {
  readonly text: string;
  readonly about: string;
}

/**
 * A script that completes commands, options and their values. All that it offers stands in it, read from the commands themselves:
 * asking the program at each key would take as long as the program takes to start.
 */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesOf(program);
  const name = program.name();
  switch (shell) {
    case "bash":
      return bashScript(name, places);
    case "zsh":
      return zshScript(name, places);
    case "fish":
      return fishScript(name, places);
  }
}

function placesOf(command: Command, path = ""): readonly Place[] {
  const commands = command.commands.filter((each) => each.name() !== "help");
  const help = { text: "--help", about: "show help" };
  const options = command.options.map(({ long, description }) => ({ text: long ?? "", about: description }));
  const place = {
    path,
    words: [...commands.map((each) => ({ text: each.name(), about: each.description() })), ...options, help],
    options: command.options,
    takesFiles: command.registeredArguments.some((argument) => argument.name().startsWith("file")),
  };
  const below = commands.flatMap((each) => placesOf(each, path === "" ? each.name() : `${path} ${each.name()}`));
  return [place, ...below];
}

/** Patterns of a `case` that take one step down the tree. */
function steps(places: readonly Place[]): string {
  const paths = places
    .filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path.includes(" ") ? path : ` ${path}`));
  return paths.join("|");
}

/** Options whose values are known, over all places: one name means one thing everywhere. */
function choices(places: readonly Place[]): readonly (readonly [string, readonly string[]])[] {
  const known = new Map<string, readonly string[]>();
  for (const { options } of places) {
    for (const { long, argChoices } of options) if (long && argChoices) known.set(long, argChoices);
  }
  return [...known];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function bashScript(name: string, places: readonly Place[]): string {
  const values = choices(places).map(
    ([long, of]) => `    ${long}) COMPREPLY=($(compgen -W ${quoted(of.join(" "))} -- "$cur")); return ;;`,
  );
  const words = places.map(
    ({ path, words: of, takesFiles }) =>
      `    ${quoted(path)}) words=${quoted(of.map(({ text }) => text).join(" "))}${takesFiles ? "; files=yes" : ""} ;;`,
  );
  return `# ${name} completion for bash: source <(${name} completion bash)
_${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" at="" words="" files="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in ${steps(places)}) at="\${at:+$at }\${COMP_WORDS[i]}" ;; esac
  done
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${values.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [[ -n "$files" && "$cur" != -* ]]; then COMPREPLY+=($(compgen -f -- "$cur")); fi
}
complete -F _${name} ${name}
`;
}

function zshScript(name: string, places: readonly Place[]): string {
  const values = choices(places).map(([long, of]) => `    ${long}) compadd -- ${of.join(" ")}; return ;;`);
  const described = ({ text, about }: Word) => quoted(`${text.replaceAll(":", "\\:")}:${about}`);
  const words = places.map(
    ({ path, words: of, takesFiles }) =>
      `    ${quoted(path)}) found=(${of.map(described).join(" ")})${takesFiles ? "; _files" : ""} ;;`,
  );
  return `#compdef ${name}
# ${name} completion for zsh: source <(${name} completion zsh), or as a file _${name} in a directory of $fpath
_${name}() {
  local at="" i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in ${steps(places)}) at="\${at:+$at }\${words[i]}" ;; esac
  done
  case "\${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  case "$at" in
${words.join("\n")}
  esac
  _describe '${name}' found
}
if [[ "\${funcstack[1]}" == "_${name}" ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function fishScript(name: string, places: readonly Place[]): string {
  const paths = places
    .filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path.includes(" ") ? path : ` ${path}`));
  const lines = places.flatMap(({ path, words, options, takesFiles }) => {
    const here = `complete -c ${name} -n ${quoted(`__${name}_at ${quoted(path)}`)}`;
    const files = takesFiles ? [`${here} -F`] : [];
    const commands = words
      .filter(({ text }) => !text.startsWith("-"))
      .map(({ text, about }) => `${here} -a ${text} -d ${quoted(about)}`);
    const flags = options.map(({ long, description, required, optional, argChoices }) => {
      const value = required || optional ? ` -x${argChoices ? ` -a ${quoted(argChoices.join(" "))}` : ""}` : "";
      return `${here} -l ${(long ?? "").slice(2)}${value} -d ${quoted(description)}`;
    });
    return [...files, ...commands, ...flags, `${here} -l help -d 'show help'`];
  });
  return `# ${name} completion for fish: ${name} completion fish | source
function __${name}_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${paths.join(" ")}
        test -z "$at"; and set at $word; or set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c ${name} -f
${lines.join("\n")}
`;
}
