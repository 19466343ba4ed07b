"""A throw-away PostgreSQL server on a free port, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Optional

import harness

PASSWORD = "s3cret: pass/word"


def account() -> Optional[pwd.struct_passwd]:
    """Return whom the server runs as: nobody else than us, unless we are root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise skip("there is no account to run PostgreSQL as")


def skip(why: str) -> Exception:
    """Return what skips a test, after a note."""
    harness.note(why)
    return unittest.SkipTest(why)


class Server:
    """A running server; `stop` ends it and removes its folder."""

    def __init__(self) -> None:
        """Start it, or skip where there is no PostgreSQL."""
        self.programs = {name: harness.find_postgres(name) for name in ("initdb", "pg_ctl", "psql", "pg_dump")}
        missing = [name for name, path in self.programs.items() if path is None]
        if missing:
            raise skip(f"PostgreSQL is not tried: no {', '.join(missing)}")
        self.who = account()
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        if self.who:
            os.chown(self.folder, self.who.pw_uid, self.who.pw_gid)
        (self.folder / "password").write_text(PASSWORD)
        os.chmod(self.folder / "password", 0o644)
        data = str(self.folder / "data")
        self.run(
            "initdb",
            "-D",
            data,
            "-U",
            "owner",
            "--auth=scram-sha-256",
            f"--pwfile={self.folder}/password",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        )
        # A port that was free a moment ago may be taken now, so try a few.
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
            try:
                self.run("pg_ctl", "-D", data, "-l", str(self.folder / "log"), "-w", "-t", "60", "-o", options, "start")
                return
            except RuntimeError as error:
                failure = error
        self.stop()
        raise failure

    def run(self, name: str, *argv: str) -> str:
        """Run one of the server's programs as its account."""
        who = {"user": self.who.pw_uid, "group": self.who.pw_gid, "extra_groups": []} if self.who else {}
        env = {"PATH": harness.PATH, "LC_ALL": "C.UTF-8", "HOME": str(self.folder), "PGPASSWORD": PASSWORD}
        with tempfile.TemporaryFile() as log:
            # A file, not a pipe: the server keeps it open.
            done = subprocess.run(
                [str(self.programs[name]), *argv],
                env=env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                **who,
            )
            log.seek(0)
            said = log.read().decode()
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {said}")
        return said

    def sql(self, database: str, text: str) -> str:
        """Run SQL as the owner; return what it printed."""
        return self.run(
            "psql",
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "owner",
            "-d",
            database,
            "-c",
            text,
        ).strip()

    def stop(self) -> None:
        """End it and remove its folder."""
        try:
            self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")
        except RuntimeError as error:
            harness.note(str(error))
        shutil.rmtree(self.folder, ignore_errors=True)
