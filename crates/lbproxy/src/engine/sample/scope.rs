//! Where an expression may be evaluated: a fetch declares the places at which what it reads is there.

/// A place at which expressions are evaluated, in the order of HAProxy's `-dKsmp` columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Place {
    FrontendConnection = 0,
    FrontendSession,
    FrontendContent,
    FrontendRequest,
    FrontendRequestBody,
    UseBackend,
    BackendContent,
    BackendRequest,
    BackendRequestBody,
    /// `balance`, `use-server`, `stick match`.
    ServerChoice,
    /// `source` and `server` options evaluated at connect.
    ServerConnect,
    BackendResponseContent,
    BackendResponse,
    BackendResponseBody,
    StickStore,
    FrontendResponseContent,
    FrontendResponse,
    FrontendResponseBody,
    Log,
    Check,
    Config,
    Cli,
}

impl Place {
    /// Every place, in the order of HAProxy's columns.
    pub const ALL: [Place; Scope::PLACES as usize] = [
        Place::FrontendConnection,
        Place::FrontendSession,
        Place::FrontendContent,
        Place::FrontendRequest,
        Place::FrontendRequestBody,
        Place::UseBackend,
        Place::BackendContent,
        Place::BackendRequest,
        Place::BackendRequestBody,
        Place::ServerChoice,
        Place::ServerConnect,
        Place::BackendResponseContent,
        Place::BackendResponse,
        Place::BackendResponseBody,
        Place::StickStore,
        Place::FrontendResponseContent,
        Place::FrontendResponse,
        Place::FrontendResponseBody,
        Place::Log,
        Place::Check,
        Place::Config,
        Place::Cli,
    ];

    /// As messages name it.
    pub const fn name(self) -> &'static str {
        match self {
            Place::FrontendConnection => "tcp-request connection rule",
            Place::FrontendSession => "tcp-request session rule",
            Place::FrontendContent | Place::BackendContent => "tcp-request content rule",
            Place::FrontendRequest | Place::BackendRequest => "http-request rule",
            Place::FrontendRequestBody | Place::BackendRequestBody => "http-request rule after the body",
            Place::UseBackend => "use_backend rule",
            Place::ServerChoice => "balance, use-server or stick rule",
            Place::ServerConnect => "server connection",
            Place::BackendResponseContent | Place::FrontendResponseContent => "tcp-response content rule",
            Place::BackendResponse | Place::FrontendResponse => "http-response rule",
            Place::BackendResponseBody | Place::FrontendResponseBody => "http-response rule after the body",
            Place::StickStore => "stick store rule",
            Place::Log => "log format",
            Place::Check => "health check",
            Place::Config => "configuration",
            Place::Cli => "command line",
        }
    }

    /// Whether rules of the response run there.
    pub const fn responding(self) -> bool {
        let p = self as u8;
        p >= Place::BackendResponseContent as u8 && p <= Place::FrontendResponseBody as u8
    }
}

/// A set of places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scope(u32);

impl Scope {
    pub const PLACES: u8 = 22;

    const fn range(from: Place, to: Place) -> u32 {
        ((1u32 << (to as u8 + 1)) - 1) & !((1u32 << from as u8) - 1)
    }

    const fn of(p: Place) -> u32 {
        1 << p as u8
    }

    /// Constants and facts of the process.
    pub const ANYWHERE: Scope = Scope(Scope::range(Place::FrontendConnection, Place::Cli));
    /// Facts of proxies and servers.
    pub const RUNTIME: Scope = Scope(Scope::ANYWHERE.0 & !Scope::of(Place::Config));
    /// Facts of the client's connection.
    pub const CLIENT: Scope = Scope(Scope::range(Place::FrontendConnection, Place::Check));
    /// Facts of the frontend.
    pub const FRONTEND: Scope = Scope(Scope::range(Place::FrontendConnection, Place::Log));
    /// Facts of the session: known once handshakes are over.
    pub const SESSION: Scope = Scope(Scope::range(Place::FrontendSession, Place::Log));
    /// The request, as long as it is there.
    pub const REQUEST: Scope = Scope(Scope::range(Place::FrontendContent, Place::ServerConnect));
    /// What is kept of the request to the end.
    pub const TRANSACTION: Scope = Scope(Scope::range(Place::FrontendContent, Place::Log));
    /// Request or response, whichever direction runs.
    pub const MESSAGE: Scope =
        Scope(Scope::range(Place::FrontendContent, Place::FrontendResponseBody) | Scope::of(Place::Check));
    /// Facts of the backend.
    pub const BACKEND: Scope = Scope(Scope::range(Place::BackendContent, Place::Check));
    /// The server that was chosen.
    pub const SERVER: Scope = Scope(Scope::range(Place::ServerConnect, Place::Check));
    /// The response, as long as it is there.
    pub const RESPONSE: Scope = Scope(
        Scope::range(Place::BackendResponseContent, Place::FrontendResponseBody) | Scope::of(Place::Check),
    );
    /// What is kept of the response and the server connection to the end.
    pub const ANSWERED: Scope = Scope(Scope::range(Place::BackendResponseContent, Place::Check));
    /// What is counted of the response from the choice of the server on.
    pub const TRANSFER: Scope = Scope(Scope::range(Place::ServerChoice, Place::Log));

    pub const fn has(self, p: Place) -> bool {
        self.0 & Scope::of(p) != 0
    }

    pub const fn and(self, other: Scope) -> Scope {
        Scope(self.0 & other.0)
    }

    /// What an expression of this scope needs, for messages.
    pub fn needs(self) -> &'static str {
        match self {
            s if s == Scope::REQUEST => "the HTTP request or its buffer",
            s if s == Scope::RESPONSE => "the HTTP response or its buffer",
            s if s == Scope::MESSAGE => "the HTTP request or response",
            s if s == Scope::ANSWERED || s == Scope::TRANSFER => "the answer of a server",
            s if s == Scope::SERVER => "a chosen server",
            s if s == Scope::BACKEND => "a chosen backend",
            s if s == Scope::TRANSACTION => "a stream",
            s if s == Scope::SESSION => "a session with handshakes over",
            _ => "something else",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_gone_when_the_log_is_written_but_what_was_kept_of_it_is_not() {
        assert!(!Scope::REQUEST.has(Place::Log) && Scope::TRANSACTION.has(Place::Log));
        assert!(Scope::CLIENT.has(Place::Check) && !Scope::FRONTEND.has(Place::Check));
        assert!(Scope::RUNTIME.has(Place::Cli) && !Scope::RUNTIME.has(Place::Config));
    }
}
