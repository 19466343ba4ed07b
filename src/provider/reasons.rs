//! Why no answer was had.

use crate::reasons;

reasons! {
    PROVIDER_UNREACHABLE = "provider.unreachable", Contended, "the provider of the model cannot be reached", "check the endpoint and the network, then try again; nothing was planned";
    ENDPOINT = "provider.endpoint", Usage, "the address of a provider cannot be used", "give https://HOST/PATH, or http:// on this machine; no user, no query: keys stand in variables or files only";
    KEY_MISSING = "provider.key_missing", Usage, "the provider asks for a key and there is none", "put the key in the provider's variable, or in a file that the configuration names";
    KEY_INVALID = "provider.key_invalid", Usage, "a key of a provider cannot be sent", "a key is one line of printable ASCII without spaces; see whether the file holds something else";
    KEY_EXPOSED = "provider.key_exposed", Refused, "a question or an answer holds the provider's key itself", "take the key out of what is read, and make a new one: this one has been where it must not be";
    MODEL_NAME = "provider.model_name", Usage, "the name of a model is missing, or cannot be one", "name the model as the provider does, such as with --model";
    DENIED = "provider.denied", Refused, "the provider does not let this key in", "check the key, what it may do, and that it belongs to this endpoint";
    REJECTED = "provider.rejected", Refused, "the provider does not take the question", "the message is the provider's; see that the model exists and can answer by a JSON Schema";
    RATE_LIMITED = "provider.rate_limited", Contended, "the provider takes no more questions for now", "come back at the time given, or see the limits and the credit of the account";
    FAILED = "provider.failed", Contended, "the provider failed", "try again later; see the provider's status page";
    TIMEOUT = "provider.timeout", Limit, "the provider took too long", "allow more time, or ask a quicker model";
    REDIRECTED = "provider.redirected", Verification, "the provider sent us to another place", "give the address that answers itself; no question and no key is taken elsewhere";
    CONTENT_TYPE = "provider.content_type", Verification, "what answered does not speak the provider's protocol", "see that the endpoint ends where the protocol begins, such as /v1, and that no proxy answers in its place";
    MALFORMED = "provider.malformed", Verification, "the answer of a provider cannot be read", "see that the provider speaks the protocol that was named";
    TRUNCATED = "provider.truncated", Verification, "the answer of a provider ended before its end", "try again; a part of an answer never counts";
    TOO_LARGE = "provider.too_large", Limit, "the answer of a provider is larger than its limit", "ask for less at a time, or see what answers there";
    CUT_SHORT = "provider.cut_short", Limit, "the model had more to say than it was allowed", "allow more tokens of output, or ask for less at a time";
    FILTERED = "provider.filtered", Refused, "the provider's filter took the answer away", "see what of the question or the files may have set it off";
    REFUSAL = "provider.refusal", Refused, "the model refuses to answer", "read what it says; change the directive, or ask another model";
    TOOL_CALL = "provider.tool_call", Refused, "the model called a tool instead of answering", "no tool is ever offered to a planner: ask another model, or see what stands between";
    EMPTY = "provider.empty", Verification, "the model said nothing", "try again, or ask another model";
}
