"""The quick-start job: inventory, inventory-papers, inventory-report."""

from __future__ import annotations

import hashlib
import shutil
import unittest

import harness


class Inventory(harness.Case):
    """A small project."""

    def setUp(self) -> None:
        super().setUp()
        self.start_repository()
        self.write("README.md", "# A project\n")
        self.write("LICENSE", "Do as you like.\n")
        self.write("src/a.py", "a = 1\nb = 2\n")
        self.write("src/b|`c.py", "c = 3\n")
        (self.repo / "picture.bin").write_bytes(b"\0\n\n\n")
        self.commit("feat: begin")

    def whole(self) -> dict[str, str]:
        counted, papers = self.pipeline("inventory"), self.pipeline("inventory-papers")
        self.known = {"commit": counted["commit"], "files": counted["files"], "lines": counted["lines"], **papers}
        return self.pipeline("inventory-report", **self.known)

    def test_report_says_what_the_commit_holds(self) -> None:
        self.write("untracked.txt", "not counted\n")
        outputs = self.whole()
        head = self.git("rev-parse", "HEAD")
        self.assertEqual(self.known["commit"], head)
        self.assertEqual((self.known["files"], self.known["lines"]), ("5", "5"))
        self.assertEqual(self.known["licence"], "sha256:" + hashlib.sha256(b"Do as you like.\n").hexdigest())
        text = self.read("countersign-report.md")
        self.assertIn("| `.py` | 2 | 3 | 18 |", text)
        self.assertIn("`src/b??c.py`", text)
        self.assertNotIn("untracked", text)
        self.assertEqual(outputs["report"], self.sha256("countersign-report.md"))
        self.assertEqual(outputs, self.whole())

    def test_a_repository_without_papers_is_reported_too(self) -> None:
        self.git("rm", "-q", "README.md", "LICENSE")
        self.commit("chore: no papers")
        self.whole()
        self.assertEqual(self.known["readme"], "none")

    def test_totals_of_another_commit_are_refused(self) -> None:
        self.whole()
        self.commit("feat: move on")
        self.assertIn("were counted at", self.fails("inventory-report", **self.known))

    def test_a_file_that_is_no_report_is_not_overwritten(self) -> None:
        self.write("countersign-report.md", "my own notes\n")
        self.whole_fails("is not an older report")
        self.assertEqual(self.read("countersign-report.md"), "my own notes\n")

    def whole_fails(self, why: str) -> None:
        with self.assertRaisesRegex(harness.StepFailed, why):
            self.whole()

    def test_an_empty_commit_is_refused(self) -> None:
        self.git("rm", "-q", "-r", ".")
        self.commit("chore: nothing left")
        self.assertIn("no file", self.fails("inventory"))

    @unittest.skipUnless((harness.ROOT / ".git").exists(), "needs this repository's history")
    def test_it_works_on_this_repository(self) -> None:
        shutil.rmtree(self.repo)
        self.repo.mkdir()
        self.git("clone", "-q", "--no-hardlinks", str(harness.ROOT), ".")
        self.whole()
        self.assertIn("| `.rs` |", self.read("countersign-report.md"))
