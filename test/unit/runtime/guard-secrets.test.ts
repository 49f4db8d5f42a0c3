import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { guardSecrets } from "../../../src/runtime/guard-secrets.ts";
import type { Json } from "../../../src/values/json.ts";

/** Seven characters: short enough to be hidden in a result rather than refused. */
const SECRET = 'p@/+"ü ';
const outputOf = (output: Json, secrets: Json = { a: SECRET }) => {
  const outcome = guardSecrets({ ok: true, output }, secrets);
  return outcome.ok ? outcome.output : outcome.error;
};
const refused = { type: expect.stringContaining("authorization"), status: 403 };
const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("given a secret", () => {
  test.each([
    ["as it is", SECRET],
    ["escaped as in JSON", JSON.stringify(SECRET).slice(1, -1)],
    ["as a component of a URL", encodeURIComponent(SECRET)],
    ["with digits in lower case", encodeURIComponent(SECRET).toLowerCase()],
    ["as a whole URL", encodeURI(SECRET)],
    ["in a form", new URLSearchParams({ a: SECRET }).toString().slice(2)],
    ["in a path", Object.assign(new URL("http://h"), { pathname: SECRET }).pathname.slice(1)],
  ])("when it stands %s, then it is hidden, and what is around it is kept", (_, text) => {
    expect(outputOf(`http://h/<${text}>/x`)).toBe("http://h/<[hidden]>/x");
  });

  test("when it stands in members' names, members, items and both texts of an error, then it is hidden everywhere", () => {
    expect(outputOf({ [`k-${SECRET}`]: [{ deep: `x${SECRET}y${SECRET}` }, 1, null, true] })).toEqual({
      "k-[hidden]": [{ deep: "x[hidden]y[hidden]" }, 1, null, true],
    });
    const error = { type: "t", status: 500, title: `no ${SECRET}`, detail: `${SECRET}!`, instance: "/do/0/a" };
    expect(guardSecrets({ ok: false, error }, { a: SECRET })).toEqual({
      ok: false,
      error: { ...error, title: "no [hidden]", detail: "[hidden]!" },
    });
  });

  test("when a user's name of any length stands before it in basic authentication, then it is hidden", () => {
    for (const user of ["", "a", "ab", "abc"]) {
      const shown = String(outputOf(`Basic ${base64(`${user}:${SECRET}`)}`));
      expect(shown).toContain("[hidden]");
      expect(Buffer.from(shown.split(" ")[1]?.split("[")[0] ?? "", "base64").toString()).not.toContain("p@s");
    }
  });

  test("when it is base64 for URLs, then it is hidden", () => {
    expect(outputOf(Buffer.from("~~??>>").toString("base64url"), ["~~??>>"])).toBe("[hidden]");
  });

  test("when it begins with another one, then nothing of it is left", () => {
    expect(outputOf("abcdefg abcde", { a: "abcde", b: { c: ["abcdefg"] } })).toBe("[hidden] [hidden]");
  });

  test("when a service trims it, then it is hidden", () => {
    expect(outputOf("token12", [" token12\n"])).toBe("[hidden]");
  });

  test("when an error's detail was cut within it, then its beginning is hidden", () => {
    const error = { type: "t", status: 500, detail: "answered 500: token12" };
    expect(guardSecrets({ ok: false, error }, ["token123456"])).toMatchObject({
      error: { detail: "answered 500: [hidden]" },
    });
  });

  test("when it has fewer than four characters, then it is shown", () => {
    expect(outputOf("abc abcd", ["abc"])).toBe("abc abcd");
  });
});

describe("given a secret of at least eight characters", () => {
  const long = "eightchr";
  test.each([
    ["in a text", { a: [`x${long}y`] }],
    ["in a member's name", { [long]: 1 }],
    ["in base64", { a: base64(`user:${long}`) }],
    ["percent-encoded", `?a=%65ightchr`],
  ])("when it stands %s of a result, then the result fails", (_, output) => {
    expect(outputOf(output, { a: long })).toMatchObject(refused);
    expect(JSON.stringify(outputOf(output, { a: long }))).not.toContain(long);
  });

  test("when it stands in an error, then it is hidden there", () => {
    const error = { type: "t", status: 500, detail: `no ${long}` };
    expect(guardSecrets({ ok: false, error }, [long])).toMatchObject({ error: { status: 500, detail: "no [hidden]" } });
  });
});

test("given no secrets, when an outcome is masked, then it is the same", () => {
  const outcome = { ok: true, output: { a: "x" } } as const;
  expect(guardSecrets(outcome, {})).toBe(outcome);
});

test("given any secret in any text, when the text is masked, then the secret stands in it no more", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const secret = fc
    .string({ unit: "grapheme", minLength: 4, maxLength: 7 })
    .filter((each) => each.length < 8 && !"[hidden]".includes(each));
  fc.assert(
    fc.property(text, secret, text, (before, hidden, after) => {
      const shown = String(outputOf(before + hidden + after, [hidden]));
      // The mark itself may complete a text with its neighbours.
      expect(shown.split("[hidden]").some((part) => part.includes(hidden))).toBe(false);
      expect(shown).toContain("[hidden]");
    }),
  );
});

test("given a secret with quotes and backslashes, when it stands in JSON inside JSON, then it is hidden, and what follows is kept", () => {
  const secret = 'q"\\s';
  const once = JSON.stringify(secret).slice(1, -1);
  const twice = JSON.stringify(once).slice(1, -1);
  const inUrl = [secret, once, twice].map(encodeURIComponent);
  for (const text of [secret, once, twice, ...inUrl]) expect(outputOf(`<${text}\\">`, [secret])).toBe('<[hidden]\\">');
});

test("given a secret in the name of a host, when an error names that in small letters, or its type holds one, then it is hidden", () => {
  const error = { type: "https://e.example/MyTenant42", status: 500, detail: "GET http://mytenant42.example: refused" };
  expect(guardSecrets({ ok: false, error }, ["MyTenant42"])).toMatchObject({
    error: { type: "https://e.example/[hidden]", detail: "GET http://[hidden].example: refused" },
  });
});

test("given a secret beyond ASCII, when a service writes it in the escapes of JSON, then it is hidden", () => {
  expect(outputOf("<caf\\u00e9\\/\\ud83d\\ude00>", ["caf\u00e9/\u{1f600}"])).toBe("<[hidden]>");
});

test("given a secret with line breaks, when a body that holds it comes back raw, then the result fails", () => {
  const secret = "-----BEGIN KEY-----\nMIIB";
  expect(outputOf({ raw: base64(JSON.stringify({ sent: secret })) }, [secret])).toMatchObject(refused);
});

test.each([20, 500, 513, 40_000])(
  "given a secret of %i characters, when it is in an error, then nothing of it is left",
  (length) => {
    const secret = Array.from({ length }, (_, i) => (i * 7_919 + 99_991).toString(36).slice(-4))
      .join("")
      .slice(0, length);
    const error = { type: "t", status: 500, detail: `<${secret}> <${encodeURIComponent(secret)}>` };
    const outcome = guardSecrets({ ok: false, error }, [secret]);
    expect(outcome.ok ? "" : outcome.error.detail).toMatch(/^<(\[hidden\])+> <(\[hidden\])+>$/);
  },
);
