// GitHub's own language service over workflows and actions: prints what it finds, and fails where it finds anything.
import fs from "node:fs";
import path from "node:path";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

let findings = 0;
for (const file of process.argv.slice(2)) {
  const document = TextDocument.create(`file://${path.resolve(file)}`, "yaml", 0, fs.readFileSync(file, "utf8"));
  for (const { range, severity, message } of await validate(document, {})) {
    findings += 1;
    console.log(`${file}:${range.start.line + 1}:${range.start.character + 1}: [${severity}] ${message}`);
  }
}
process.exit(findings ? 1 : 0);
