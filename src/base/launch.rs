//! What may be handed to a program: its path, environment, hosts and arguments, under rules that no
//! plan can bend.

use std::net::IpAddr;

use super::{reason::Refusal, text};
use crate::reasons;

/// The most bytes of one argument or one environment entry, as the kernel has it.
pub const MAX_ARGUMENT: usize = 128 * 1024;
/// The most bytes of all arguments and environment entries together.
pub const MAX_ARGUMENTS: usize = 1 << 20;

/// The folders in which a program finds others.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Variables that are the same for every program of every step.
pub const FIXED: [(&str, &str); 5] = [
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
    ("PATH", PATH),
    // The machine's own git configuration lies outside the sandbox, and git would stop at it.
    ("GIT_CONFIG_NOSYSTEM", "1"),
    // What stands for another object would make a commit that was looked at hold something else.
    ("GIT_NO_REPLACE_OBJECTS", "1"),
];

/// Variables that this tool sets itself, or that would name the machine that runs it: these never pass.
const NEVER: &[&str] = &["CI", "HOME", "LC_ALL", "PATH", "SOURCE_DATE_EPOCH", "TMPDIR", "TZ"];
/// Beginnings of the same.
const NEVER_PREFIX: &[&str] = &["ACTIONS_", "CI_", "COUNTERSIGN_", "GITHUB_", "GITLAB_", "RUNNER_"];

/// Variables that change what a program loads, runs or talks to: these pass only where the policy names them.
const DANGEROUS: &[&str] = &[
    "ALL_PROXY",
    "BASH_ENV",
    "ENV",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "KUBECONFIG",
    "NODE_OPTIONS",
    "NO_PROXY",
    "SSH_AUTH_SOCK",
];
/// Beginnings of the same.
const DANGEROUS_PREFIX: &[&str] =
    &["AWS_", "AZURE_", "DYLD_", "GIT_", "GOOGLE_", "LD_", "NPM_CONFIG_", "PERL5", "PYTHON", "RUBY"];
/// Endings of the same.
const DANGEROUS_SUFFIX: &[&str] = &["_WRAPPER"];
/// Beginnings that may name a secret, though no plain variable.
const SECRET_PREFIX: &[&str] = &["AWS_", "AZURE_", "GOOGLE_"];

/// Roots below which other users, or the job itself, may put files, or which are no files at all.
const NO_PROGRAMS: &[&str] = &["/tmp", "/var/tmp", "/home", "/root", "/proc", "/dev"];
/// Roots below which a program has nothing to read that a plan could know of.
const NO_READS: &[&str] = &["/home", "/root", "/proc", "/sys", "/dev"];

/// Checks the name of an environment variable; `passed` are the dangerous names that the policy lets pass.
///
/// # Errors
/// `env.name` for a name that is not `[A-Z_][A-Z0-9_]*`, `env.denied` for one on the deny list.
pub fn check_env_name(name: &str, passed: &[String]) -> Result<(), Refusal> {
    check_name(name)?;
    let never = NEVER.contains(&name) || NEVER_PREFIX.iter().any(|prefix| name.starts_with(prefix));
    let excused = passed.iter().any(|one| one == name);
    if never || is_dangerous(name) && !excused {
        return Err(Refusal::new(ENV_DENIED, format!("no plan may set `{name}`")).subject(name));
    }
    Ok(())
}

/// Checks the name of a secret, which becomes a variable of that name.
///
/// Names of cloud credentials are let pass here and nowhere else.
///
/// # Errors
/// As [`check_env_name`].
pub fn check_secret_name(name: &str) -> Result<(), Refusal> {
    check_name(name)?;
    if SECRET_PREFIX.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(());
    }
    check_env_name(name, &[])
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_');
    let fits = first && name.len() <= 128 && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if fits {
        return Ok(());
    }
    Err(Refusal::new(ENV_NAME, format!("`{}` is no name of a variable", text::excerpt(name))))
}

fn is_dangerous(name: &str) -> bool {
    DANGEROUS.contains(&name)
        || DANGEROUS_PREFIX.iter().any(|prefix| name.starts_with(prefix))
        || DANGEROUS_SUFFIX.iter().any(|suffix| name.ends_with(suffix))
}

/// Checks the absolute path of a program.
///
/// # Errors
/// `program.path` for a path that is not absolute and normalised, or lies where others may write.
pub fn check_program(path: &str) -> Result<(), Refusal> {
    let refuse = |why: &str| {
        Err(Refusal::new(PROGRAM_PATH, format!("{why}: `{}`", text::excerpt(path))).subject(text::excerpt(path)))
    };
    if !is_normal_absolute(path) || path == "/" {
        return refuse("not an absolute, normalised path");
    }
    if lies_below(path, NO_PROGRAMS) {
        return refuse("no program runs from there");
    }
    Ok(())
}

/// Checks an absolute path that a program may read outside the repository.
///
/// # Errors
/// `read.path` for a path that is not absolute and normalised, or holds what no plan may read.
pub fn check_system_read(path: &str) -> Result<(), Refusal> {
    if is_normal_absolute(path) && path != "/" && !lies_below(path, NO_READS) {
        return Ok(());
    }
    Err(Refusal::new(READ_PATH, format!("no plan may read `{}`", text::excerpt(path))).subject(text::excerpt(path)))
}

fn is_normal_absolute(path: &str) -> bool {
    path.len() <= 1024
        && path.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'\\')
        && text::check_steering(path).is_ok()
        && path.strip_prefix('/').is_some_and(|rest| {
            rest.is_empty() || rest.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.ends_with(' '))
        })
}

fn lies_below(path: &str, roots: &[&str]) -> bool {
    roots.iter().any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Checks a place on the network: a lower-case ASCII host name or an IP address, and a port.
///
/// # Errors
/// `host.invalid`.
pub fn check_host(name: &str, port: u16) -> Result<(), Refusal> {
    let label = |part: &str| {
        (1..=63).contains(&part.len())
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let address = name.parse::<IpAddr>();
    // Readers of addresses differ over `127.1`, `0x7f.1` and the like; a last part of a name is never a number.
    let numeric = name.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    let fits = match address {
        Ok(address) => address.to_string() == name,
        Err(_) => !numeric && name.len() <= 253 && name.split('.').all(label),
    };
    if fits && port > 0 {
        return Ok(());
    }
    Err(Refusal::new(HOST_INVALID, format!("not a host and port: `{}:{port}`", text::excerpt(name)))
        .subject(text::excerpt(name)))
}

/// Reads `host:port`, or `[address]:port` for IPv6.
///
/// # Errors
/// `host.invalid`.
pub fn parse_host(given: &str) -> Result<(String, u16), Refusal> {
    let refuse = || Refusal::new(HOST_INVALID, format!("not a host and port: `{}`", text::excerpt(given)));
    let (name, port) = given.rsplit_once(':').ok_or_else(refuse)?;
    let name = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) if address.contains(':') => address,
        Some(_) => return Err(refuse()),
        None if name.contains(':') => return Err(refuse()),
        None => name,
    };
    if !port.bytes().all(|b| b.is_ascii_digit()) || port.starts_with('0') {
        return Err(refuse());
    }
    let port = port.parse().map_err(|_| refuse())?;
    check_host(name, port)?;
    Ok((name.to_owned(), port))
}

/// Checks the sizes in bytes of what one program is started with, as the kernel counts them.
///
/// # Errors
/// `argv.limit`.
pub fn check_argument_sizes(sizes: impl IntoIterator<Item = usize>) -> Result<(), Refusal> {
    let mut total = 0_usize;
    for size in sizes {
        // The kernel counts the NUL at the end, and a pointer.
        total = total.saturating_add(size).saturating_add(1 + size_of::<usize>());
        if size >= MAX_ARGUMENT || total > MAX_ARGUMENTS {
            return Err(Refusal::new(ARGV_LIMIT, format!("an argument of {size} bytes, {total} bytes together")));
        }
    }
    Ok(())
}

reasons! {
    ENV_NAME = "env.name", Usage, "a name is not one of an environment variable", "use A-Z, 0-9 and _, beginning with no digit";
    ENV_DENIED = "env.denied", Refused, "a variable would change what a program loads, or is set by this tool", "pass the value as an argument, or let the policy name the variable in `dangerousEnv`";
    PROGRAM_PATH = "program.path", Refused, "a program's path is not absolute and normalised, or lies where others may write", "install the program for the whole system, and give its absolute path in the policy";
    READ_PATH = "read.path", Refused, "a program would read what no plan may hand out", "name an absolute, normalised path outside homes and kernel file systems";
    HOST_INVALID = "host.invalid", Usage, "a place on the network is not a plain lower-case host and port", "write `host:port` with a lower-case ASCII name or an address in its usual form";
    ARGV_LIMIT = "argv.limit", Limit, "the arguments of a program are larger than the kernel takes", "put large values into files";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c04_variables_that_change_what_a_program_loads_are_denied() {
        for bad in [
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "GIT_SSH_COMMAND",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5LIB",
            "PERL5OPT",
            "RUBYOPT",
            "BASH_ENV",
            "ENV",
            "IFS",
            "JAVA_TOOL_OPTIONS",
            "RUSTC_WRAPPER",
            "NPM_CONFIG_REGISTRY",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "SSH_AUTH_SOCK",
            "KUBECONFIG",
            "AWS_PROFILE",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "AZURE_X",
            "GITHUB_TOKEN",
            "ACTIONS_X",
            "RUNNER_TEMP",
            "CI",
            "CI_JOB_TOKEN",
            "GITLAB_TOKEN",
            "PATH",
            "HOME",
            "TMPDIR",
            "LC_ALL",
            "TZ",
            "SOURCE_DATE_EPOCH",
            "COUNTERSIGN_RUN",
        ] {
            assert_eq!(check_env_name(bad, &[]).unwrap_err().code(), "env.denied", "{bad}");
        }
        for bad in ["http_proxy", "npm_config_x", "", "1A", "A-B", "A=B", "A\0", "É"] {
            assert_eq!(check_env_name(bad, &[]).unwrap_err().code(), "env.name", "{bad}");
        }
        for good in ["MODE", "TF_VAR", "_X", "PGHOST", "CIRCLE", "PATH_TO_X"] {
            assert!(check_env_name(good, &[]).is_ok(), "{good}");
        }
    }

    #[test]
    fn c04_the_policy_can_excuse_a_dangerous_name_but_none_of_the_tool_or_the_runner() {
        let passed = ["PYTHONPATH".to_owned(), "GITHUB_TOKEN".to_owned(), "PATH".to_owned()];
        assert!(check_env_name("PYTHONPATH", &passed).is_ok());
        assert!(check_env_name("GITHUB_TOKEN", &passed).is_err());
        assert!(check_env_name("PATH", &passed).is_err());
        assert!(check_secret_name("AWS_SECRET_ACCESS_KEY").is_ok());
        assert!(check_secret_name("PGPASSWORD").is_ok());
        assert!(check_secret_name("LD_PRELOAD").is_err());
    }

    #[test]
    fn c01_programs_come_from_absolute_paths_that_others_cannot_write() {
        for bad in [
            "python3",
            "./x",
            "bin/x",
            "/usr/../tmp/x",
            "/usr//bin/x",
            "/usr/bin/",
            "/",
            "",
            "/tmp/x",
            "/var/tmp/x",
            "/home/a/x",
            "/root/x",
            "/proc/self/exe",
            "/dev/fd/3",
            "/usr/bin/x\0",
            "/usr/bin/\u{e9}",
            "/usr/bin/x ",
        ] {
            assert_eq!(check_program(bad).unwrap_err().code(), "program.path", "{bad:?}");
        }
        assert!(check_program("/usr/bin/python3").is_ok());
        assert!(check_program("/tmpfiles/bin/x").is_ok());
    }

    #[test]
    fn c34_hosts_have_one_plain_form() {
        for bad in [
            "Example.com",
            "b\u{fc}cher.de",
            "user@host",
            "a..b",
            "-a.b",
            "a_b",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "010.0.0.1",
            "",
            "a b",
            "http://a",
            "a.",
            "[::1]",
            "0:0::1",
        ] {
            assert_eq!(check_host(bad, 443).unwrap_err().code(), "host.invalid", "{bad}");
        }
        for good in ["db.internal", "localhost", "127.0.0.1", "::1", "xn--bcher-kva.de"] {
            assert!(check_host(good, 1).is_ok(), "{good}");
        }
        assert!(check_host("a", 0).is_err());
        assert_eq!(parse_host("[::1]:80").unwrap(), ("::1".into(), 80));
        for bad in ["a", "a:", "a:0", "a:080", "a:65536", "::1:80", "u@a:80", "a:+80"] {
            assert!(parse_host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn c40_arguments_stay_within_what_the_kernel_takes() {
        assert!(check_argument_sizes([0, 1, MAX_ARGUMENT - 1]).is_ok());
        assert_eq!(check_argument_sizes([MAX_ARGUMENT]).unwrap_err().code(), "argv.limit");
        assert_eq!(check_argument_sizes([100_000; 11]).unwrap_err().code(), "argv.limit");
    }

    #[test]
    fn c15_homes_and_kernel_file_systems_are_not_read() {
        for bad in ["/", "/home/a/.ssh", "/root", "/proc/1/environ", "/sys", "/dev/sda", "etc", "/etc/../root"] {
            assert_eq!(check_system_read(bad).unwrap_err().code(), "read.path", "{bad}");
        }
        assert!(check_system_read("/usr/share/zoneinfo").is_ok());
    }
}
