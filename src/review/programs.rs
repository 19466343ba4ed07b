//! What is known of programs by their names: which run code they are handed, and which are agents.
//!
//! The one list of its kind; the policy's loader and the checks both read it.

use std::{collections::BTreeSet, sync::OnceLock};

/// Programs that run code, commands or plug-ins they are handed, by base name without a version: shells,
/// what starts another program from its arguments, languages and their package managers, build tools,
/// archivers and transports that start helpers, containers, clusters and what provisions them, editors and pagers and database
/// clients with a shell inside.
const INTERPRETERS: &str = "\
    sh bash dash zsh ksh mksh fish csh tcsh ash rbash elvish nu pwsh powershell busybox toybox env xargs \
    find parallel watch script expect nice nohup timeout time strace ltrace gdb lldb stdbuf setsid \
    ionice chrt taskset unshare nsenter chroot flock sudo su doas pkexec runuser systemd-run at batch \
    crontab screen tmux start-stop-daemon run-parts entr python pypy perl ruby irb php lua luajit tclsh \
    wish node nodejs deno bun npm npx pnpm yarn pip pipx uv uvx poetry gem bundle rake cargo rustc go \
    java jshell javac groovy kotlin scala swift ghc runghc guile racket sbcl clojure Rscript R julia \
    octave erl elixir iex mix dotnet mono osascript gcc cc clang tcc awk gawk mawk nawk sed m4 dc \
    make gmake bmake cmake ninja meson just task mvn gradle ant bazel buck scons tar bsdtar cpio zip \
    rsync ssh scp sftp socat nc ncat netcat telnet docker podman nerdctl buildah kubectl oc helm crictl \
    lxc vagrant ansible ansible-playbook salt puppet terraform tofu terragrunt packer pulumi vi vim nvim view ex ed emacs nano pico less more \
    man psql sqlite3 sqlite mysql mariadb mongosh mongo redis-cli";

/// Command lines that are agents themselves.
const AGENTS: &str = "\
    claude gemini codex q aider cursor-agent cursor copilot opencode goose amp cline crush qwen llm";

/// Returns the base name of a program's path, without a version such as the `3.12` of `python3.12`
/// and without the ending that some systems add.
#[must_use]
pub fn base_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let lower_end = name.len().saturating_sub(4);
    match name.get(lower_end..) {
        Some(end) if lower_end > 0 && [".exe", ".cmd", ".bat"].iter().any(|e| end.eq_ignore_ascii_case(e)) => {
            &name[..lower_end]
        }
        _ => name,
    }
}

/// Tells whether a program is known to run code that it is handed.
#[must_use]
pub fn is_interpreter(path: &str) -> bool {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    is_listed(NAMES.get_or_init(|| names(INTERPRETERS)), path)
}

/// Tells whether a program is known to be an agent's command line.
#[must_use]
pub fn is_agent(path: &str) -> bool {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    is_listed(NAMES.get_or_init(|| names(AGENTS)), path)
}

/// Splits a list once; every step of every plan is looked up in it.
fn names(list: &str) -> BTreeSet<String> {
    list.split_whitespace().map(str::to_ascii_lowercase).collect()
}

fn is_listed(names: &BTreeSet<String>, path: &str) -> bool {
    let name = base_name(path).to_ascii_lowercase();
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    names.contains(&name) || names.contains(plain)
}

/// Tells whether a variable's name is known to change what a program runs, loads or trusts (C-04).
#[must_use]
pub fn is_dangerous_variable(name: &str) -> bool {
    const PREFIXES: &str = "\
        LD_ DYLD_ GIT_ PYTHON PERL RUBY BASH_ NPM_CONFIG_ GITHUB_ ACTIONS_ RUNNER_ CI_ AWS_ AZURE_ \
        GOOGLE_ GCLOUD_ CLOUDSDK_ CARGO_ RUSTC RUSTFLAGS GCONV_ LUA_ COUNTERSIGN_ GLIBC_ MALLOC_ \
        SSL_CERT_ TF_CLI_ TF_PLUGIN CLASSPATH ANSIBLE_ CORECLR_ COR_ DENO_ DOTNET_ GOFLAGS GOPROXY GRADLE_ HELM_ \
        MAVEN_ OPENSSL_ PIP_ UV_ YARN_";
    const NAMES: &str = "\
        ENV IFS PATH HOME TMPDIR SHELL SHELLOPTS PS4 PROMPT_COMMAND CDPATH JAVA_TOOL_OPTIONS \
        _JAVA_OPTIONS JDK_JAVA_OPTIONS SSH_AUTH_SOCK SSH_ASKPASS KUBECONFIG DOCKER_HOST EDITOR VISUAL \
        PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY NODE_OPTIONS \
        NODE_PATH NODE_EXTRA_CA_CERTS NODE_REPL_EXTERNAL_MODULE OPENSSL_CONF HOSTALIASES LOCALDOMAIN \
        RES_OPTIONS TERMINFO TERMCAP MAKEFLAGS CI PHPRC PHP_INI_SCAN_DIR PGSYSCONFDIR PGSERVICEFILE \
        PSQLRC MYSQL_HOME XDG_CONFIG_HOME TAR_OPTIONS RSYNC_RSH WGETRC CURL_HOME NETRC GNUPGHOME CVS_RSH SVN_SSH \
        HGRCPATH ZDOTDIR INPUTRC UNZIP ZIPOPT XZ_OPT XZ_DEFAULTS CC CXX AR AS LD R_PROFILE R_LIBS";
    let upper = name.to_ascii_uppercase();
    NAMES.split_whitespace().any(|known| known == upper)
        || PREFIXES.split_whitespace().any(|prefix| upper.starts_with(prefix))
        || upper.ends_with("_WRAPPER")
}

/// Tells whether a variable's name belongs to the CI system or to this tool, and so is never passed on.
#[must_use]
pub fn is_reserved_variable(name: &str) -> bool {
    const PREFIXES: [&str; 5] = ["GITHUB_", "ACTIONS_", "RUNNER_", "CI_", "COUNTERSIGN_"];
    let upper = name.to_ascii_uppercase();
    upper == "CI" || PREFIXES.iter().any(|prefix| upper.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c02_shells_in_disguise_are_known_by_base_name_and_without_version() {
        for path in [
            "/bin/sh",
            "/usr/bin/env",
            "/usr/bin/python3.12",
            "/usr/bin/gawk",
            "/usr/bin/find",
            "/usr/bin/perl5.36",
            "lua5.4",
            "/usr/bin/php8.2",
            "/usr/bin/BASH",
            "C:\\tools\\node.exe",
            "/usr/bin/vim",
            "ssh",
            "clang-18",
            "/usr/local/bin/terraform",
        ] {
            assert!(is_interpreter(path), "{path}");
        }
        for path in ["/usr/bin/git", "/usr/bin/cat", "/usr/bin/sha256sum", "cp"] {
            assert!(!is_interpreter(path), "{path}");
        }
    }

    #[test]
    fn c04_variables_that_steer_programs_are_known() {
        for bad in [
            "LD_PRELOAD",
            "git_ssh_command",
            "TAR_OPTIONS",
            "RSYNC_RSH",
            "OPENSSL_MODULES",
            "WGETRC",
            "CURL_HOME",
            "NODE_OPTIONS",
            "NODE_PATH",
            "NODE_EXTRA_CA_CERTS",
            "NODE_REPL_EXTERNAL_MODULE",
            "PYTHONPATH",
            "RUSTC_WRAPPER",
            "IFS",
            "https_proxy",
        ] {
            assert!(is_dangerous_variable(bad), "{bad}");
        }
        for good in ["MODE", "VERSION", "TARGET"] {
            assert!(!is_dangerous_variable(good), "{good}");
        }
    }

    #[test]
    fn d12_agents_are_known() {
        for path in
            ["claude", "/usr/local/bin/gemini", "codex", "q", "aider", "cursor-agent", "copilot", "opencode", "goose"]
        {
            assert!(is_agent(path), "{path}");
        }
        assert!(!is_agent("/usr/bin/jq"));
    }
}
