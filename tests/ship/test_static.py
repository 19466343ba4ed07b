"""Workflows, action, scripts and Dockerfile under the linters that others use: no finding, at their strictest."""

from __future__ import annotations

import os
import re
import shutil
import unittest
from pathlib import Path

from harness import ROOT, TARGET, Case

TOOLS = ROOT / "target" / "ship"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCRIPTS = [ROOT / name for name in (".ci/run", ".ci/static", ".ci/image", ".ci/digests", ".ci/action-commit",
                                    ".github/action/install", "tests/run.sh")]


def tool(name: str) -> str:
    """Return the path of a tool, or skip the test."""
    found = shutil.which(name, path=f"{TOOLS / 'bin'}:{os.environ['PATH']}")
    if not found:
        raise unittest.SkipTest(f"skipped: there is no {name}")
    return found


class Static(Case):
    """One test a linter."""

    def laid(self) -> Path:
        """Lay the workflows of the documents beside those that ship, as if each were a file of its own."""
        folder = self.base / "repository"
        shutil.copytree(ROOT / ".github", folder / ".github")
        shutil.copy(ROOT / "action.yml", folder)
        count = 0
        for page in sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]):
            for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
                if "\njobs:" in block:
                    count += 1
                    text = block.replace("@COMMIT", "@" + "0" * 40)
                    (folder / f".github/workflows/document-{count}.yml").write_text(text, encoding="utf-8")
        self.assertGreaterEqual(count, 3)
        return folder

    def test_zizmor(self) -> None:
        """The pedantic persona for what ships; what a document shows to be copied is held to the regular one."""
        zizmor = tool("zizmor")
        self.run_ok([zizmor, "--offline", "--no-config", "--persona=pedantic", *WORKFLOWS, ROOT / "action.yml"])
        self.run_ok([zizmor, "--offline", "--no-config", self.laid()])

    def test_schema(self) -> None:
        """The public schemas."""
        check = tool("check-jsonschema")
        self.run_ok([check, "--builtin-schema", "vendor.github-workflows", *sorted(self.laid().glob(".github/workflows/*.yml"))])
        self.run_ok([check, "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"])

    def test_language_service(self) -> None:
        """GitHub's own."""
        node = tool("node")
        if not (TOOLS / "node_modules/@actions/languageservice").is_dir():
            self.skipTest("skipped: GitHub's language service is not installed")
        bundle = self.base / "validate.mjs"
        source = TOOLS / "workflow-validate.mjs"
        shutil.copy(ROOT / "tests/ship/workflow-validate.mjs", source)
        banner = "import { createRequire } from 'module'; const require = createRequire(import.meta.url);"
        self.run_ok([TOOLS / "node_modules/.bin/esbuild", source, "--bundle", "--platform=node", "--format=esm",
                     f"--banner:js={banner}", "--log-level=error", f"--outfile={bundle}"], cwd=TOOLS)
        laid = self.laid()
        self.run_ok([node, bundle, laid, *sorted(laid.glob(".github/workflows/*.yml")), laid / "action.yml"])
        for wrong in ("runs-on: x\n    steps:\n      - run: echo ${{ nothing.here }}",
                      "uses: $/.github/workflows/countersign.yml\n    with: {directive: a, trust-root: b, other: c}"):
            bad = self.write("bad.yml", f"on: push\njobs:\n  a:\n    {wrong}\n")
            self.assertEqual(self.run_any([node, bundle, laid, bad]).returncode, 1, "and it does find what is wrong")

    def test_shellcheck(self) -> None:
        """Every script, with every optional check that is not about style."""
        self.run_ok([tool("shellcheck"), "--severity=style", *SCRIPTS])
        listed = {path for folder in (".ci", ".github/action") for path in (ROOT / folder).iterdir()}
        self.assertLessEqual({path for path in listed if path.name != "release"}, set(SCRIPTS), "every script is listed")

    def test_hadolint(self) -> None:
        """The Dockerfile."""
        self.run_ok([tool("hadolint"), "--failure-threshold", "style", ROOT / "Dockerfile"])
