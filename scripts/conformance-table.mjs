// The table of the README: what the conformance tests really ran, from vitest's report.

const STORE = /^on (?:the )?(.+)$/;
const SUITES = [
  { file: "ctk.test.ts", block: /official conformance kit/, title: "official kit" },
  { file: "ctk.test.ts", block: /renamed specification/, title: "kit of the renamed specification" },
  { file: "run-examples.test.ts", block: /example/, title: "official examples that can run" },
  { file: "scenarios.test.ts", block: /scenario/, title: "our scenarios" },
];
const BEGIN = "<!-- conformance: written by `npm run conformance -- --write` -->";
const END = "<!-- /conformance -->";

/** A case is a test whose title begins with its group; others (`and …`) say something about the whole. */
const CASE = /^(?<group>[^:]+): /;

export function tableOf({ testResults }) {
  const stores = storesThatRan(testResults);
  const rows = new Map();
  for (const { name, assertionResults } of testResults) {
    for (const { ancestorTitles, title, status } of assertionResults) {
      const [first = "", ...blocks] = ancestorTitles;
      const store = STORE.exec(first)?.[1];
      const suite = SUITES.find(
        ({ file, block }) => name.endsWith(`/${file}`) && blocks.some((each) => block.test(each)),
      );
      const group = CASE.exec(title)?.groups?.group;
      if (store === undefined || suite === undefined || group === undefined || !stores.includes(store)) continue;
      count(rows, suite, group, store, status === "passed");
      count(rows, suite, undefined, store, status === "passed");
    }
  }
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const cells = (counts) => stores.map((store) => shown(counts.get(store)));
  return [
    line(["", ...stores]),
    line(["---", ...stores.map(() => "--:")]),
    ...SUITES.flatMap((suite) => {
      const groups = [...rows.values()].filter((row) => row.suite === suite);
      const [all] = groups.filter(({ group }) => group === undefined);
      if (all === undefined) return [];
      const parts = groups
        .filter(({ group }) => group !== undefined)
        .sort((a, b) => a.group.localeCompare(b.group, "en"));
      return [
        line([`**${suite.title}**`, ...cells(all.counts).map((cell) => `**${cell}**`)]),
        ...parts.map(({ group, counts }) => line([group, ...cells(counts)])),
      ];
    }),
  ].join("\n");
}

/** Without those that `STORES` left out: their tests are only skipped. */
function storesThatRan(testResults) {
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "passed" || status === "failed")
    .flatMap(({ ancestorTitles: [first = ""] }) => STORE.exec(first)?.[1] ?? []);
  return [...new Set(ran)];
}

function count(rows, suite, group, store, hasPassed) {
  const key = JSON.stringify([suite.title, group]);
  const row = rows.get(key) ?? { suite, group, counts: new Map() };
  const { passed, of } = row.counts.get(store) ?? { passed: 0, of: 0 };
  row.counts.set(store, { passed: passed + (hasPassed ? 1 : 0), of: of + 1 });
  rows.set(key, row);
}

function shown(counts) {
  return counts === undefined ? "" : `${counts.passed} / ${counts.of}`;
}

export function withTable(text, table) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the text has no ${BEGIN} … ${END}`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${table}\n\n${text.slice(to)}`;
}
