//! Why no answer was had.

use crate::reasons;

reasons! {
    PROVIDER_UNREACHABLE = "provider.unreachable", Contended, "the provider of the model cannot be reached", "check the endpoint and the network, then try again; nothing was planned";
    PROVIDER_UNKNOWN = "provider.unknown", Usage, "there is no such provider or agent", "see `countersign providers list`";
    PROVIDER_NO_KEY = "provider.no_key", Usage, "there is no key for the provider", "`countersign providers check` says what is missing for each";
    PROVIDER_NO_ENDPOINT = "provider.no_endpoint", Usage, "it is not said where the provider is reached", "give --endpoint, or `endpoint` in the configuration, such as http://127.0.0.1:8080/v1";
    PROVIDER_MODEL_NAME = "provider.model_name", Usage, "the text is no name of a model", "give the name as the provider lists it";
    PROVIDER_AGENT_MISSING = "provider.agent_missing", Usage, "the agent's program is not on this machine", "install it, or see `countersign providers check` for what else there is";
    PROVIDER_AGENT_FAILED = "provider.agent_failed", Contended, "the agent ended without an answer", "see what it says; `countersign providers check` looks for its key and login";
    PROVIDER_AGENT_TIMEOUT = "provider.agent_timeout", Limit, "the agent gave no answer in time, and was ended", "raise `timeout` in the configuration, or give the directive less context";
    PROVIDER_AGENT_OUTPUT = "provider.agent_output", Limit, "the agent printed more than an answer may hold", "ask again; nothing of it counts";
    PROVIDER_AGENT_FORM = "provider.agent_form", Verification, "the agent printed something else than the form it announces", "look at what it prints; an agent of your own must print the answer alone";
    PROVIDER_MANUAL_PENDING = "provider.manual_pending", Pending, "the question is written to files, and waits for its answer", "put the answer into the file that is named, and run the command that is named";
    PROVIDER_MANUAL_ANSWER = "provider.manual_answer", Usage, "the file of the answer cannot be taken", "give one text file in UTF-8 that holds the answer and nothing else";
    PROVIDER_CASSETTE_MISS = "provider.cassette_miss", Stale, "the cassette holds no answer to this question", "record it anew with `plan --record FILE`: directive, context, schema or prompt have changed";
    PROVIDER_CASSETTE_FORM = "provider.cassette_form", Verification, "the file is no cassette", "record it anew with `plan --record FILE`";
    PROVIDER_CASSETTE_SECRET = "provider.cassette_secret", Refused, "what would be recorded seems to hold a secret", "take the secret out of what is sent; a cassette is kept and shared";
    ENDPOINT = "provider.endpoint", Usage, "the address of a provider cannot be used", "give https://HOST/PATH, or http:// on this machine; no user, no query: keys stand in variables or files only";
    KEY_MISSING = "provider.key_missing", Usage, "the provider asks for a key and there is none", "put the key in the provider's variable, or in a file that the configuration names";
    KEY_INVALID = "provider.key_invalid", Usage, "a key of a provider cannot be sent", "a key is one line of printable ASCII without spaces; see whether the file holds something else";
    KEY_EXPOSED = "provider.key_exposed", Refused, "a question or an answer holds the provider's key itself", "take the key out of what is read, and make a new one: this one has been where it must not be";
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
