"""The scripts of the quick-start job: inventory, inventory-papers, inventory-report."""

from __future__ import annotations

import hashlib

import harness


class Inventory(harness.Case):
    """A small project."""

    def setUp(self) -> None:
        super().setUp()
        self.once(self.make)

    def make(self) -> None:
        self.start_repository()
        self.write("README.md", "# A project\n")
        self.write("LICENSE", "Do as you like.\n")
        self.write("src/a.py", "a = 1\nb = 2\n")
        self.write("src/b|`c.py", "c = 3\n")
        (self.repo / "picture.bin").write_bytes(b"\0\n\n\n")
        self.commit("feat: begin")

    def run_script(self, name: str, *argv: str, ok: bool = True) -> str:
        self.git("archive", "--format=tar", "--output", str(self.base / "tree.tar"), "HEAD")
        return self.script(name, *argv, "--tree", str(self.base / "tree.tar"), ok=ok)

    def whole(self, ok: bool = True) -> str:
        counted = self.values(self.run_script("inventory/count.py"))
        del counted["bytes"]
        self.known = {**counted, **self.values(self.run_script("inventory-papers/papers.py"))}
        return self.report("write", ok)

    def report(self, mode: str, ok: bool = True) -> str:
        argv = [f"--{name}={value}" for name, value in self.known.items()]
        return self.run_script("inventory-report/report.py", mode, "--file=countersign-report.md", *argv, ok=ok)

    def test_report_says_what_the_commit_holds(self) -> None:
        self.whole()
        self.report("check")
        self.assertEqual((self.known["files"], self.known["lines"]), ("5", "5"))
        self.assertEqual(self.known["licence"], "sha256:" + hashlib.sha256(b"Do as you like.\n").hexdigest())
        text = self.read("countersign-report.md")
        self.assertIn("| `.py` | 2 | 3 | 18 |", text)
        self.assertIn("`src/b??c.py`", text)

    def test_a_repository_without_papers_is_reported_too(self) -> None:
        self.git("rm", "-q", "README.md", "LICENSE")
        self.commit("chore: no papers")
        self.whole()
        self.assertEqual(self.known["readme"], "none")

    def test_a_report_that_was_touched_and_totals_of_another_commit_are_refused(self) -> None:
        self.whole()
        self.write("countersign-report.md", self.read("countersign-report.md") + "and more\n")
        self.report("check", ok=False)
        self.commit("feat: move on")
        self.assertIn("were counted at", self.report("write", ok=False))

    def test_an_empty_commit_is_refused(self) -> None:
        self.git("rm", "-q", "-r", ".")
        self.commit("chore: nothing left")
        self.assertIn("no file", self.run_script("inventory/count.py", ok=False))
