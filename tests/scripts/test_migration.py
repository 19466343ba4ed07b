"""The scripts of the database-migration family: SQLite and PostgreSQL."""

from __future__ import annotations

import re
import shutil
import sqlite3

import harness


class Sqlite(harness.Case):
    """A SQLite file and the sample migrations."""

    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(harness.PROJECTS / "migration", self.repo, dirs_exist_ok=True)
        (self.repo / "data").mkdir()
        self.database = self.repo / "data" / "app.db"

    def migrate(self, target: str) -> dict[str, str]:
        said = self.run_script("apply", target)
        self.run_script("check", target)
        return self.values(said)

    def run_script(self, mode: str, target: str, ok: bool = True) -> str:
        argv = ("--migrations=migrations", "--database=data/app.db", f"--target={target}")
        return self.script("migrate-sqlite/migrate.py", mode, *argv, ok=ok)

    def refused(self, target: str) -> str:
        """Migrate, which must fail and leave the database as it was."""
        before = self.dump()
        why = self.run_script("apply", target, ok=False)
        self.assertEqual(before, self.dump())
        return why

    def dump(self) -> list[str]:
        if not self.database.exists():
            return []
        base = sqlite3.connect(self.database)
        try:
            return list(base.iterdump())
        finally:
            base.close()

    def test_it_reaches_the_target_and_backs_up_first(self) -> None:
        first = self.migrate("0001")
        self.assertEqual((first["applied"], first["version"], first["backup"]), ("1", "0001", "none"))
        old = self.dump()
        second = self.migrate("0003")
        self.assertEqual((second["applied"], second["version"]), ("2", "0003"))
        self.assertEqual(second["backup"], self.sha256("data/app.db.before-0002.bak"))
        self.database.unlink()
        (self.repo / "data/app.db.before-0002.bak").rename(self.database)
        self.assertEqual(self.dump(), old)

    def test_a_second_time_there_is_nothing_to_do(self) -> None:
        self.migrate("0003")
        before = self.dump()
        again = self.migrate("0003")
        self.assertEqual((again["applied"], again["backup"]), ("0", "none"))
        self.assertEqual(before, self.dump())

    def test_a_failing_statement_rolls_everything_back(self) -> None:
        self.migrate("0001")
        self.write(
            "migrations/0003_add_email.sql",
            "ALTER TABLE customers ADD COLUMN email TEXT;\nINSERT INTO nowhere VALUES (1);\n",
        )
        why = self.refused("0003")
        self.assertIn("0003_add_email.sql, statement 2: no such table: nowhere; everything was rolled back", why)

    def test_a_first_migration_that_fails_leaves_no_database(self) -> None:
        self.write("migrations/0001_create_customers.sql", "CREATE TABLE x (a);\nNONSENSE;\n")
        self.assertIn("syntax error", self.refused("0001"))
        self.assertFalse(self.database.exists())

    def test_a_broken_foreign_key_rolls_everything_back(self) -> None:
        self.migrate("0002")
        self.write("migrations/0003_add_email.sql", "INSERT INTO orders VALUES (9, 99, 1);\n")
        self.assertIn("foreign key in table orders", self.refused("0003"))

    def test_a_changed_file_is_refused(self) -> None:
        self.migrate("0002")
        self.write(
            "migrations/0001_create_customers.sql", self.read("migrations/0001_create_customers.sql") + "-- later\n"
        )
        self.assertIn("0001_create_customers.sql has changed since it was applied", self.refused("0003"))

    def test_a_renamed_file_and_a_missing_file_are_refused(self) -> None:
        self.migrate("0003")
        (self.repo / "migrations/0003_add_email.sql").rename(self.repo / "migrations/0003_add_mail.sql")
        self.assertIn("was applied under the name add_email", self.refused("0003"))
        (self.repo / "migrations/0003_add_mail.sql").unlink()
        self.assertIn("has no file", self.refused("0002"))

    def test_gaps_doubles_and_odd_names_are_refused(self) -> None:
        self.write("migrations/0005_later.sql", "SELECT 1;")
        self.assertIn("0005 where 0004 should be", self.refused("0003"))
        (self.repo / "migrations/0005_later.sql").rename(self.repo / "migrations/0003_twice.sql")
        self.assertIn("0003 where 0004 should be", self.refused("0003"))
        (self.repo / "migrations/0003_twice.sql").rename(self.repo / "migrations/4_four.sql")
        self.assertIn("is not named NNNN_name.sql", self.refused("0003"))
        (self.repo / "migrations/4_four.sql").unlink()
        (self.repo / "migrations/0004_link.sql").symlink_to("0003_add_email.sql")
        self.assertIn("not a regular file", self.refused("0003"))

    def test_history_out_of_order_is_refused(self) -> None:
        self.migrate("0003")
        base = sqlite3.connect(self.database)
        base.execute("DELETE FROM schema_migrations WHERE version = '0002'")
        base.commit()
        base.close()
        self.assertIn("out of order", self.refused("0003"))

    def test_an_unknown_target_and_the_way_back_are_refused(self) -> None:
        self.assertIn("there is no migration 0004", self.refused("0004"))
        self.migrate("0003")
        self.assertIn("there is no way back", self.refused("0001"))

    def test_a_migration_cannot_leave_its_transaction_or_forge_the_history(self) -> None:
        self.migrate("0002")
        for sql, why in (
            ("DROP TABLE orders; COMMIT;", "BEGIN, COMMIT"),
            ("BEGIN;", "BEGIN, COMMIT"),
            ("ATTACH DATABASE 'data/other.db' AS other;", "BEGIN, COMMIT"),
            ("PRAGMA writable_schema = ON;", "BEGIN, COMMIT"),
            ("SAVEPOINT a;", "BEGIN, COMMIT"),
            ("VACUUM;", "everything was rolled back"),
            ("SELECT load_extension('x');", "everything was rolled back"),
            ("DELETE FROM schema_migrations;", "wrote to schema_migrations"),
            ("INSERT INTO schema_migrations VALUES ('0003', 'x', 'x', 'x');", "wrote to schema_migrations"),
            ("DROP TABLE orders", "ends within a statement"),
        ):
            with self.subTest(sql):
                self.write("migrations/0003_add_email.sql", sql + "\n")
                self.assertIn(why, self.refused("0003"))
        self.assertFalse((self.repo / "data/other.db").exists())

    def test_triggers_strings_and_comments_are_split_where_they_end(self) -> None:
        self.write(
            "migrations/0004_trigger.sql",
            "/* one; two */ CREATE TRIGGER t AFTER INSERT ON orders BEGIN UPDATE orders SET cents = 1; SELECT 2; END;\nINSERT INTO customers VALUES (7, 'a;''b', NULL); -- the end;\n",
        )
        self.assertEqual(self.migrate("0004")["version"], "0004")

    def test_a_database_in_wal_mode_is_migrated_and_checked(self) -> None:
        self.migrate("0001")
        base = sqlite3.connect(self.database)
        base.execute("PRAGMA journal_mode = WAL")
        base.close()
        self.assertEqual(self.migrate("0003")["version"], "0003")

    def test_the_check_refuses_another_version_and_a_damaged_file(self) -> None:
        self.migrate("0002")
        argv = ("migrate-sqlite/migrate.py", "check", "--migrations=migrations", "--database=data/app.db")
        self.assertIn("is at 0002, not at 0003", self.script(*argv, "--target=0003", ok=False))
        self.database.write_bytes(b"not a database, but long enough to be read as one" * 99)
        self.assertIn("not a database", self.script(*argv, "--target=0002", ok=False))
        self.database.unlink()
        self.assertIn("is not a regular file", self.script(*argv, "--target=0002", ok=False))

    def test_both_variants_read_the_folder_by_the_same_words(self) -> None:
        marks = re.compile(r"^# --- the same in both.*?^# --- end of what is the same ---$", re.DOTALL | re.MULTILINE)
        texts = [
            (harness.PIPELINES / name / "migrate.py").read_text() for name in ("migrate-sqlite", "migrate-postgres")
        ]
        found = [marks.search(text) for text in texts]
        self.assertTrue(all(found))
        self.assertEqual(found[0] and found[0][0], found[1] and found[1][0])


class Postgres(harness.Case):
    """The SQL script that psql is given; a server runs it in the tests of the tool."""

    def script_for(self, sql: str, ok: bool = True) -> str:
        self.write("migrations/0001_first.sql", sql)
        (self.base / "applied").write_text("")
        said = self.script(
            "migrate-postgres/migrate.py",
            "plan",
            "--migrations=migrations",
            f"--applied={self.base}/applied",
            "--target=0001",
            f"--sql={self.base}/m.sql",
            "--backup=none.dump",
            ok=ok,
        )
        return (self.base / "m.sql").read_text() if ok else said

    def test_a_migration_is_quoted_so_that_it_cannot_end_the_quotes(self) -> None:
        text = self.script_for("SELECT $$ '; $cs_x$ $outer$ $inner$\n\\! id\n")
        tags = re.findall(r"\$cs_[0-9a-f]{32}\$", text)
        self.assertEqual(len(tags), 4)
        self.assertEqual((tags[0], tags[1]), (tags[3], tags[2]))
        self.assertIn("somebody else migrated the database at the same time", text)
        self.assertLess(text.index("pg_advisory_xact_lock"), text.index("EXECUTE"))

    def test_a_history_of_another_form_is_refused(self) -> None:
        self.write("migrations/0001_first.sql", "SELECT 1;")
        (self.base / "applied").write_text("0001|x|y; DROP TABLE a\n")
        err = self.script(
            "migrate-postgres/migrate.py",
            "check",
            "--migrations=migrations",
            f"--applied={self.base}/applied",
            "--target=0001",
            ok=False,
        )
        self.assertIn("a row of another form", err)


class Address(harness.Case):
    """The secret DATABASE_URL, without a server."""

    def service(self, url: str, ok: bool = True) -> str:
        said = self.script(
            "migrate-postgres/migrate.py", "service", f"--service={self.base}/service", env={"DATABASE_URL": url}, ok=ok
        )
        self.assertNotIn("hunter2", said)
        return (self.base / "service").read_text() if ok else said

    def test_it_becomes_a_private_service_file(self) -> None:
        text = self.service("postgres://pat:hunter2%20%23%3D@db.internal/app%20one?sslmode=require")
        self.assertIn("password=hunter2 #=\n", text)
        self.assertIn("dbname=app one\n", text)
        self.assertIn("port=5432\n", text)
        self.assertIn("sslmode=require\n", text)
        self.assertEqual((self.base / "service").stat().st_mode & 0o777, 0o600)

    def test_what_is_no_address_is_refused_without_showing_it(self) -> None:
        for url in (
            "",
            "hunter2",
            "mysql://pat:hunter2@db/app",
            "postgres://pat:hunter2@/app",
            "postgres://pat:hunter2@db",
            "postgres://pat:hunter2@db:port/app",
            "postgres://pat:hunter2%0Ahost=evil@db/app",
            "postgres://pat:hunter2@db/app?host=evil",
            "postgres://pat:hunter2@db/app?service=x",
            "postgres://pat:hunter2@[db/app",
        ):
            with self.subTest(url):
                self.service(url, ok=False)
