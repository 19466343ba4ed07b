"""How the action puts the binary on the runner, and what it refuses to put there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from harness import ROOT, Case

BINARY = "#!/bin/sh\necho released\n"
SUM = hashlib.sha256(BINARY.encode()).hexdigest()
IMAGE = "ghcr.io/acme/countersign@sha256:" + "a" * 64
# A docker that notes what it is asked, and hands out a file in the place of the image's binary.
DOCKER = """#!/bin/sh
echo "$* [$(env | sed 's/=.*//' | sort | tr '\\n' ' ')]" >> "$(dirname "$0")/asked"
case "$1" in
  create) echo container ;;
  cp) cat "$(dirname "$0")/in-image" > "$3" ;;
esac
"""
# A cargo that builds what lies beside it, and notes where and with which variables.
CARGO = """#!/bin/sh
echo "$PWD $* [$(env | sed 's/=.*//' | sort | tr '\\n' ' ')]" >> "$(dirname "$0")/asked"
for last; do :; done
mkdir -p "$last/release"
cp "$(dirname "$0")/built" "$last/release/countersign"
"""


class Install(Case):
    """`.github/action/install` by itself."""

    def setUp(self) -> None:
        """Lay the action's own checkout, a workspace and a temporary folder."""
        super().setUp()
        for folder in ("action/.github/action", "workspace", "temporary", "tools", "home"):
            (self.base / folder).mkdir(parents=True)
        shutil.copy(ROOT / ".github/action/install", self.base / "action/.github/action/install")
        self.output = self.write("output", "")

    def release(self, text: str) -> None:
        """Make the action one of a release."""
        self.write("action/.github/action/release", text)

    def install(self, temporary: str = "temporary", **more: str) -> subprocess.CompletedProcess:
        """Install, as a step of a job does."""
        env = {
            "PATH": f"{self.base / 'tools'}:/usr/bin:/bin",
            "HOME": str(self.base / "home"),
            "RUNNER_TEMP": str(self.base / temporary),
            "GITHUB_WORKSPACE": str(self.base / "workspace"),
            "GITHUB_OUTPUT": str(self.output),
            "COUNTERSIGN_SIGNING_KEY": "a secret of the step",
            **more,
        }
        return self.run_any([self.base / "action/.github/action/install"], env=env, cwd=self.base / "workspace")

    def installed(self) -> Path:
        """Return the binary that the output names."""
        line = self.output.read_text()
        self.assertRegex(line, r"^path=/[^\n]+\n$")
        return Path(line.removeprefix("path=").strip())

    def refused(self, why: str, **more: str) -> None:
        """Expect a refusal that leaves nothing behind."""
        done = self.install(**more)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"::error title=countersign::{why}", done.stdout)
        self.assertEqual(self.output.read_text(), "")
        left = [path.name for path in (self.base / "temporary").iterdir() if path.name != "countersign-build"]
        self.assertEqual(left, [])

    def tool(self, name: str, text: str) -> None:
        """Put a program on PATH."""
        self.write(f"tools/{name}", text, 0o755)

    def test_a_release_takes_the_binary_out_of_the_image_of_that_digest(self) -> None:
        """Into a folder of its own outside the workspace, for nobody else to write; the step's secrets go nowhere."""
        self.release(f"image={IMAGE}\nbinary=sha256:{SUM}\n")
        self.tool("docker", DOCKER)
        self.write("tools/in-image", BINARY)
        done = self.install()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        binary = self.installed()
        self.assertEqual(binary.read_text(), BINARY)
        self.assertEqual(binary.parent.parent, self.base / "temporary")
        self.assertEqual((binary.stat().st_mode & 0o777, binary.parent.stat().st_mode & 0o777), (0o500, 0o700))
        asked = (self.base / "tools/asked").read_text()
        self.assertIn(f"pull --quiet {IMAGE} ", asked)
        self.assertNotIn("SIGNING_KEY", asked)

    def test_another_checksum_than_the_release_names_is_refused(self) -> None:
        """Whoever serves the image."""
        self.release(f"image={IMAGE}\nbinary=sha256:{SUM}\n")
        self.tool("docker", DOCKER)
        self.write("tools/in-image", BINARY + "echo more\n")
        self.refused("the binary does not have the checksum of the release")

    def test_a_binary_on_the_path_is_taken_only_with_the_checksum(self) -> None:
        """A cache, or an earlier step, may have put anything there."""
        self.release(f"image={IMAGE}\nbinary=sha256:{SUM}\n")
        self.tool("countersign", BINARY + "echo more\n")
        self.tool("docker", "#!/bin/sh\nexit 1\n")
        self.refused("the image cannot be pulled")
        self.tool("countersign", BINARY)
        self.assertEqual(self.install().returncode, 0)
        self.assertEqual(self.installed().read_text(), BINARY)

    def test_a_release_that_pins_nothing_is_refused(self) -> None:
        """A tag, half a digest, no checksum, more lines."""
        self.tool("docker", DOCKER)
        self.write("tools/in-image", BINARY)
        for image in ("ghcr.io/acme/countersign:latest", "ghcr.io/acme/countersign", IMAGE[:-1], "--x@sha256:" + "a" * 64 + " y"):
            self.release(f"image={image}\nbinary=sha256:{SUM}\n")
            self.refused("the release names no image by digest")
        for checksum in ("", SUM[:-1], SUM.upper(), SUM + " x"):
            self.release(f"image={IMAGE}\nbinary=sha256:{checksum}\n")
            self.refused("the release names no checksum")
        self.release(f"image={IMAGE}\nbinary=sha256:{SUM}\nmore\n")
        self.refused("the release names no image by digest")
        self.assertFalse((self.base / "tools/asked").exists(), "nothing was fetched")

    def test_a_branch_builds_its_own_sources_outside_the_workspace(self) -> None:
        """Locked, of the action's own checkout and not of the workspace, without the step's secrets."""
        self.tool("cargo", CARGO)
        self.write("tools/built", BINARY)
        done = self.install()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.installed().read_text(), BINARY)
        asked = (self.base / "tools/asked").read_text()
        self.assertTrue(asked.startswith(f"{self.base / 'action'} build --release --locked"), asked)
        self.assertIn(f"--target-dir {self.base / 'temporary'}/", asked)
        self.assertNotIn("SIGNING_KEY", asked)

    def test_a_build_that_fails_and_a_missing_tool_are_refused(self) -> None:
        """With a word of what is missing."""
        self.tool("cargo", "#!/bin/sh\nexit 101\n")
        self.refused("the action cannot be built from its sources")
        (self.base / "tools/cargo").unlink()
        if not shutil.which("cargo", path="/usr/bin:/bin"):
            self.refused("the action was taken from a branch, and there is no cargo to build it with")

    def test_nothing_is_installed_into_the_workspace(self) -> None:
        """Where steps, and who writes the repository, could put another in its place."""
        (self.base / "workspace/temporary").mkdir()
        os.symlink(self.base / "workspace/temporary", self.base / "link")
        for temporary in ("workspace", "workspace/temporary", "link"):
            self.refused("the temporary folder of the runner lies in the workspace", temporary=temporary)


class Release(Case):
    """The scripts by which a release is named."""

    def test_the_commits_of_a_release_pin_the_action_and_change_nothing_else(self) -> None:
        """Two commits and a tag, in a copy of the checkout."""
        copy = self.base / "copy"
        files = self.run_ok(["git", "ls-files", "--cached", ".ci", ".github", "action.yml", "Cargo.toml"], cwd=ROOT).split()
        for name in files:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
        env = {**os.environ, "HOME": str(self.base), "GIT_CONFIG_NOSYSTEM": "1"}
        for role in ("AUTHOR", "COMMITTER"):
            env.update({f"GIT_{role}_NAME": "Pat", f"GIT_{role}_EMAIL": "pat@example.org"})

        def git(*argv: str) -> str:
            return self.run_ok(["git", *argv], cwd=copy, env=env).strip()

        git("init", "--quiet", "--initial-branch", "main")
        git("add", "--all")
        git("commit", "--quiet", "--message", "Begin")
        release = self.write("release", f"image={IMAGE}\nbinary=sha256:{SUM}\n")
        self.run_ok([copy / ".ci/action-commit", "1.2.3", release], env=env)
        first, second = git("rev-parse", "HEAD~1"), git("rev-parse", "action-v1.2.3^{commit}")
        self.assertEqual(second, git("rev-parse", "HEAD"))
        self.assertEqual(git("diff", "--name-only", "HEAD~2", "HEAD~1"), ".github/action/release")
        changed = git("diff", "--unified=0", "HEAD~1", "HEAD")
        lines = [line for line in changed.splitlines() if line.startswith("+") and not line.startswith("+++")]
        self.assertTrue(lines)
        self.assertTrue(all(line.strip("+ -").split(" #")[0] == f"uses: countersign/countersign@{first}" for line in lines), lines)
        (copy / "action.yml").write_text("changed")
        self.assertNotEqual(self.run_any([copy / ".ci/action-commit", "1.2.4", release], env=env).returncode, 0)

    def test_a_malformed_release_has_no_digests(self) -> None:
        """Nothing is printed that a workflow could take for an output."""
        good = self.write("good", f"image={IMAGE}\nbinary=sha256:{SUM}\n")
        said = self.run_ok([ROOT / ".ci/digests", good, "1.2.3"])
        self.assertIn(f"image-digest=sha256:{'a' * 64}\n", said)
        for text in ("", f"image={IMAGE}\n", f"image={IMAGE}x\nbinary=sha256:{SUM}\n", f"image={IMAGE}\nbinary={SUM}\n"):
            done = self.run_any([ROOT / ".ci/digests", self.write("bad", text), "1.2.3"])
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stdout, "")
