import { h } from "./dom.js";

export const STATUSES = ["PENDING", "RUNNING", "WAITING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"];

export function pill(status) {
  return h("span", { class: `pill ${status.toLowerCase()}` }, status.charAt(0) + status.slice(1).toLowerCase());
}

/** 0.4 s, 12.3 s, 4 min 5 s, 2 h 3 min, 3 d 4 h. */
export function duration(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const STEPS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
];

/** A moment, told from now; hovering tells it in full. */
export function moment(iso) {
  const difference = Date.parse(iso) - Date.now();
  const [unit, size] = STEPS.find(([, length]) => Math.abs(difference) >= length) ?? ["second", 1_000];
  const text = Math.abs(difference) < 5_000 ? "just now" : relative.format(Math.round(difference / size), unit);
  return h("time", { datetime: iso, title: absolute.format(new Date(iso)) }, text);
}

/** Milliseconds an execution or a task took, so far. */
export function took({ startedAt, endedAt }) {
  return (endedAt ? Date.parse(endedAt) : Date.now()) - Date.parse(startedAt);
}

export function definitionName({ namespace, name, version }) {
  return `${namespace}/${name}@${version}`;
}
