//! The agents that are known by name, each with the flags that leave it without tools.

use super::{Agent, Form};

/// One agent that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The word that files and flags use, and the name of its program.
    pub id: &'static str,
    /// What it is, on one line.
    pub summary: &'static str,
    /// Its arguments.
    pub argv: &'static [&'static str],
    /// The argument that comes before the model's name.
    pub model_flag: &'static str,
    /// Variables with fixed values.
    pub settings: &'static [(&'static str, &'static str)],
    /// Variables that may hold its key; the first that is set counts.
    pub key_variables: &'static [&'static str],
    /// Files of its login, below the user's home.
    pub login: &'static [&'static str],
    /// Variables with fixed values where the login is used.
    pub login_settings: &'static [(&'static str, &'static str)],
    /// Files that are put into its private home.
    pub files: &'static [(&'static str, &'static str)],
    /// In what its answer is wrapped.
    pub form: Form,
}

/// Every preset.
pub static PRESETS: &[Preset] = &[
    Preset {
        id: "claude",
        summary: "Claude Code, in print mode",
        argv: &[
            "-p",
            "--output-format",
            "json",
            "--tools",
            "",
            "--strict-mcp-config",
            "--setting-sources",
            "",
            "--disable-slash-commands",
            "--no-session-persistence",
        ],
        model_flag: "--model",
        settings: &[("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("DISABLE_AUTOUPDATER", "1")],
        key_variables: &["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"],
        login: &[".claude/.credentials.json"],
        login_settings: &[],
        files: &[],
        form: Form::Claude,
    },
    Preset {
        id: "codex",
        summary: "Codex, in exec mode",
        argv: &[
            "exec",
            "--sandbox",
            "read-only",
            "--skip-git-repo-check",
            "--ephemeral",
            "--ignore-user-config",
            "--ignore-rules",
            "--color",
            "never",
            "--json",
            "-c",
            "features.shell_tool=false",
            "-c",
            "web_search=\"disabled\"",
            "-",
        ],
        model_flag: "--model",
        settings: &[],
        key_variables: &["CODEX_API_KEY"],
        login: &[".codex/auth.json"],
        login_settings: &[],
        files: &[],
        form: Form::Codex,
    },
    Preset {
        id: "gemini",
        summary: "Gemini CLI, in headless mode",
        argv: &["--output-format", "json", "--approval-mode", "default", "--extensions", "none"],
        model_flag: "--model",
        settings: &[("GEMINI_CLI_TRUST_WORKSPACE", "true")],
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        login: &[".gemini/oauth_creds.json", ".gemini/google_accounts.json"],
        login_settings: &[("GOOGLE_GENAI_USE_GCA", "true")],
        files: &[(
            ".gemini/settings.json",
            "{\"general\":{\"disableAutoUpdate\":true},\"mcpServers\":{},\"privacy\":{\"usageStatisticsEnabled\":false},\
             \"tools\":{\"core\":[]}}\n",
        )],
        form: Form::Gemini,
    },
    Preset {
        id: "copilot",
        summary: "Copilot CLI, with the prompt piped in",
        argv: &[
            "-s",
            "--no-color",
            "--no-ask-user",
            "--no-custom-instructions",
            "--disable-builtin-mcps",
            "--deny-tool=shell",
            "--deny-tool=write",
            "--deny-tool=url",
        ],
        model_flag: "--model",
        settings: &[("COPILOT_AUTO_UPDATE", "false")],
        // A token of the forge may do more than ask a model: only the one that is for nothing else is passed.
        key_variables: &["COPILOT_GITHUB_TOKEN"],
        login: &[".copilot/config.json"],
        login_settings: &[],
        files: &[],
        form: Form::Plain,
    },
];

/// Returns the preset of a name.
#[must_use]
pub fn preset(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

impl Preset {
    /// Returns the agent that the preset describes.
    #[must_use]
    pub fn agent(&self) -> Agent {
        let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Agent {
            name: self.id.to_owned(),
            argv: std::iter::once(self.id.to_owned()).chain(words(self.argv)).collect(),
            model_flag: Some(self.model_flag.to_owned()),
            settings: owned(self.settings),
            key_variables: words(self.key_variables),
            variables: Vec::new(),
            login: words(self.login),
            login_settings: owned(self.login_settings),
            files: owned(self.files),
            reads: Vec::new(),
            network: true,
            form: self.form,
        }
    }
}
