"""Migrate a PostgreSQL database by ordered SQL files; psql and pg_dump do the talking.

`service` turns the secret DATABASE_URL into a libpq service file, so that no password is ever in an
argument list. `plan` compares the files with what has been applied and writes one SQL script that
applies the rest. `report` and `check` read back what psql found afterwards.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import sys
import urllib.parse
from typing import NamedTuple

OPTIONS = ("sslmode", "sslrootcert", "connect_timeout", "target_session_attrs", "channel_binding")


class Refused(Exception):
    """The migration cannot be done, or the database is not what it should be."""


class Migration(NamedTuple):
    """One SQL file."""

    version: str
    name: str
    sha256: str
    sql: str


# --- the same in both migrate pipelines ---


def load_files(folder: str) -> list[Migration]:
    """Return the migrations of a folder in order; a gap, a double or an odd name is refused."""
    found: list[Migration] = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if not name.endswith(".sql"):
            continue
        match = re.fullmatch(r"(\d{4})_([A-Za-z0-9_-]+)\.sql", name)
        if match is None:
            raise Refused(f"{path} is not named NNNN_name.sql")
        if os.path.islink(path) or not os.path.isfile(path):
            raise Refused(f"{path} is not a regular file")
        with open(path, "rb") as file:
            data = file.read()
        try:
            sql = data.decode("utf-8")
        except UnicodeDecodeError:
            raise Refused(f"{path} is not UTF-8") from None
        if "\0" in sql or not sql.strip():
            raise Refused(f"{path} is empty or holds a NUL byte")
        found.append(Migration(match[1], match[2], hashlib.sha256(data).hexdigest(), sql))
    for at, migration in enumerate(found, start=1):
        if migration.version != f"{at:04}":
            raise Refused(f"{folder} has {migration.version} where {at:04} should be: a gap or a double")
    if not found:
        raise Refused(f"{folder} has no NNNN_name.sql file")
    return found


def pending(files: list[Migration], applied: list[tuple[str, str, str]], target: str) -> list[Migration]:
    """Return what is left to apply up to the target; a history that differs from the files is refused."""
    if target not in {file.version for file in files}:
        raise Refused(f"there is no migration {target}; the newest is {files[-1].version}")
    for at, (version, name, sha256) in enumerate(applied):
        if at >= len(files) or files[at].version != version:
            raise Refused(f"the database has {version}_{name} applied, which is out of order or has no file")
        if files[at].sha256 != sha256:
            raise Refused(f"{version}_{name}.sql has changed since it was applied: was {sha256}, is {files[at].sha256}")
        if files[at].name != name:
            raise Refused(f"{version}_{files[at].name}.sql was applied under the name {name}")
    if applied and applied[-1][0] > target:
        raise Refused(f"the database is at {applied[-1][0]} already, past {target}; there is no way back")
    return [file for file in files[len(applied) :] if file.version <= target]


# --- end of what is the same ---


def write_service(path: str) -> None:
    """Write the service file that psql and pg_dump connect by, for their eyes only."""
    text = os.environ.get("DATABASE_URL", "")
    if not text:
        raise Refused("the secret DATABASE_URL is not set")
    # No message may quote the address: it holds the password.
    try:
        url = urllib.parse.urlsplit(text)
        query = urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query))
        values = {
            "host": url.hostname or "",
            "port": str(url.port or 5432),
            "dbname": urllib.parse.unquote(url.path[1:], errors="strict"),
            "user": urllib.parse.unquote(url.username or "", errors="strict"),
            "password": urllib.parse.unquote(url.password or "", errors="strict"),
        }
    except ValueError:
        raise Refused("DATABASE_URL is not an address like postgresql://user:password@host:5432/name") from None
    if url.scheme not in ("postgres", "postgresql") or not all(values[key] for key in ("host", "dbname", "user")):
        raise Refused("DATABASE_URL lacks the scheme postgresql, the host, the user or the database")
    for key, value in query:
        if key not in OPTIONS:
            raise Refused(f"DATABASE_URL has the option `{key[:40]}`; known are {', '.join(OPTIONS)}")
        values[key] = value
    values.setdefault("connect_timeout", "10")
    values.update(gssencmode="disable", application_name="countersign")
    for key, value in values.items():
        if not value.isprintable() or value != value.strip():
            raise Refused(f"the {key} in DATABASE_URL has a control character, or a space at an end")
    lines = ["[countersign]"] + [f"{key}={value}" for key, value in values.items() if value]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read_applied(path: str) -> list[tuple[str, str, str]]:
    """Return what psql printed of schema_migrations."""
    found: list[tuple[str, str, str]] = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            match = re.fullmatch(r"(\d{4})\|([A-Za-z0-9_-]+)\|([0-9a-f]{64})", line)
            if match is None:
                raise Refused(f"schema_migrations holds a row of another form: `{line[:100]}`")
            found.append((match[1], match[2], match[3]))
    return found


def quoted(text: str, salt: str) -> str:
    """Return text in dollar quotes that cannot end early; psql looks for no command inside them."""
    tag = f"$cs_{hashlib.sha256((salt + text).encode()).hexdigest()[:32]}$"
    if tag in text:
        raise Refused("a migration holds its own quoting tag")
    return f"{tag}\n{text}\n{tag}"


def script(files: list[Migration], done: int, todo: list[Migration], moment: str) -> str:
    """Return the SQL that applies the pending migrations; psql runs it in a single transaction.

    Each file is one dynamic statement, in which PostgreSQL refuses transaction control.
    """
    known = ",".join(f"{file.version}={file.sha256}" for file in files[:done])
    expected = (
        "IF (SELECT coalesce(string_agg(version || '=' || sha256, ',' ORDER BY version), '') FROM schema_migrations) "
        f"<> '{known}' THEN RAISE EXCEPTION 'somebody else migrated the database at the same time, "
        "or a migration wrote to schema_migrations'; END IF;"
    )
    parts = [
        "SET LOCAL client_min_messages = warning;",
        "DO $$ BEGIN PERFORM pg_advisory_xact_lock(7308895133773853555); END $$;",
        "CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY, name text NOT NULL, "
        "sha256 text NOT NULL, applied_at text NOT NULL);",
        f"DO $$ BEGIN {expected} END $$;",
    ]
    for file in todo:
        label = f"{file.version}_{file.name}.sql"
        body = (
            f"BEGIN EXECUTE {quoted(file.sql, 'inner')}; EXCEPTION WHEN OTHERS THEN "
            f"RAISE EXCEPTION '{label}: %; everything was rolled back', SQLERRM USING ERRCODE = SQLSTATE; END"
        )
        parts.append(f"DO {quoted(body, 'outer')};")
    parts.append(f"DO $$ BEGIN {expected} END $$;")
    for file in todo:
        parts.append(
            f"INSERT INTO schema_migrations VALUES ('{file.version}', '{file.name}', '{file.sha256}', '{moment}');"
        )
    return "\n".join(parts) + "\n"


def plan(args: argparse.Namespace) -> None:
    """Write the SQL script for what is pending."""
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
    moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    files, applied = load_files(args.migrations), read_applied(args.applied)
    todo = pending(files, applied, args.target)
    if os.path.islink(args.backup) or (os.path.exists(args.backup) and os.path.getsize(args.backup) > 0):
        raise Refused(f"the backup {args.backup} is there already; name another file")
    with open(args.sql, "w", encoding="utf-8", newline="") as file:
        file.write(script(files, len(applied), todo, moment))
    for migration in todo:
        print(f"migration: {migration.version}_{migration.name} sha256:{migration.sha256}")


def report(args: argparse.Namespace) -> None:
    """Print what was done, from what psql read before and after."""
    before, after = read_applied(args.before), read_applied(args.applied)
    with open(args.backup, "rb") as file:
        head = file.read(5)
    if head != b"PGDMP":
        raise Refused(f"{args.backup} is not an archive of pg_dump")
    print(f"applied={len(after) - len(before)}")
    print(f"version={after[-1][0] if after else '0000'}")


def check(args: argparse.Namespace) -> None:
    """Refuse unless the database is at exactly the target, by exactly these files."""
    applied = read_applied(args.applied)
    left = pending(load_files(args.migrations), applied, args.target)
    at = applied[-1][0] if applied else "0000"
    if left or at != args.target:
        raise Refused(f"the database is at {at}, not at {args.target}")
    print(f"version={at}")


NEEDS = {
    "service": ("service",),
    "plan": ("migrations", "applied", "target", "sql", "backup"),
    "report": ("before", "applied", "backup"),
    "check": ("migrations", "applied", "target"),
}


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=sorted(NEEDS))
    for name in sorted({name for names in NEEDS.values() for name in names}):
        parser.add_argument(f"--{name}")
    args = parser.parse_args()
    try:
        for name in NEEDS[args.mode]:
            if not getattr(args, name):
                raise Refused(f"`{args.mode}` needs --{name}")
        if args.mode == "service":
            write_service(args.service)
        else:
            {"plan": plan, "report": report, "check": check}[args.mode](args)
    except (Refused, OSError, ValueError) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
