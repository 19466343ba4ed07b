//! Files that no pattern may bring in by the way: those that instruct agents, and those that hold secrets.

use super::{CONTEXT_FILE, SkipReason};

/// Files that agents take for instructions or settings, in any folder, ASCII-lower-cased.
const AGENT_FILES: &[&str] = &[
    "agents.md",
    "agents.override.md",
    "agent.md",
    "claude.md",
    "claude.local.md",
    "gemini.md",
    "qwen.md",
    "skill.md",
    "llms.txt",
    "copilot-instructions.md",
    ".mcp.json",
    "mcp.json",
    ".cursorrules",
    ".cursorignore",
    ".windsurfrules",
    ".clinerules",
    ".roorules",
    ".rules",
    ".goosehints",
    ".aider.conf.yml",
    "opencode.json",
    "opencode.jsonc",
    "lefthook.yml",
    "lefthook.yaml",
    ".pre-commit-config.yaml",
];

/// Folders of agents and of hooks, at any depth, ASCII-lower-cased.
const AGENT_FOLDERS: &[&str] = &[
    ".agents",
    ".amazonq",
    ".claude",
    ".clinerules",
    ".codex",
    ".continue",
    ".cursor",
    ".gemini",
    ".githooks",
    ".husky",
    ".junie",
    ".kiro",
    ".opencode",
    ".roo",
    ".windsurf",
];

/// Folders of agents' instructions below `.github`.
const GITHUB_FOLDERS: &[&str] = &["agents", "chatmodes", "hooks", "instructions", "prompts", "skills"];

/// Files that hold secrets by convention, ASCII-lower-cased.
const SENSITIVE_FILES: &[&str] = &[
    ".env",
    ".envrc",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "credentials",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kubeconfig",
    "secrets.yaml",
    "secrets.yml",
    "terraform.tfstate",
];

/// Endings of files that hold keys.
const SENSITIVE_ENDINGS: &[&str] = &[".jks", ".kdbx", ".key", ".keystore", ".p12", ".pem", ".pfx", ".ppk"];

/// Tells why a file may come in only where the directive names it alone.
pub(super) fn refused(path: &str) -> Option<SkipReason> {
    let folded = path.to_ascii_lowercase();
    let mut parts: Vec<&str> = folded.split('/').collect();
    let name = parts.pop().unwrap_or_default();
    let in_github = parts.windows(2).any(|pair| pair[0] == ".github" && GITHUB_FOLDERS.contains(&pair[1]));
    let agents = AGENT_FILES.contains(&name)
        || name == CONTEXT_FILE.to_ascii_lowercase()
        || parts.iter().any(|part| AGENT_FOLDERS.contains(part))
        || in_github;
    if agents {
        return Some(SkipReason::AgentInstructions);
    }
    let example = [".example", ".sample", ".template"].iter().any(|ending| name.ends_with(ending));
    let sensitive = SENSITIVE_FILES.contains(&name)
        || SENSITIVE_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || (name.starts_with(".env.") && !example);
    sensitive.then_some(SkipReason::Sensitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d05_files_that_instruct_agents_are_known_in_any_folder_and_case() {
        for bad in [
            "AGENTS.md",
            "sub/agents.MD",
            "CLAUDE.md",
            "GEMINI.md",
            ".mcp.json",
            ".cursor/rules/a.mdc",
            "x/.Cursor/a",
            ".github/copilot-instructions.md",
            ".github/instructions/a.instructions.md",
            ".claude/settings.json",
            ".husky/pre-commit",
            "docs/CONTEXT.md",
        ] {
            assert_eq!(refused(bad), Some(SkipReason::AgentInstructions), "{bad}");
        }
        for good in ["README.md", "docs/agents/list.md", ".github/CONTRIBUTING.md", "instructions/a.md"] {
            assert_eq!(refused(good), None, "{good}");
        }
    }

    #[test]
    fn d21_files_that_hold_secrets_by_convention_are_known() {
        for bad in [".env", "a/.env.production", "deploy/server.pem", "ID_RSA", "x/.npmrc", "k8s/secrets.yaml"] {
            assert_eq!(refused(bad), Some(SkipReason::Sensitive), "{bad}");
        }
        for good in [".env.example", "src/env.rs", "docs/keys.md", "src/credentials.rs"] {
            assert_eq!(refused(good), None, "{good}");
        }
    }
}
