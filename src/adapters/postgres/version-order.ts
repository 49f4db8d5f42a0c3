import semver from "semver";

export interface VersionOrder {
  /** Sorts, byte by byte, as semver sorts the versions. */
  readonly order: string;
  readonly isRelease: boolean;
}

/** Digits of the largest number in a version that `semver` accepts. */
const DIGITS = 16;

/** A text that is no version sorts before all that are, and is no release. */
export function versionOrder(version: string): VersionOrder {
  const parsed = semver.parse(version);
  if (parsed === null) return { order: `-${version}`, isRelease: false };
  const numbers = [parsed.major, parsed.minor, parsed.patch].map(padded).join("");
  const isRelease = parsed.prerelease.length === 0;
  // A space sorts before all that an identifier may hold: fewer identifiers come first. Numbers come before words.
  const identifiers = parsed.prerelease.map((part) => (typeof part === "number" ? `0${padded(part)}` : `1${part}`));
  return { order: isRelease ? `${numbers}1` : `${numbers}0${identifiers.join(" ")}`, isRelease };
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, "0");
}
