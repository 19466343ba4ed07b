"""What the tests of the pipelines share: scratch repositories, and a small runner of pipelines.

The runner does what the pipeline file says in the way the reference describes, far enough to try the
files that ship. It needs PyYAML and is skipped without it: the real runs are in the Rust tests.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Optional

import jail

try:
    import yaml
except ImportError:
    yaml = None

ROOT = Path(__file__).resolve().parents[2]
PIPELINES = ROOT / "pipelines"
PROJECTS = ROOT / "tests" / "data" / "projects"
EPOCH = "1767225600"  # 2026-01-01T00:00:00Z
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


class StepFailed(Exception):
    """An action ended with a code that does not mean success; the text is what it said on stderr."""


def note(text: str) -> None:
    """Say in the test log that something was left out."""
    print(f"\nnote: {text}", file=sys.stderr)


def find_postgres(name: str) -> Optional[str]:
    """Return a PostgreSQL program itself, not a distribution's wrapper around it."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3].split(".")[0])
    )
    return str(found[-1]) if found else shutil.which(name, path=PATH)


def program(name: str) -> Optional[str]:
    """Return where a program is, as a policy would name it."""
    if name == "python3":
        return PYTHON
    if name in ("psql", "pg_dump"):
        return find_postgres(name)
    return shutil.which(name, path=PATH)


class Case(unittest.TestCase):
    """A test in a folder of its own, with a clean environment."""

    def setUp(self) -> None:
        """Make the folder."""
        self.base = Path(tempfile.mkdtemp(prefix="pipelines-")).resolve()
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.repo = self.base / "repo"
        self.repo.mkdir()
        self.secrets: dict[str, str] = {}
        self.edit: Callable[[str], str] = lambda text: text

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

    def start_repository(self) -> None:
        """Make the repository, on the branch main."""
        self.git("init", "-q", "-b", "main")

    def script(self, name: str, *argv: str, ok: bool = True, env: Optional[dict[str, str]] = None) -> str:
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
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        return err

    def pipeline(self, name: str, /, **given: Any) -> dict[str, str]:
        """Run a pipeline as its file says, in the stand-in sandbox; return its outputs."""
        if yaml is None:
            note("PyYAML is not there: pipelines are not run")
            self.skipTest("needs PyYAML")
        document = yaml.safe_load(self.edit((PIPELINES / f"{name}.yml").read_text(encoding="utf-8")))
        inputs = {}
        for key, spec in document.get("inputs", {}).items():
            value = given.pop(key, spec.get("default"))
            self.assertIsNotNone(value, f"input {key} of {name} is missing")
            inputs[key] = str(value).lower() if isinstance(value, bool) else str(value)
            if "pattern" in spec:
                self.assertRegex(inputs[key], f"^(?:{spec['pattern']})$")
        self.assertEqual(given, {}, "inputs that the pipeline does not know")
        scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.base))

        def fill(text: Any) -> str:
            def value(match: re.Match[str]) -> str:
                kind, key = match[1], match[2]
                if kind == "inputs":
                    return inputs[key]
                self.assertEqual(match[0], text, "scripts and scratch files stand alone")
                return str((PIPELINES / name if kind == "scripts" else scratch) / key)

            return re.sub(r"\{\{ (inputs|scripts|scratch)\.([A-Za-z0-9_.-]+) \}\}", value, str(text))

        out = ""
        for action in document["actions"]:
            said = self.act(action, fill, scratch, name)
            out = said if "run" in action else out
        outputs = {key: self.capture(spec["from"], fill, out) for key, spec in document.get("outputs", {}).items()}
        for key, spec in document.get("outputs", {}).items():
            if "pattern" in spec:
                self.assertRegex(outputs[key], f"^(?:{spec['pattern']})$")
        for key in document.get("evidence", []):
            self.assertTrue(outputs[key], f"evidence {key} is empty")
        for action in document.get("verify", []):
            self.act(action, fill, scratch, name)
        return outputs

    def capture(self, source: Any, fill: Any, out: str) -> str:
        """Return one output."""
        if source == "stdout":
            return out.rstrip("\n")
        if "stdoutLine" in source:
            lines = [
                line[len(source["stdoutLine"]) :] for line in out.splitlines() if line.startswith(source["stdoutLine"])
            ]
            self.assertEqual(len(lines), 1, f"{source} in:\n{out}")
            return lines[0]
        if "fileDigest" in source:
            return self.sha256(fill(source["fileDigest"]))
        return self.read(fill(source["file"])).rstrip("\n")

    def act(self, action: dict[str, Any], fill: Any, scratch: Path, name: str) -> str:
        """Do one action; return what it printed."""
        ((kind, body),) = action.items()
        if kind == "write":
            self.write(fill(body["path"]), fill(body["content"]))
        elif kind == "commit":
            self.git("add", "--", *map(fill, body["paths"]))
            self.git("commit", "-q", "-m", fill(body["message"]), "--", *map(fill, body["paths"]))
        elif kind == "tag":
            self.git("tag", "-a", fill(body["name"]), "-m", fill(body["message"]))
        else:
            return self.run_action(body, fill, scratch, name)
        return ""

    def run_action(self, body: dict[str, Any], fill: Any, scratch: Path, name: str) -> str:
        """Run a program as an action declares it."""
        path = program(body["program"])
        if path is None:
            note(f"{body['program']} is not there: pipeline {name} is not run")
            self.skipTest(f"needs {body['program']}")
        env = self.environment(scratch)
        env.update({key: fill(value) for key, value in body.get("env", {}).items()})
        env.update({key: self.secrets[key] for key in body.get("secrets", [])})
        writes = [self.repo / fill(item) for item in body.get("writes", [])]
        for target in writes:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                target.touch()
        reads = [str(self.repo / fill(item)) for item in body.get("reads", [])] + [str(PIPELINES / name), path]
        ports = [int(fill(item).rsplit(":", 1)[1]) for item in body.get("network", [])]
        places = [str(scratch), env["HOME"], *map(str, writes)]
        lock = (lambda: jail.enter(reads, places, ports)) if jail.available() else None
        done = subprocess.run(
            [path, *map(fill, body["argv"])],
            cwd=self.repo / fill(body.get("cwd", ".")),
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            preexec_fn=lock,
        )
        if done.returncode not in body.get("okCodes", [0]):
            raise StepFailed(
                f"{body['program']} ended with {done.returncode}: {done.stderr.decode()}{done.stdout.decode()}"
            )
        return done.stdout.decode()

    def fails(self, name: str, /, **given: Any) -> str:
        """Run a pipeline that must fail; return why it did."""
        with self.assertRaises(StepFailed) as caught:
            self.pipeline(name, **given)
        self.assertNotIn("Traceback", str(caught.exception))
        return str(caught.exception)
