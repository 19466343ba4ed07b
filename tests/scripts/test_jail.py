"""The stand-in sandbox holds: else a pipeline that declares too little would pass these tests."""

from __future__ import annotations

import subprocess
import unittest

import harness
import jail


@unittest.skipUnless(jail.available(), "note: Landlock is not there, pipelines run without a sandbox")
class Jail(harness.Case):
    """A process in the sandbox."""

    def inside(self, code: str, ports: list[int]) -> str:
        """Run Python code in the sandbox, with the repository to read and its `out` to write; return what it printed."""
        (self.repo / "out").mkdir(exist_ok=True)
        done = subprocess.run(
            [
                harness.PYTHON,
                "-I",
                "-B",
                "-c",
                f"import os, socket\ntry:\n    {code}\n    print('done')\nexcept OSError as e:\n    print(type(e).__name__)",
            ],
            cwd=self.repo,
            capture_output=True,
            check=False,
            preexec_fn=lambda: jail.enter([str(self.repo)], [str(self.repo / "out")], ports),
        )
        return done.stdout.decode().strip()

    def test_what_is_declared_is_allowed_and_nothing_else(self) -> None:
        self.write("seen.txt", "x")
        (self.base / "hidden.txt").write_text("x")
        for code, said in (
            ("open('seen.txt').read()", "done"),
            ("open('out/new', 'w').write('x'); os.rename('out/new', 'out/old'); os.unlink('out/old')", "done"),
            ("open('seen.txt', 'a')", "PermissionError"),
            ("open('other', 'w')", "PermissionError"),
            (f"open({str(self.base / 'hidden.txt')!r})", "PermissionError"),
            ("open('/etc/hostname')", "PermissionError"),
            ("socket.socket()", "PermissionError"),
            ("socket.socket(socket.AF_UNIX)", "PermissionError"),
        ):
            with self.subTest(code):
                self.assertEqual(self.inside(code, []), said)

    def test_only_the_declared_port_is_reached(self) -> None:
        code = "socket.create_connection(('127.0.0.1', {}), 1)"
        self.assertEqual(self.inside(code.format(9), [9]), "ConnectionRefusedError")
        self.assertEqual(self.inside(code.format(9), [7]), "PermissionError")
