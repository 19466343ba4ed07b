//! A throw-away PostgreSQL server on a free port, in a folder of its own.

use std::{
    ffi::OsStr,
    fs,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const PASSWORD: &str = "s3cret: pass/word";

/// A running server, ended with its folder when it goes out of scope.
pub struct Server {
    folder: tempfile::TempDir,
    bin: PathBuf,
    /// Whom it runs as: it refuses root.
    account: Option<(u32, u32)>,
    pub port: u16,
}

impl Server {
    /// Starts one; where that cannot be, says so and returns nothing.
    pub fn start() -> Option<Self> {
        let Some(bin) = newest() else {
            eprintln!("note: PostgreSQL is not here: this test is left out");
            return None;
        };
        let root = rustix::process::geteuid().is_root();
        let account = if root { account() } else { None };
        if root && account.is_none() {
            eprintln!("note: there is no account to run PostgreSQL as: this test is left out");
            return None;
        }
        let mut server = Self { folder: tempfile::tempdir().unwrap(), bin, account, port: 0 };
        if let Some((user, group)) = server.account {
            chown(server.folder.path(), Some(user), Some(group)).unwrap();
        }
        let password = server.folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        if let Some((user, group)) = server.account {
            chown(&password, Some(user), Some(group)).unwrap();
        }
        let data = server.data();
        let options = ["-U", "owner", "--auth=scram-sha-256", "-E", "UTF8", "--no-sync", "--locale=C", "-D", &data];
        server.run("initdb", options.into_iter().chain(["--pwfile", password.to_str().unwrap()])).unwrap();
        // A port that was free a moment ago may be taken now, so a few are tried.
        let mut failure = String::new();
        for _ in 0..5 {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let log = server.folder.path().join("log").display().to_string();
            let options =
                format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off", server.port);
            match server.run("pg_ctl", ["-D", &data, "-l", &log, "-w", "-t", "60", "-o", &options, "start"]) {
                Ok(_) => return Some(server),
                Err(why) => failure = why,
            }
        }
        panic!("{failure}");
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// The path of one of PostgreSQL's programs.
    pub fn program(&self, name: &str) -> String {
        self.bin.join(name).display().to_string()
    }

    /// The address of a database, as the secret has it.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://owner:s3cret%3A%20pass%2Fword@127.0.0.1:{}/{database}", self.port)
    }

    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Runs SQL as the owner; returns what it printed.
    #[track_caller]
    pub fn sql(&self, database: &str, text: &str) -> String {
        let port = self.port.to_string();
        let fixed = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "owner"];
        let more = ["-p", &port, "-d", database, "-c", text];
        self.run("psql", fixed.into_iter().chain(more)).unwrap().trim().to_owned()
    }

    /// Runs one of its programs as its account. Output goes to a file: the server would keep a pipe open.
    fn run<S: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = S>) -> Result<String, String> {
        let mut said = tempfile::tempfile().unwrap();
        let mut command = Command::new(self.program(name));
        command
            .args(args)
            .env_clear()
            .envs([("LC_ALL", "C.UTF-8"), ("PGPASSWORD", PASSWORD), ("PATH", "/usr/bin:/bin")])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said.try_clone().unwrap());
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        let status = command.status().map_err(|e| format!("{name}: {e}"))?;
        let mut text = String::new();
        std::io::Seek::rewind(&mut said).unwrap();
        std::io::Read::read_to_string(&mut said, &mut text).unwrap();
        if status.success() { Ok(text) } else { Err(format!("{name}: {text}")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(why) = self.run("pg_ctl", ["-D", &self.data(), "-m", "immediate", "-w", "stop"]) {
            eprintln!("note: {why}");
        }
    }
}

/// The folder of the newest PostgreSQL with all the programs that are needed.
fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<(u32, PathBuf)> =
        versions.filter_map(|path| Some((version(&path)?, path.join("bin")))).collect();
    found.sort();
    let needed = ["initdb", "pg_ctl", "psql", "pg_dump", "pg_restore"];
    let whole = |bin: &Path| needed.iter().all(|name| bin.join(name).is_file());
    found.into_iter().rev().map(|(_, bin)| bin).chain([PathBuf::from("/usr/local/bin")]).find(|bin| whole(bin))
}

/// User and group of an account without rights.
fn account() -> Option<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let number = |at: usize| line.split(':').nth(at)?.parse::<u32>().ok();
        Some((number(2)?, number(3)?))
    };
    find("postgres").or_else(|| find("nobody"))
}
