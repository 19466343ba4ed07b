//! The commands there are: one table, from which the grammar, the help and the documents are made.

use super::NAME;

/// Where the reason of a command may stand, and whether there must be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Behind the command or below it, and it must be there.
    Must,
    /// Behind the command or below it, if at all.
    May,
    /// Below the command only, if at all: nothing but its arguments may stand on its line.
    Below,
}

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command.
    pub verb: Verb,
    /// The word that asks for it.
    pub word: &'static str,
    /// Its arguments; empty where it has none.
    pub arguments: &'static str,
    /// What it does, lower case, no period.
    pub summary: &'static str,
    /// Where its reason may stand.
    pub why: Why,
}

/// Makes the enumeration and the table of one list: a command in one of them only does not compile.
macro_rules! verbs {
    ($($verb:ident = $word:literal $arguments:literal, $why:ident, $summary:literal;)*) => {
        /// The word of a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Verb {
            $(#[doc = concat!("`", $word, "`: ", $summary, ".")] $verb,)*
        }

        impl Verb {
            /// Every command, in the order in which help lists them.
            pub const ALL: &'static [Entry] = &[
                $(Entry { verb: Self::$verb, word: $word, arguments: $arguments, summary: $summary, why: Why::$why },)*
            ];
        }
    };
}

verbs! {
    Plan = "plan" "[DIRECTIVE] [-i NAME=VALUE]...", Below, "draft a plan; without a directive, that of this change request";
    Status = "status" "[DIGEST]", Below, "say how the plan stands and what is still needed";
    Diff = "diff" "[DIGEST]", Below, "say what changed since the plan that was approved before";
    Approve = "approve" "DIGEST", Below, "agree to exactly this plan";
    Reject = "reject" "DIGEST REASON", Must, "refuse exactly this plan, for good";
    Revoke = "revoke" "[DIGEST] [REASON]", May, "take your approval back";
    Execute = "execute" "DIGEST", Below, "run exactly this plan, if enough people agreed";
    Retry = "retry" "[DIGEST]", Below, "go on with a run that stopped; finished steps are not repeated";
    Resolve = "resolve" "RUN STEP retry|skip|abort REASON", Must, "say how a step of unknown outcome is to be taken";
    Halt = "halt" "[REASON]", May, "stop everything: no further step starts, in any run";
    Unlock = "unlock" "REASON", Must, "end a halt";
    Help = "help" "", Below, "list the commands";
}

impl Verb {
    /// Returns the command's entry in the table.
    #[must_use]
    pub const fn entry(self) -> &'static Entry {
        &Self::ALL[self as usize]
    }

    /// Returns the word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.entry().word
    }

    /// Returns the command of exactly this word.
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|entry| entry.word == word).map(|entry| entry.verb)
    }
}

impl Entry {
    /// Returns the form of the whole line.
    #[must_use]
    pub fn form(&self) -> String {
        [NAME, self.word, self.arguments].join(" ").trim_end().to_owned()
    }
}
