//! The providers behind HTTP that are known by name.

/// One provider behind HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The word that files and flags use.
    pub id: &'static str,
    /// What it is, on one line.
    pub summary: &'static str,
    /// Variables that may hold the key; the first that is set counts. None where no key is needed.
    pub key_variables: &'static [&'static str],
    /// Where it is reached; none where it must be said.
    pub endpoint: Option<&'static str>,
    /// The model that is asked where none is named.
    pub model: &'static str,
}

/// The provider at an address of one's own, which speaks the protocol of `openai`.
pub const LOCAL: &str = "local";

/// Every provider behind HTTP.
pub static ALL: &[Wire] = &[
    Wire {
        id: "openai",
        summary: "OpenAI, and what speaks its chat completions at another endpoint",
        key_variables: &["OPENAI_API_KEY"],
        endpoint: Some("https://api.openai.com/v1"),
        model: "gpt-5-mini",
    },
    Wire {
        id: "anthropic",
        summary: "Anthropic's messages",
        key_variables: &["ANTHROPIC_API_KEY"],
        endpoint: Some("https://api.anthropic.com"),
        model: "claude-sonnet-4-5",
    },
    Wire {
        id: "gemini",
        summary: "Gemini's generateContent",
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        endpoint: Some("https://generativelanguage.googleapis.com"),
        model: "gemini-2.5-flash",
    },
    Wire {
        id: LOCAL,
        summary: "a server of your own that speaks OpenAI's chat completions: llama.cpp, Ollama, vLLM",
        key_variables: &[],
        endpoint: None,
        model: "default",
    },
];

/// Returns the provider of a name.
#[must_use]
pub fn find(id: &str) -> Option<&'static Wire> {
    ALL.iter().find(|wire| wire.id == id)
}
