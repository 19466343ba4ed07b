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
}
