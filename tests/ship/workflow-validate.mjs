// GitHub's own language service over workflows and actions: prints what it finds, and fails where it finds anything.
// usage: node workflow-validate.mjs ROOT FILE...; a called workflow of this project is read below ROOT.
import fs from "node:fs";
import path from "node:path";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

const [root, ...files] = process.argv.slice(2);
const fileProvider = {
  async getFileContent(reference) {
    if (reference.owner && reference.owner !== "countersign") throw new Error(`not read: ${reference.owner}`);
    return { name: reference.path, content: fs.readFileSync(path.join(root, reference.path), "utf8") };
  },
};
let findings = 0;
for (const file of files) {
  const document = TextDocument.create(`file://${path.resolve(file)}`, "yaml", 0, fs.readFileSync(file, "utf8"));
  for (const { range, severity, message } of await validate(document, { fileProvider })) {
    findings += 1;
    console.log(`${file}:${range.start.line + 1}:${range.start.character + 1}: [${severity}] ${message}`);
  }
}
process.exit(findings ? 1 : 0);
