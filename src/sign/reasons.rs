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
    TRUST_MALFORMED = "trust.malformed", Verification, "the trust root contradicts itself", "make it with `countersign init` and `countersign keys`; do not edit it";
    TRUST_UNPINNED = "trust.unpinned", Verification, "the trust root is not pinned", "pin it: set COUNTERSIGN_TRUST_ROOT to its digest, or run `countersign keys trust`";
    TRUST_PIN = "trust.pin_mismatch", Verification, "the trust root does not descend from the pinned one", "find out who changed it before you pin it anew";
    TRUST_EXPIRED = "trust.expired", Stale, "the trust root has expired", "renew it with `countersign keys renew`";
    TRUST_ROLLBACK = "trust.rollback", Verification, "the trust root is older than one already seen", "get the newest `.countersign/trust.json` from the base branch";
    TRUST_THRESHOLD = "trust.threshold", Verification, "a change of the trust root lacks signatures of its root keys", "have enough root keys sign the change";
}
