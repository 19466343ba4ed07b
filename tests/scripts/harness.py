"""What the tests of the pipelines' scripts share: scratch repositories, and how a step calls a script.

The scripts are tried by themselves here, in cases that would be slow to reach through the tool. The
pipelines as a whole run in `tests/integration`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Callable, Optional

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
PROJECTS = ROOT / "tests" / "data" / "projects"
EPOCH = "1767225600"  # 2026-01-01T00:00:00Z
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


class Case(unittest.TestCase):
    """A test in a folder of its own, with a clean environment."""

    template: Path

    def setUp(self) -> None:
        """Make the folder."""
        self.base = Path(tempfile.mkdtemp(prefix="pipelines-")).resolve()
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.repo = self.base / "repo"
        self.repo.mkdir()

    def environment(self, scratch: Path) -> dict[str, str]:
        """Return the fixed environment of a step."""
        home = self.base / "home"
        home.mkdir(exist_ok=True)
        return {
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(home),
            "TMPDIR": str(scratch),
            "PATH": PATH,
            "SOURCE_DATE_EPOCH": EPOCH,
        }

    def write(self, path: str, text: str) -> Path:
        """Write a file in the repository."""
        target = self.repo / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def read(self, path: str) -> str:
        """Read a file of the repository."""
        return (self.repo / path).read_text(encoding="utf-8")

    def sha256(self, path: str) -> str:
        """Return the digest of a file of the repository."""
        return "sha256:" + hashlib.sha256((self.repo / path).read_bytes()).hexdigest()

    def git(self, *argv: str) -> str:
        """Run git in the repository, with a fixed person and clock."""
        scratch = self.base / "git"
        scratch.mkdir(exist_ok=True)
        env = self.environment(scratch)
        for role in ("AUTHOR", "COMMITTER"):
            env.update(
                {
                    f"GIT_{role}_NAME": "Pat",
                    f"GIT_{role}_EMAIL": "pat@example.org",
                    f"GIT_{role}_DATE": f"{EPOCH} +0000",
                }
            )
        env.update({"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"})
        done = subprocess.run(
            ["git", *argv], cwd=self.repo, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode().strip()

    def commit(self, subject: str, body: str = "") -> None:
        """Make a commit of everything in the repository."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject, *(["-m", body] if body else []))

    def once(self, make: Callable[[], None]) -> None:
        """Make the repository in the first test of a class, and copy it in the others."""
        kind = type(self)
        if "template" in kind.__dict__:
            shutil.copytree(kind.template, self.repo, symlinks=True, dirs_exist_ok=True)
            return
        make()
        folder = Path(tempfile.mkdtemp(prefix="template-"))
        kind.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        shutil.copytree(self.repo, folder / "repo", symlinks=True)
        kind.template = folder / "repo"

    def start_repository(self) -> None:
        """Make the repository, on the branch main."""
        self.git("init", "-q", "-b", "main")

    def script(
        self, name: str, *argv: str, ok: bool = True, lines: int = 1, env: Optional[dict[str, str]] = None
    ) -> str:
        """Run a pipeline's script in the repository; return stdout, or stderr where it is to fail."""
        scratch = self.base / "scratch"
        scratch.mkdir(exist_ok=True)
        done = subprocess.run(
            [PYTHON, "-I", "-B", str(PIPELINES / name), *argv],
            cwd=self.repo,
            env={**self.environment(scratch), **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        if ok:
            self.assertEqual(done.returncode, 0, err)
            return out
        self.assertNotEqual(done.returncode, 0, out)
        self.assertNotIn("Traceback", err)
        self.assertLessEqual(len(err.strip().splitlines()), lines, err)
        return err

    def values(self, said: str) -> dict[str, str]:
        """Return the `name=value` lines of what a script printed."""
        return dict(line.split("=", 1) for line in said.splitlines() if "=" in line and ": " not in line)
