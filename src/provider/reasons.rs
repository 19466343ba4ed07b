//! Why no answer was had.

use crate::reasons;

reasons! {
    PROVIDER_UNREACHABLE = "provider.unreachable", Contended, "the provider of the model cannot be reached", "check the endpoint and the network, then try again; nothing was planned";
}
