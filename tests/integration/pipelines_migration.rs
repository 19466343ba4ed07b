//! The database migration family: SQLite in a file, PostgreSQL behind a secret address.

use std::fs;

use crate::{
    pipelines_postgres::Server,
    pipelines_support::{Project, has, sqlite, stock},
};

const SQLITE: &str = "directives/database-migration.md";
const POSTGRES: &str = "directives/database-migration-postgres.md";
const FAILING: &str = "ALTER TABLE customers ADD COLUMN email TEXT;\nINSERT INTO nowhere VALUES (1);\n";

/// Asks the database by the command line of SQLite.
#[track_caller]
fn ask(project: &Project, question: &str) -> String {
    stock(&project.bench.repo(), "sqlite3", &["data/app.db", question])
}

#[test]
fn migration_of_sqlite_reaches_the_target_and_keeps_a_copy_from_before() {
    let Some(project) = sqlite() else { return };
    let (plan, outputs) = project.works(SQLITE, &["target=0001"]);
    assert_eq!((&outputs["migrate"]["version"], &outputs["migrate"]["backup"]), (&"0001".into(), &"none".into()));
    project.refuses_a_replay(&plan);
    let before = ask(&project, ".dump");
    let (_, outputs) = project.works(SQLITE, &["target=0003"]);
    assert_eq!(ask(&project, "SELECT max(version), count(*) FROM schema_migrations"), "0003|3");
    assert_eq!(ask(&project, "SELECT name, email FROM customers WHERE id = 1"), "Ada; the first|customer1@example.org");
    assert_eq!(ask(&project, "SELECT sum(cents) FROM orders"), "2150");
    assert_eq!(ask(&project, "PRAGMA integrity_check"), "ok");
    for row in ask(&project, "SELECT version || '_' || name || '.sql', sha256 FROM schema_migrations").lines() {
        let (file, sum) = row.split_once('|').unwrap();
        assert_eq!(stock(&project.bench.path("migrations"), "sha256sum", &[file])[..64], *sum, "{file}");
    }
    // The copy from before is what it says it is, and is the old database.
    let copy = "data/app.db.before-0002.bak";
    let sum = stock(&project.bench.repo(), "sha256sum", &[copy]);
    assert_eq!(outputs["migrate"]["backup"], format!("sha256:{}", &sum[..64]));
    assert_eq!(stock(&project.bench.repo(), "sqlite3", &[copy, ".dump"]), before);
    // Again there is nothing to do, and nothing is done.
    let after = ask(&project, ".dump");
    project.works(SQLITE, &["target=0003"]);
    assert_eq!(ask(&project, ".dump"), after);
}

#[test]
fn migration_of_sqlite_that_fails_rolls_back_and_a_changed_file_is_refused() {
    let Some(project) = sqlite() else { return };
    project.works(SQLITE, &["target=0001"]);
    let before = ask(&project, ".dump");
    project.bench.write("migrations/0003_add_email.sql", FAILING);
    project.bench.commit("feat: a migration that fails");
    let said = project.fails(SQLITE, &["target=0003"]);
    assert!(
        said.contains("0003_add_email.sql, statement 2: no such table: nowhere; everything was rolled back"),
        "{said}"
    );
    assert_eq!(ask(&project, ".dump"), before, "0002 was in the same transaction");
    project.change("migrations/0001_create_customers.sql", "-- Customers", "-- All customers");
    project.bench.commit("docs: touch what was applied");
    let said = project.fails(SQLITE, &["target=0002"]);
    assert!(said.contains("0001_create_customers.sql has changed since it was applied"), "{said}");
    assert_eq!(ask(&project, ".dump"), before);
}

#[test]
fn migration_of_sqlite_goes_on_after_the_database_was_repaired() {
    let Some(project) = sqlite() else { return };
    let junk = "not a database, but long enough to be read as one; ".repeat(99);
    project.bench.write("data/app.db", &junk);
    let (said, plan) = project.failing(SQLITE, &["target=0002"]);
    assert!(said.contains("not a database"), "{said}");
    assert_eq!(project.bench.read("data/app.db"), junk);
    fs::remove_file(project.bench.path("data/app.db")).unwrap();
    project.resumes(&plan);
    assert_eq!(ask(&project, "SELECT max(version) FROM schema_migrations"), "0002");
    project.refuses_a_replay(&plan);
}

/// A project whose pipeline, policy and secret name this server, as the guide says.
fn postgres(server: &Server, database: &str) -> Project {
    let mut project = Project::new("migration", "");
    let host = format!("127.0.0.1:{}", server.port);
    project.change("pipelines/migrate-postgres.yml", "127.0.0.1:5432", &host);
    project.policy("secrets: {}", "secrets: {DATABASE_URL: {}}");
    project.policy("\nrules:\n", &format!("\nrules:\n{}", RULE.replace("HOST", &host)));
    for program in ["psql", "pg_dump"] {
        assert!(project.bench.read(".countersign/policy.yml").contains(&format!("'{}'", server.program(program))));
    }
    project.bench.write("backups/.gitignore", "*\n!.gitignore\n");
    project.bench.commit("chore: name our server");
    server.sql("postgres", &format!("CREATE DATABASE {database}"));
    project.set("DATABASE_URL", &server.url(database));
    project
}

const RULE: &str = "
  - id: our-database
    when: {hosts: ['HOST'], secrets: [DATABASE_URL], uninspectable: true}
    then: {needsApproval: {people: 1, separation: none}}
";

const COLUMNS: &str = "SELECT coalesce(string_agg(table_name || '.' || column_name, ' ' ORDER BY 1), '') \
    FROM (SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2) c";

#[test]
fn migration_of_postgres_reaches_the_target_rolls_back_and_shows_no_secret() {
    if !has("python3") {
        return;
    }
    let Some(server) = Server::start() else { return };
    let project = postgres(&server, "app");
    let ask = |question: &str| server.sql("app", question);
    let (plan, outputs) = project.works(POSTGRES, &["target=0001", "backup=backups/1.dump"]);
    assert_eq!(outputs["migrate"]["version"], "0001");
    project.refuses_a_replay(&plan);
    let (_, outputs) = project.works(POSTGRES, &["target=0002", "backup=backups/2.dump"]);
    assert_eq!(ask("SELECT max(version) || ' ' || count(*) FROM schema_migrations"), "0002 2");
    assert_eq!(ask("SELECT sum(cents) FROM orders"), "2150");
    let sum = stock(&project.bench.repo(), "sha256sum", &["backups/2.dump"]);
    assert_eq!(outputs["migrate"]["backup"], format!("sha256:{}", &sum[..64]));
    let listed = stock(&project.bench.repo(), &server.program("pg_restore"), &["--list", "backups/2.dump"]);
    assert!(listed.contains("TABLE DATA public customers") && !listed.contains("orders"), "{listed}");

    // A statement that fails takes everything back.
    let before = ask(COLUMNS);
    project.bench.write("migrations/0003_add_email.sql", FAILING);
    project.bench.commit("feat: a migration that fails");
    let said = project.fails(POSTGRES, &["target=0003", "backup=backups/3.dump"]);
    assert!(said.contains("relation \"nowhere\" does not exist; everything was rolled back"), "{said}");
    assert_eq!((ask(COLUMNS), ask("SELECT max(version) FROM schema_migrations")), (before.clone(), "0002".to_owned()));

    // A file cannot leave its transaction, speak to psql, or forge the history.
    let marker = project.bench.outside("marker");
    let speak = format!("\\! touch {}\n", marker.display());
    for (number, (sql, why)) in [
        ("DROP TABLE orders; COMMIT;\n", "everything was rolled back"),
        (&speak, "everything was rolled back"),
        ("DELETE FROM schema_migrations;\n", "wrote to schema_migrations"),
    ]
    .into_iter()
    .enumerate()
    {
        project.bench.write("migrations/0003_add_email.sql", sql);
        project.bench.commit("feat: an attack");
        let said = project.fails(POSTGRES, &["target=0003", &format!("backup=backups/attack-{number}.dump")]);
        assert!(said.contains(why), "{said}");
        assert_eq!((ask(COLUMNS), ask("SELECT count(*) FROM schema_migrations")), (before.clone(), "2".to_owned()));
    }
    assert!(!marker.exists());

    // A file that changed since it was applied is refused, and a backup that is there is not overwritten.
    project.change("migrations/0001_create_customers.sql", "-- Customers", "-- All customers");
    project.bench.commit("docs: touch what was applied");
    let said = project.fails(POSTGRES, &["target=0003", "backup=backups/4.dump"]);
    assert!(said.contains("0001_create_customers.sql has changed since it was applied"), "{said}");
    project.change("migrations/0001_create_customers.sql", "-- All customers", "-- Customers");
    project.bench.commit("docs: as it was");
    let said = project.fails(POSTGRES, &["target=0003", "backup=backups/2.dump"]);
    assert!(said.contains("the backup backups/2.dump is there already"), "{said}");
    assert_eq!(stock(&project.bench.repo(), "sha256sum", &["backups/2.dump"]), sum);
    assert_eq!(ask(COLUMNS), before);

    // The password is in no record, no plan, no bundle and no file of the checkout.
    let mut everything = project.tool(&["ledger", "export"]).exits(0).stdout;
    everything.push_str(&said);
    for secret in [server.password(), &server.url("app")] {
        assert!(!everything.contains(secret));
        let found = std::process::Command::new("grep")
            .args(["-rlF", secret, "."])
            .current_dir(project.bench.outside(""))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "");
    }
}

#[test]
fn migration_of_postgres_goes_on_after_the_cause_is_away() {
    if !has("python3") {
        return;
    }
    let Some(server) = Server::start() else { return };
    let project = postgres(&server, "app");
    // Somebody made the table by hand.
    server.sql("app", "CREATE TABLE orders (id integer)");
    let (said, plan) = project.failing(POSTGRES, &["target=0003", "backup=backups/1.dump"]);
    assert!(said.contains("relation \"orders\" already exists"), "{said}");
    assert_eq!(server.sql("app", COLUMNS), "orders.id");
    server.sql("app", "DROP TABLE orders");
    // The backup of the first attempt is kept by moving it away: none is overwritten.
    fs::rename(project.bench.path("backups/1.dump"), project.bench.path("backups/0.dump")).unwrap();
    project.resumes(&plan);
    assert_eq!(server.sql("app", "SELECT email FROM customers WHERE id = 2"), "customer2@example.org");
    assert_eq!(server.sql("app", "SELECT max(version) FROM schema_migrations"), "0003");
}
