"""The script of the collection of artifacts, in cases that would be slow to reach through the tool."""

from __future__ import annotations

import json
import os

import harness


class Collect(harness.Case):
    """A folder with files to collect."""

    def setUp(self) -> None:
        super().setUp()
        self.write("build/a.json", "{}\n")
        self.write("build/deep/b.json", "[]\n")
        self.write("build/c.md", "# C\n")

    def run_script(self, mode: str, ok: bool = True, **more: str) -> str:
        known = {"folder": "build", "categories": "data=**/*.json;docs=**", "exclude": "**/.git/**", "flat": "false"}
        known.update({"min": "1", "max": "100", "into": "artifacts"}, **more)
        argv = [f"--{name}={value}" for name, value in known.items()]
        return self.script("collect-artifacts/collect.py", mode, *argv, ok=ok)

    def refused(self, wanted: str, mode: str = "collect", **more: str) -> None:
        self.assertIn(wanted, self.run_script(mode, ok=False, **more))
        if mode == "collect":
            self.assertFalse((self.repo / "artifacts").exists(), "nothing is left")

    def test_a_file_belongs_to_the_first_category_that_takes_it(self) -> None:
        told = self.values(self.run_script("collect"))
        self.assertEqual(told["files"], "3")
        rows = json.loads(self.read("artifacts/manifest.json"))["files"]
        self.assertEqual([row["path"] for row in rows], ["data/a.json", "data/deep/b.json", "docs/c.md"])
        self.run_script("check")

    def test_whatever_was_touched_since_is_found(self) -> None:
        self.run_script("collect")
        kept = self.read("artifacts/docs/c.md")
        self.write("artifacts/docs/c.md", "# D\n")
        self.refused("artifacts/docs/c.md has the digest", "check")
        self.write("artifacts/docs/c.md", kept)
        self.write("artifacts/docs/more.md", "")
        self.refused("artifacts/docs/more.md is in no manifest", "check")
        (self.repo / "artifacts/docs/more.md").unlink()
        (self.repo / "artifacts/docs/c.md").unlink()
        (self.repo / "artifacts/docs/c.md").symlink_to("../../build/c.md")
        self.run_script("check", ok=False)
        (self.repo / "artifacts/docs/c.md").unlink()
        self.write("artifacts/docs/c.md", kept)
        self.run_script("check")
        self.write("build/c.md", "# Another\n")
        self.refused("does not name what build holds", "check")
        self.write("build/c.md", kept)
        for text in ("[]", "{}", "", '{"version": 1, "folder": "build", "files": []}'):
            self.write("artifacts/manifest.json", text)
            self.run_script("check", ok=False)

    def test_places_that_differ_in_case_or_need_a_file_and_a_folder_are_refused(self) -> None:
        self.write("build/A.json", "1\n")
        self.refused("would both be")
        (self.repo / "build/A.json").unlink()
        self.write("build/DEEP", "x\n")
        self.refused("needs a folder", categories="data=**")

    def test_two_categories_do_not_meet_in_one_place(self) -> None:
        self.write("build/deep/a.json", "2\n")
        self.refused("would both be data/deep/a.json", categories="data/deep=a.json;data=deep/**")

    def test_links_pipes_and_other_names_of_a_file_are_refused(self) -> None:
        link = self.repo / "build/l.json"
        link.symlink_to("a.json")
        self.refused("build/l.json is a symbolic link")
        link.unlink()
        os.link(self.repo / "build/a.json", link)
        self.refused("has 2 names")
        link.unlink()
        os.mkfifo(link)
        self.refused("is not a regular file")
        link.unlink()
        (self.repo / "build/line\nbreak.json").write_text("")
        self.refused("is not a plain name")
        (self.repo / "build/line\nbreak.json").unlink()
        (self.repo / "build/way").symlink_to("deep")
        self.refused("build/way is a symbolic link", folder="build/way")
        (self.repo / "elsewhere").mkdir()
        (self.repo / "out").symlink_to("elsewhere")
        self.refused("out is a symbolic link", into="out/put")

    def test_what_went_before_a_failure_is_taken_away_again(self) -> None:
        os.mkfifo(self.repo / "build/z.json")
        self.refused("is not a regular file")
        # The empty manifest that a step begins with stays, and is no left-over.
        (self.repo / "build/z.json").unlink()
        self.write("artifacts/manifest.json", "")
        self.run_script("collect")
        self.assertIn("is there already", self.run_script("collect", ok=False))
