import { execFileSync } from "node:child_process";
import { ensureOpenssl } from "./install.ts";

/** Writes a certificate for loopback, signed by itself, and its key. */
export function makeCertificate(certificate: string, key: string): void {
  ensureOpenssl();
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...names];
  execFileSync("openssl", [...made, "-keyout", key, "-out", certificate], { stdio: "ignore" });
}
