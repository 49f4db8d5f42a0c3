import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/index.ts";
import { aboutSetting, SETTING_NAMES } from "../../../src/config/settings.ts";

const example = readFileSync(new URL("../../../.env.example", import.meta.url), "utf8");
const lines = [...example.matchAll(/^#([A-Z][A-Z_]*)=(.*)$/gm)].map(([, name = "", value = ""]) => ({ name, value }));
const settingLines = lines.filter(({ name }) => !name.startsWith("SECRET_"));

describe("given .env.example", () => {
  test("when its names are compared with the settings, then both are the same, in the same order", () => {
    expect(settingLines.map(({ name }) => name)).toEqual(SETTING_NAMES);
  });

  test.each(SETTING_NAMES)("when %s is looked up, then default, unit and meaning stand there", (name) => {
    const { default: usual = "", unit, meaning } = aboutSetting(name);
    expect(settingLines.find((line) => line.name === name)?.value).toBe(usual);
    const prose = example.replaceAll("\n# ", " ");
    expect(prose).toContain(`${meaning}${unit === undefined ? "" : ` Unit: ${unit}.`}`);
  });

  test("when every line with a value is taken into use, then it is accepted and changes nothing", () => {
    const env = Object.fromEntries(settingLines.map(({ name, value }) => [name, value]));
    expect({ ...loadConfig(env), partitionsGiven: false }).toEqual(loadConfig({}));
  });
});
