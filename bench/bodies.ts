import { jsonFaults } from "../src/values/json-text.ts";

/** What looking at the text of a body adds to parsing it. `SIZE` in bytes, about. */
const size = Number(process.env.SIZE ?? 100_000);
const rounds = Number(process.env.ROUNDS ?? 500);

const item = (id: number) => ({
  id,
  sku: `tea-${id}`,
  quantity: 2,
  price: 4.5 + id,
  tags: ["a", "b"],
  note: "as a gift",
});
const texts = {
  objects: JSON.stringify({ items: Array.from({ length: Math.ceil(size / 90) }, (_, id) => item(id)) }),
  numbers: JSON.stringify(Array.from({ length: Math.ceil(size / 8) }, (_, n) => 10_000.5 + n)),
  text: JSON.stringify({ text: "x".repeat(size) }),
};

for (const [name, text] of Object.entries(texts)) {
  const parsed = median(() => JSON.parse(text));
  const looked = median(() => jsonFaults(text));
  const share = `${(looked / parsed).toFixed(1)} × parsing`;
  process.stdout.write(`${name.padEnd(8)} ${text.length} B  parse ${ms(parsed)}  look ${ms(looked)}  ${share}\n`);
}

/** Milliseconds of one run, the median. */
function median(run: () => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
