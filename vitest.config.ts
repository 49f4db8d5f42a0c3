import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Rooms of `test` whose files take longest, first: a long one that began last would keep all but one worker waiting. */
const LONGEST_FIRST = ["fault", "contract", "e2e", "conformance", "integration", "unit"];

function placeOf({ moduleId }: TestSpecification): number {
  return LONGEST_FIRST.findIndex((room) => moduleId.includes(`/test/${room}/`));
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => placeOf(a) - placeOf(b));
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    reporters: ["default"],
    coverage: { provider: "v8", include: ["src/**/*.ts", "workers/**/*.ts"] },
  },
});
