"""Bring a SQLite database to a version by ordered SQL files, or check that it is there.

`apply` refuses a history that does not match the files, backs the database up, and applies every
pending file in one transaction, so that a failure leaves the database as it was. `check` opens the
database for reading only and refuses unless it is at exactly the wanted version and sound.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import re
import sqlite3
import sys
from typing import NamedTuple

CREATE = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT PRIMARY KEY, name TEXT NOT NULL, "
    "sha256 TEXT NOT NULL, applied_at TEXT NOT NULL)"
)
# Not sqlite3.SQLITE_...: older Pythons lack some of these names.
TRANSACTION, PRAGMA, ATTACH, DETACH, SAVEPOINT = 22, 19, 24, 25, 32
FORBIDDEN = {
    TRANSACTION: "transaction control",
    ATTACH: "ATTACH",
    DETACH: "DETACH",
    SAVEPOINT: "SAVEPOINT",
    PRAGMA: "PRAGMA",
}


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


def statements(migration: Migration) -> list[str]:
    """Split a file into statements, as SQLite itself sees where one ends."""
    found: list[str] = []
    current = ""
    for part in re.split(r"(?<=;)", migration.sql):
        current += part
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    rest = re.sub(r"--[^\n]*|/\*.*?\*/", "", current, flags=re.DOTALL).strip()
    if rest:
        raise Refused(f"{migration.version}_{migration.name}.sql ends within a statement: `{rest[:60]}`")
    return found


def history(base: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Return what has been applied, in order; nothing where there is no such table yet."""
    if not base.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'").fetchone():
        return []
    return list(base.execute("SELECT version, name, sha256 FROM schema_migrations ORDER BY version"))


def back_up(base: sqlite3.Connection, path: str) -> str:
    """Copy the database by SQLite's own backup, read the copy back, and return its digest."""
    if os.path.islink(path):
        raise Refused(f"{path} is a symbolic link")
    fresh = path + ".new"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    copy = sqlite3.connect(fresh)
    try:
        base.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",) or history(copy) != history(base):
            raise Refused(f"the backup {path} is not sound")
    finally:
        copy.close()
    with open(fresh, "rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.sha256(file.read()).hexdigest()
    os.replace(fresh, path)
    return f"sha256:{digest}"


def guard(action: int, first: object, second: object, *_: object) -> int:
    """Deny a migration what would leave its transaction or the database."""
    if action == PRAGMA and second is None:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY if action in FORBIDDEN else sqlite3.SQLITE_OK


def apply_one(base: sqlite3.Connection, migration: Migration) -> None:
    """Run one file's statements within the transaction that is open."""
    label = f"{migration.version}_{migration.name}.sql"
    for number, statement in enumerate(statements(migration), start=1):
        try:
            base.execute(statement)
        except sqlite3.Error as error:
            hint = " (BEGIN, COMMIT, SAVEPOINT, ATTACH and PRAGMA x = y are denied)" if "auth" in str(error) else ""
            raise Refused(f"{label}, statement {number}: {error}{hint}; everything was rolled back") from None


def apply(folder: str, database: str, target: str, moment: str) -> None:
    """Apply what is pending, and print what was done."""
    files = load_files(folder)
    if os.path.islink(database):
        raise Refused(f"{database} is a symbolic link")
    existed = os.path.exists(database) and os.path.getsize(database) > 0
    base = sqlite3.connect(database, isolation_level=None, timeout=30)
    try:
        base.execute("PRAGMA foreign_keys = OFF")
        todo = pending(files, history(base), target)
        backup = "none"
        if todo and existed:
            backup = back_up(base, f"{database}.before-{todo[0].version}.bak")
        base.execute("BEGIN IMMEDIATE")
        try:
            before = history(base)
            if pending(files, before, target) != todo:
                raise Refused("somebody else migrated the database at the same time")
            base.execute(CREATE)
            base.set_authorizer(guard)
            for migration in todo:
                apply_one(base, migration)
            base.set_authorizer(lambda *_: sqlite3.SQLITE_OK)
            broken = base.execute("PRAGMA foreign_key_check").fetchone() if todo else None
            if broken:
                raise Refused(f"a foreign key in table {broken[0]} would be broken; everything was rolled back")
            if history(base) != before:
                raise Refused("a migration wrote to schema_migrations; everything was rolled back")
            for migration in todo:
                base.execute("INSERT INTO schema_migrations VALUES (?, ?, ?, ?)", (*migration[:3], moment))
            base.execute("COMMIT")
        except BaseException:
            base.set_authorizer(lambda *_: sqlite3.SQLITE_OK)
            if base.in_transaction:
                base.execute("ROLLBACK")
            raise
    finally:
        base.close()
        if not existed and os.path.exists(database) and os.path.getsize(database) == 0:
            os.unlink(database)
    for migration in todo:
        print(f"migration: {migration.version}_{migration.name} sha256:{migration.sha256}")
    print(f"backup={backup}")
    print(f"applied={len(todo)}")
    print(f"version={target}")


def check(folder: str, database: str, target: str) -> None:
    """Refuse unless the database is at exactly the target, by exactly these files, and sound."""
    files = load_files(folder)
    if os.path.islink(database) or not os.path.isfile(database):
        raise Refused(f"{database} is not a regular file")
    address = "file:" + database.replace("%", "%25").replace("?", "%3f").replace("#", "%23") + "?mode=ro"
    # Without a journal beside it nothing is in flight, and no side file has to be made where nothing may be written.
    if not os.path.exists(database + "-wal") and not os.path.exists(database + "-journal"):
        address += "&immutable=1"
    base = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        applied = history(base)
        left = pending(files, applied, target)
        at = applied[-1][0] if applied else "0000"
        if left or at != target:
            raise Refused(f"the database is at {at}, not at {target}")
        if base.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise Refused(f"{database} fails its integrity check")
        if base.execute("PRAGMA foreign_key_check").fetchone():
            raise Refused(f"{database} has a broken foreign key")
    finally:
        base.close()
    print(f"version={at}")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=("apply", "check"))
    parser.add_argument("--migrations", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--target", required=True)
    args = parser.parse_args()
    try:
        if args.mode == "apply":
            epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
            moment = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            apply(args.migrations, args.database, args.target, moment)
        else:
            check(args.migrations, args.database, args.target)
    except (Refused, OSError, ValueError, sqlite3.Error) as error:
        print(f"migrate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
