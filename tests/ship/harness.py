"""What the tests of image, action and workflows share: the binary, a container daemon of their own, scratch folders."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TRIPLE = "x86_64-unknown-linux-musl"


def binary() -> Path:
    """Return the binary that the other tests use too; build it where it is missing."""
    found = TARGET / "debug" / "countersign"
    subprocess.run(["cargo", "build", "--quiet", "--bin", "countersign"], cwd=ROOT, check=True)
    return found


def static_binary() -> tuple[Path, bool]:
    """Return a static binary, and whether it is that of a release; builds a quick one where that is missing or old."""
    release = TARGET / TRIPLE / "release" / "countersign"
    sources = [ROOT / "Cargo.lock", *ROOT.glob("src/**/*.rs")]
    if release.exists() and release.stat().st_mtime >= max(source.stat().st_mtime for source in sources):
        return release, True
    argv = ["cargo", "build", "--quiet", "--locked", "--bin", "countersign", "--target", TRIPLE]
    subprocess.run(argv, cwd=ROOT, check=True, env={**os.environ, "CARGO_PROFILE_DEV_STRIP": "true"})
    return TARGET / TRIPLE / "debug" / "countersign", False


def has(*programs: str) -> bool:
    """Tell whether all these programs are on this machine."""
    return all(shutil.which(program) for program in programs)


def can_link_static() -> bool:
    """Tell whether the musl target and its compiler are here."""
    root = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True)
    return has("musl-gcc") and (Path(root.stdout.strip()) / "lib" / "rustlib" / TRIPLE).is_dir()


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        """Make the folder."""
        self.base = Path(tempfile.mkdtemp(prefix="ship-")).resolve()
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        """Write a file below the test's folder."""
        target = self.base / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)
        return target

    def run_ok(self, argv: list[str], **options) -> str:
        """Run a program that must succeed; return what it printed."""
        done = self.run_any(argv, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    @staticmethod
    def run_any(argv: list[str], **options) -> subprocess.CompletedProcess:
        """Run a program."""
        argv = [str(part) for part in argv]
        return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)


class Daemon:
    """A container daemon that only these tests use, and that ends with them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ship-docker-"))
        self.socket = self.folder / "docker.sock"
        self.process = None

    @staticmethod
    def missing() -> str:
        """Say why there can be no daemon here; empty where there can."""
        if os.geteuid() != 0:
            return "a container daemon needs root"
        return "" if has("dockerd", "docker") else "there is no dockerd"

    def start(self) -> str:
        """Start it and wait until it answers; return why it does not."""
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile",
                 self.folder / "pid", "--host", f"unix://{self.socket}", "--bridge", "none", "--iptables=false",
                 "--ip6tables=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "DOCKER_HOST": ""},
            )
        deadline = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(self.socket)) == 0:
                    done = subprocess.run(["docker", "info"], env=self.environment(), capture_output=True, check=False)
                    if done.returncode == 0:
                        return ""
            time.sleep(0.05)
        lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
        return "the container daemon does not start: " + (lines[-1] if lines else "it said nothing")

    def environment(self) -> dict[str, str]:
        """Return the variables with which docker speaks to it."""
        return {**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "0"}

    def stop(self) -> None:
        """End it and remove what it kept."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
