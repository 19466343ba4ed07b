//! Reason codes of key files, ssh and the files of the trust root.

use crate::reasons;

reasons! {
    KEY_FILE = "key.file", Usage, "the key file is missing, or is no plain file of a key's size", "name the file that `countersign keys generate` wrote";
    KEY_PERMISSIONS = "key.permissions", Usage, "others can read or change the file", "let it be yours, and nobody else's to read or change";
    KEY_EXISTS = "key.exists", Usage, "a file of that name exists, and keys are never overwritten", "choose another name, or move the old file away";
    KEY_IN_REPOSITORY = "key.in_repository", Usage, "a private key would lie in a git work tree", "leave out the path: the default is outside of every repository";
    KEY_UNKNOWN = "key.unknown", Usage, "the trust root lists no such key", "see `countersign keys show`";
    ISSUER_UNKNOWN = "issuer.unknown", Usage, "the trust root lists no such issuer", "see `countersign keys show`; URLs are compared byte for byte";
    KEY_RANDOM = "key.random", Internal, "the system gave no random bytes", "try again on a machine with a working random source";
    PRINCIPAL_UNKNOWN = "principal.unknown", Usage, "the trust root lists no such person or program", "enrol the principal first; see `countersign keys show`";
    SSH_MISSING_TOOL = "ssh.missing_tool", Usage, "`ssh-keygen` was not found", "install the OpenSSH client, version 8.2 or newer";
    SSH_REFUSED = "ssh.refused", Usage, "`ssh-keygen` did not sign", "check the passphrase, the agent and the key with `ssh-add -l`";
    SSH_NOT_ED25519 = "ssh.not_ed25519", Usage, "the OpenSSH key is of another type", "make one with `ssh-keygen -t ed25519`";
    SSH_IDENTITY = "ssh.identity", Usage, "the name cannot stand in an allowed_signers file", "use letters, digits and . _ @ + - only";
    SSH_NO_SIGNATURE = "ssh.no_signature", Usage, "the entry bears no signature of an OpenSSH key", "`countersign ledger show SEQ` says who signed it";
    TRUST_MISSING = "trust.missing", Usage, "the repository has no trust root", "make one with `countersign init`";
    TRUST_FILES = "trust.files", Verification, "the files of the trust root contradict one another", "restore `.countersign/trust.json` and `.countersign/trust/` from the base branch";
    TRUST_VERSION_EXISTS = "trust.version_exists", Usage, "that version of the trust root exists with other content", "sign the version that is pending, or remove its files to start anew";
    TRUST_CHANGE = "trust.change", Usage, "the trust root cannot be changed in this way", "see `countersign keys show` for what it says now";
    TRUST_NOTHING_PENDING = "trust.nothing_pending", Usage, "no change of the trust root waits for signatures", "see `countersign keys show`";
}
