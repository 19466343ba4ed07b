//! Reason codes of signatures, keys and the trust root.

use crate::reasons;

reasons! {
    DSSE_MALFORMED = "dsse.malformed", Verification, "the bytes are not a DSSE envelope", "give the envelope exactly as it was written";
    DSSE_PAYLOAD_TYPE = "dsse.payload_type", Verification, "the envelope's payload is of another type", "only application/vnd.in-toto+json is accepted";
    DSSE_BASE64 = "dsse.base64", Verification, "base64 in the envelope is not in its one canonical form", "give the envelope exactly as it was written";
    SIGNATURE_NONE = "signature.none", Verification, "no signature of a trusted key was found", "sign with a key that the trust root lists";
    SIGNATURE_INVALID = "signature.invalid", Verification, "a signature that names a trusted key does not hold", "the payload or the signature was altered; get the original";
    ATTESTATION_ABSENT = "attestation.absent", Verification, "the envelope holds another kind of statement than the one needed", "give the statement that the check asks for";
    PAYLOAD_MALFORMED = "payload.malformed", Verification, "a signed payload is not a statement of its type", "use the same version of countersign that wrote it";
    SUBJECT_MISMATCH = "subject.mismatch", Verification, "the statement's subjects are not what its predicate names", "the statement was put together wrongly; make it anew";
    KEY_MALFORMED = "key.malformed", Usage, "the key cannot be read", "give an ed25519 key: PKCS#8 PEM, or OpenSSH";
    KEY_WEAK = "key.weak", Verification, "the public key is weak, of small order, or not canonical", "make a new key with `countersign keys generate`";
    KEY_DUTY = "key.role", Verification, "the key may not sign this kind of statement", "sign with a key that has the duty; see `countersign keys show`";
    KEY_VALIDITY = "key.validity", Stale, "the key was not valid at that time", "enrol a new key with `countersign keys enrol`";
    KEY_REVOKED = "key.revoked", Verification, "the key was revoked", "sign with another key";
    NOTE_MALFORMED = "note.malformed", Verification, "a note says nothing, or more than a note may", "a text of 1 to 1,000 characters, at most 20 labels, in order, none twice, none both added and removed";
    TRUST_MALFORMED = "trust.malformed", Verification, "the trust root contradicts itself", "make it with `countersign init` and `countersign keys`; do not edit it";
    TRUST_UNPINNED = "trust.unpinned", Verification, "the trust root is not pinned", "pin it: set COUNTERSIGN_TRUST_ROOT to its digest, or run `countersign keys trust`";
    TRUST_PIN = "trust.pin_mismatch", Verification, "the trust root is not the one that is trusted, or none that came after it", "find out who changed it before you pin another";
    TRUST_EXPIRED = "trust.expired", Stale, "the trust root has expired", "renew it with `countersign keys renew`";
    TRUST_ROLLBACK = "trust.rollback", Verification, "the trust root is older than one already seen", "get the newest `.countersign/trust.json` from the base branch";
    TRUST_THRESHOLD = "trust.threshold", Verification, "a change of the trust root lacks signatures of its root keys", "have enough root keys sign the change";
    OIDC_TOKEN_MISSING = "oidc.token_missing", Verification, "the trust root asks for the CI job's identity, and no token shows it", "run it in the CI job, with `permissions: id-token: write`";
    OIDC_TOKEN_MALFORMED = "oidc.token_malformed", Verification, "the bytes are not a token in compact form", "only three parts of base64url without padding are read";
    OIDC_HEADER = "oidc.header_refused", Verification, "the token's header brings a key along, or changes what is signed", "keys come from the issuer that the trust root lists, and from nowhere else";
    OIDC_ALGORITHM = "oidc.algorithm_refused", Verification, "the token's algorithm is not one that counts for its issuer or its key", "the trust root lists the algorithms of each issuer";
    OIDC_JWKS = "oidc.jwks_malformed", Verification, "the issuer's list of keys is not one that can be trusted", "see what the issuer serves; keys of less than 2,048 bits and ids that stand twice are refused";
    OIDC_JWKS_CHANGED = "oidc.jwks_changed", Verification, "the issuer's list of keys is not the pinned one", "find out why it changed before you pin it anew in the trust root";
    OIDC_KEY_UNKNOWN = "oidc.key_unknown", Verification, "the issuer lists no key of the token's key id", "ask for a new token";
    OIDC_SIGNATURE = "oidc.signature_invalid", Verification, "the token's signature does not hold", "the token was altered, or made by somebody else";
    OIDC_PROOF = "oidc.proof_invalid", Verification, "the proof that the issuer signed the token does not hold", "the signature was altered, or made by somebody else; have it made anew in its job";
    OIDC_ISSUER = "oidc.issuer_untrusted", Verification, "the trust root does not list the token's issuer", "issuers are compared byte for byte; see `countersign keys show`";
    OIDC_AUDIENCE = "oidc.audience_mismatch", Verification, "the token was made for something else", "ask for a token with exactly the audience of this plan";
    OIDC_EXPIRED = "oidc.token_expired", Stale, "the token has expired", "ask for a new token; check the machine's clock";
    OIDC_NOT_YET = "oidc.token_not_yet", Stale, "the token is from the future", "check the machine's clock";
    OIDC_LIFETIME = "oidc.token_lifetime", Verification, "the token's times contradict each other, or it is valid for too long", "a token is valid for at most an hour";
    OIDC_CLAIM_MISSING = "oidc.claim_missing", Verification, "the token lacks a claim that must be there", "the claim is named; the issuer must make it";
    OIDC_CLAIM_MALFORMED = "oidc.claim_malformed", Verification, "a claim of the token is not of its type", "the claim is named; nothing is guessed";
    OIDC_CLAIM_MISMATCH = "oidc.claim_mismatch", Verification, "a claim of the token is not what it must be here", "the claim is named; run the job where the plan belongs";
    OIDC_ENVIRONMENT_MISSING = "oidc.environment_missing", Verification, "the plan is for an environment, and the job runs in none", "give the job the key `environment:`; without it no reviewer was asked";
    OIDC_WORKFLOW_UNPINNED = "oidc.workflow_unpinned", Verification, "the workflow that runs is not one that the trust root pins", "run the pinned workflow from its protected branch";
    OIDC_EVENT_REFUSED = "oidc.event_refused", Verification, "the event that started the workflow may start no execution", "the trust root lists the events of each issuer";
    OIDC_FORK = "oidc.fork", Verification, "the job runs for a change request, whose author may be anybody", "execute from the protected branch";
    OIDC_RUNNER = "oidc.runner_refused", Verification, "the job runs on another kind of machine than the trust root asks for", "run it on the kind of runner that the trust root names";
}
