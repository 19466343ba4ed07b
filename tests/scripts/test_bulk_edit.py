"""The scripts of the bulk-edit family: an expression or a patch, then the verifying ones."""

from __future__ import annotations

import json
import os
import shutil

import harness


class BulkEdit(harness.Case):
    """The sample shop, in git."""

    def setUp(self) -> None:
        super().setUp()
        self.once(self.make)

    def make(self) -> None:
        shutil.copytree(harness.PROJECTS / "bulk-edit", self.repo, dirs_exist_ok=True)
        self.start_repository()
        self.commit("feat: begin")

    def edit(self, ok: bool = True, **more: object) -> str:
        given = {
            "folder": "src",
            "include": "**/*.py",
            "exclude": "**/.git/**",
            "pattern": r"\bget_(total|tax)\b",
            "replacement": r"compute_\1",
            "min": 1,
            "max": 7,
            "report": "bulk-edit-report.json",
            **more,
        }
        said = self.script("bulk-edit-regex/edit.py", "edit", *(f"--{k}={v}" for k, v in given.items()), ok=ok)
        if ok:
            self.script("bulk-edit-regex/edit.py", "check", "--folder=src", "--report=bulk-edit-report.json")
        return said

    def syntax(self, folder: str = "src", ok: bool = True) -> str:
        return self.script("verify-python-syntax/syntax.py", f"--folder={folder}", ok=ok)

    def suite(self, folder: str = "tests", ok: bool = True) -> str:
        return self.script("verify-python-tests/run_tests.py", f"--folder={folder}", ok=ok, lines=20)

    def take(self, ok: bool = True, **more: object) -> str:
        given = {
            "folder": "src",
            "patch": "rename.patch",
            "digest": self.sha256("rename.patch"),
            "min": 1,
            "max": 2,
            "report": "bulk-edit-report.json",
            "copy": self.base / "checked.patch",
            "before": self.base / "before.json",
            **more,
        }
        return self.script("bulk-edit-patch/patch.py", "take", *(f"--{k}={v}" for k, v in given.items()), ok=ok)

    def unchanged(self) -> None:
        """Check that nothing but the empty report was left."""
        self.assertIn(self.git("status", "--short"), ("", "?? bulk-edit-report.json"))

    def test_an_expression_edits_every_file_and_the_tests_still_pass(self) -> None:
        (self.repo / "src/shop/bill.py").chmod(0o755)
        outputs = self.values(self.edit())
        self.assertEqual((outputs["files"], outputs["matches"]), ("2", "7"))
        self.assertIn("from shop.price import compute_tax, compute_total", self.read("src/shop/bill.py"))
        self.assertEqual((self.repo / "src/shop/bill.py").stat().st_mode & 0o777, 0o755)
        rows = json.loads(self.read("bulk-edit-report.json"))["files"]
        self.assertEqual([row["path"] for row in rows], ["src/shop/bill.py", "src/shop/price.py"])
        self.assertEqual(rows[0]["after"], self.sha256("src/shop/bill.py"))
        self.assertEqual(self.values(self.syntax()), {"checked": "3"})
        self.assertEqual(self.values(self.suite())["tests"], "1")
        self.assertEqual([p for p in self.repo.rglob("__pycache__")] + list(self.repo.rglob(".bulk-edit-*")), [])

    def test_an_edit_that_breaks_the_code_is_found_by_the_verifying_pipelines(self) -> None:
        self.edit(pattern="def get_tax", replacement="def tax", max=1)
        os.unlink(self.repo / "bulk-edit-report.json")
        self.edit(pattern="def tax", replacement="def def", max=1)
        self.assertIn("price.py", self.syntax(ok=False))

    def test_a_folder_without_tests_does_not_count_as_tested(self) -> None:
        self.assertIn("no test ran in src", self.suite("src", ok=False))
        self.assertIn("is not a folder", self.suite("nowhere", ok=False))
        self.assertIn("no Python file", self.syntax(".git", ok=False))

    def test_zero_and_too_many_matches_change_nothing(self) -> None:
        self.assertIn(
            "0 matches in 0 of 3 files, expected 1 to 7",
            self.edit(pattern="(nowhere)", ok=False),
        )
        self.assertIn(
            "7 matches in 2 of 3 files, expected 1 to 6", self.edit(max=6, ok=False)
        )
        self.assertIn("expected 8 to 9", self.edit(min=8, max=9, ok=False))
        self.unchanged()

    def test_globs_choose_the_files(self) -> None:
        outputs = self.values(self.edit(include="shop/[a-c]*.py", min=4, max=4))
        self.assertEqual(outputs["files"], "1")
        os.unlink(self.repo / "bulk-edit-report.json")
        outputs = self.values(self.edit(exclude="**/bill.py"))
        self.assertEqual(outputs["files"], "1")
        os.unlink(self.repo / "bulk-edit-report.json")
        self.assertIn("names no file", self.edit(include="*.py", ok=False))

    def test_a_symbolic_link_is_never_followed(self) -> None:
        outside = self.base / "outside.py"
        outside.write_text("get_total\n")
        (self.repo / "src/shop/link.py").symlink_to(outside)
        self.assertIn("link.py is a symbolic link", self.edit(max=99, ok=False))
        self.edit(exclude="**/link.py")
        self.assertEqual(outside.read_text(), "get_total\n")

    def test_a_folder_behind_a_link_and_a_second_name_are_refused_or_passed_by(self) -> None:
        outside = self.base / "outside"
        outside.mkdir()
        (outside / "x.py").write_text("get_total\n")
        (self.repo / "src/far").symlink_to(outside)
        self.edit()
        self.assertEqual((outside / "x.py").read_text(), "get_total\n")
        os.unlink(self.repo / "bulk-edit-report.json")
        os.link(self.repo / "src/shop/price.py", self.base / "twin.py")
        self.assertIn("2 names", self.edit(pattern="compute_", replacement="get_", ok=False))

    def test_what_is_not_text_or_not_an_expression_is_refused(self) -> None:
        (self.repo / "src/shop/latin.py").write_bytes(b"# caf\xe9\n")
        self.assertIn("not UTF-8", self.edit(ok=False))
        os.unlink(self.repo / "src/shop/latin.py")
        self.assertIn("not a regular expression", self.edit(pattern="(", ok=False))
        self.assertIn("does not fit the expression", self.edit(replacement=r"\9", ok=False))
        self.assertIn("changes nothing", self.edit(replacement=r"get_\1", ok=False))
        self.unchanged()

    def test_an_older_report_is_not_overwritten(self) -> None:
        self.write("bulk-edit-report.json", "{}")
        self.assertIn("is there already", self.edit(ok=False))

    def test_the_check_finds_a_file_that_was_touched_afterwards(self) -> None:
        self.edit()
        self.write("src/shop/bill.py", "# other\n")
        err = self.script(
            "bulk-edit-regex/edit.py", "check", "--folder=src", "--report=bulk-edit-report.json", ok=False
        )
        self.assertIn("the edit left", err)

    def test_a_patch_may_only_change_what_is_there_below_its_folder(self) -> None:
        text = self.read("rename.patch")
        one = "--- a/src/shop/bill.py\n+++ b/src/shop/bill.py\n@@ -1 +1 @@\n-x\n+y\n"
        for why, patch in (
            ("not below src", text.replace("src/shop/bill.py", "tests/test_bill.py")),
            ("not below src", one.replace("src/shop/bill.py", "src/../tests/test_bill.py")),
            ("not below src", one.replace("src/shop/bill.py", "src/.git/config")),
            ("more than change text", "diff --git a/src/x b/src/x\nnew file mode 100644\n" + one),
            ("more than change text", "diff --git a/src/x b/src/x\ndeleted file mode 100644\n" + one),
            ("more than change text", "diff --git a/src/x b/src/x\nold mode 100644\nnew mode 100755\n"),
            (
                "more than change text",
                "diff --git a/src/x b/src/y\nsimilarity index 100%\nrename from src/x\nrename to src/y\n",
            ),
            ("more than change text", "diff --git a/src/x b/src/x\nGIT binary patch\nliteral 0\n"),
            ("plain path", one.replace("a/src/shop/bill.py", "/dev/null")),
            ("plain path", one.replace("a/src/shop/bill.py", '"a/src/shop/bill.py"')),
            ("renames", one.replace("b/src/shop/bill.py", "b/src/shop/price.py")),
            ("twice", one + one),
            ("ends early", one[:-3]),
            ("changes nothing", "--- a/src/shop/bill.py\n+++ b/src/shop/bill.py\n"),
            ("no file was named", "@@ -1 +1 @@\n-x\n+y\n"),
            ("changes 0 files", "nothing\n"),
        ):
            with self.subTest(why=why, patch=patch):
                self.write("rename.patch", patch)
                self.assertIn(why, self.take(ok=False))
                self.assertEqual(self.git("status", "--short", "src", "tests"), "")

    def test_a_patch_of_too_many_files_or_through_a_link_is_refused(self) -> None:
        self.assertIn("changes 2 files, expected 1 to 1", self.take(max=1, ok=False))
        (self.repo / "src/shop").rename(self.base / "shop")
        (self.repo / "src/shop").symlink_to(self.base / "shop")
        self.assertIn("is a symbolic link", self.take(ok=False))
