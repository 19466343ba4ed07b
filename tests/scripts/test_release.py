"""The scripts of the release family: changelog, version-bump, source-archive."""

from __future__ import annotations

import json
import shutil
import subprocess

import harness

LOG = "%H%x00%s%x00%b%x00"


class Release(harness.Case):
    """A small project with a release behind it."""

    def setUp(self) -> None:
        super().setUp()
        self.once(self.make)

    def make(self) -> None:
        shutil.copytree(harness.PROJECTS / "release", self.repo, dirs_exist_ok=True)
        self.start_repository()
        self.commit("feat: begin")
        self.git("tag", "-a", "v1.0.0", "-m", "Release 1.0.0")
        for commit in json.loads((harness.PROJECTS / "release-commits.json").read_text()):
            self.commit(commit["subject"], commit["body"])

    def changelog(self, version: str = "2.0.0", since: str = "v1.0.0", ok: bool = True) -> str:
        log = self.base / "log"
        log.write_text(self.git("log", "--no-merges", f"--format={LOG}", f"{since}..HEAD"))
        argv = (f"--version={version}", "--file=CHANGELOG.md")
        said = self.script("changelog/changelog.py", "write", "--log", str(log), *argv, ok=ok)
        if ok:
            self.script("changelog/changelog.py", "check", *argv)
        return said

    def bump(self, version: str, file: str = "VERSION", kind: str = "plain", ok: bool = True) -> str:
        argv = (f"--version={version}", f"--file={file}", f"--kind={kind}")
        said = self.script("version-bump/bump.py", "set", *argv, ok=ok)
        if ok:
            self.script("version-bump/bump.py", "check", *argv)
        return said

    def test_changelog_groups_what_happened_since_the_tag(self) -> None:
        outputs = self.values(self.changelog())
        text = self.read("CHANGELOG.md")
        places = [
            text.index(word)
            for word in (
                "## 2.0.0 - 2026-01-01",
                "### Breaking changes",
                "### Features",
                "### Fixes",
                "### Other changes",
                "## 1.0.0",
            )
        ]
        self.assertEqual(places, sorted(places))
        self.assertEqual(outputs["entries"], "7")
        self.assertEqual(outputs["breaking"], "2")
        self.assertIn("- **cli:** add a colour switch (", text)
        self.assertIn("- Quick hack (", text)
        self.assertIn("- import it from \\`app.parse\\` now (", text)
        self.assertIn("close \\<b\\>files\\</b\\> in \\*every\\* case \\[link\\](x)", text)
        self.assertNotIn("feat: begin", text)

    def test_changelog_is_the_same_bytes_each_time(self) -> None:
        before = self.read("CHANGELOG.md")
        self.changelog()
        first = self.read("CHANGELOG.md")
        self.write("CHANGELOG.md", before)
        self.changelog()
        self.assertEqual(first, self.read("CHANGELOG.md"))

    def test_changelog_is_begun_where_there_is_none(self) -> None:
        (self.repo / "CHANGELOG.md").unlink()
        self.changelog()
        self.assertTrue(self.read("CHANGELOG.md").startswith("# Changelog\n\n## 2.0.0 - 2026-01-01\n"))

    def test_changelog_refuses_a_second_section_for_a_version(self) -> None:
        self.assertIn("already has a section", self.changelog(version="1.0.0", ok=False))

    def test_changelog_refuses_a_range_without_commits(self) -> None:
        before = self.read("CHANGELOG.md")
        self.assertIn("no commit in the range", self.changelog(since="HEAD", ok=False))
        self.assertEqual(before, self.read("CHANGELOG.md"))

    def test_changelog_refuses_a_history_without_conventional_commits(self) -> None:
        self.git("tag", "here")
        self.commit("wip")
        self.commit("more wip")
        self.assertIn(
            "none of the 2 commits is a conventional commit", self.changelog(since="here", ok=False)
        )

    def test_changelog_refuses_a_symbolic_link(self) -> None:
        (self.repo / "CHANGELOG.md").rename(self.repo / "other.md")
        (self.repo / "CHANGELOG.md").symlink_to("other.md")
        log = self.base / "log"
        log.write_text(self.git("log", f"--format={LOG}", "v1.0.0..HEAD"))
        err = self.script(
            "changelog/changelog.py", "write", "--log", str(log), "--version=2.0.0", "--file=CHANGELOG.md", ok=False
        )
        self.assertIn("symbolic link", err)

    def test_changelog_refuses_to_guess_the_date(self) -> None:
        log = self.base / "log"
        log.write_text(self.git("log", f"--format={LOG}", "v1.0.0..HEAD"))
        err = self.script(
            "changelog/changelog.py",
            "write",
            "--log",
            str(log),
            "--version=2.0.0",
            "--file=CHANGELOG.md",
            ok=False,
            env={"SOURCE_DATE_EPOCH": ""},
        )
        self.assertIn("SOURCE_DATE_EPOCH", err)

    def test_changelog_check_refuses_a_missing_and_an_empty_section(self) -> None:
        err = self.script("changelog/changelog.py", "check", "--version=2.0.0", "--file=CHANGELOG.md", ok=False)
        self.assertIn("0 sections", err)
        self.write("CHANGELOG.md", "# Changelog\n\n## 2.0.0 - x\n\n## 1.0.0\n")
        err = self.script("changelog/changelog.py", "check", "--version=2.0.0", "--file=CHANGELOG.md", ok=False)
        self.assertIn("no entry", err)

    def test_bump_sets_every_kind_of_file_and_leaves_the_rest(self) -> None:
        cargo, npm = self.read("Cargo.toml"), self.read("package.json")
        self.assertEqual(self.values(self.bump("1.3.0"))["old"], "1.0.0")
        self.assertEqual(
            self.values(self.bump("1.3.0", "Cargo.toml", "cargo"))["old"], "1.2.3"
        )
        self.assertEqual(
            self.values(self.bump("1.3.0", "package.json", "npm"))["new"], "1.3.0"
        )
        self.assertEqual(self.read("VERSION"), "1.3.0\n")
        self.assertEqual(self.read("Cargo.toml"), cargo.replace('"1.2.3" # ours', '"1.3.0" # ours'))
        self.assertEqual(self.read("package.json"), npm.replace('"version" : "1.2.3"', '"version" : "1.3.0"'))

    def test_bump_refuses_to_go_back_or_stand_still(self) -> None:
        for version in ("1.0.0", "0.9.9", "1.0.0-rc.1"):
            self.assertIn("does not come after", self.bump(version, ok=False))
        self.assertEqual(self.read("VERSION"), "1.0.0\n")

    def test_bump_takes_a_release_after_its_own_candidates(self) -> None:
        for version in ("2.0.0-rc.2", "2.0.0-rc.10", "2.0.0"):
            self.bump(version)

    def test_bump_refuses_a_file_without_exactly_one_version(self) -> None:
        self.write("Cargo.toml", "[package]\nversion.workspace = true\n")
        self.assertIn("names 0 versions", self.bump("2.0.0", "Cargo.toml", "cargo", ok=False))
        self.write("package.json", '{"version": "1.0.0", "version": "1.0.1"}')
        self.assertIn("names 2 versions", self.bump("2.0.0", "package.json", "npm", ok=False))
        self.write("package.json", '{"version": ')
        self.assertIn("not JSON", self.bump("2.0.0", "package.json", "npm", ok=False))
        self.write("VERSION", "soon\n")
        self.assertIn("is not a version", self.bump("2.0.0", ok=False))

    def test_bump_check_refuses_another_version(self) -> None:
        err = self.script(
            "version-bump/bump.py", "check", "--version=2.0.0", "--file=VERSION", "--kind=plain", ok=False
        )
        self.assertIn("names 1.0.0, not 2.0.0", err)

    def test_archive_comparison_refuses_other_bytes_and_odd_members(self) -> None:
        subprocess.run(["tar", "-czf", "a.tar.gz", "VERSION"], cwd=self.repo, check=True)
        subprocess.run(["tar", "-czf", "b.tar.gz", "CHANGELOG.md"], cwd=self.repo, check=True)
        err = self.script(
            "source-archive/archive.py", "compare", "--file=a.tar.gz", "--again=b.tar.gz", "--prefix=x/", ok=False
        )
        self.assertIn("is not what the tag packs to", err)
        err = self.script(
            "source-archive/archive.py", "compare", "--file=a.tar.gz", "--again=a.tar.gz", "--prefix=x/", ok=False
        )
        self.assertIn("outside", err)
