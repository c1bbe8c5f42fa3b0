//! What a check found, in the words and numbers of `show stat`, `show servers state` and the log.

/// Outcome of a check in detail (management guide 9.1, column `check_status`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Status {
    #[default]
    Unknown = 0,
    Init = 1,
    Hana = 4,
    SockErr = 5,
    L4Ok = 6,
    L4Tout = 7,
    L4Con = 8,
    L6Ok = 9,
    L6Tout = 10,
    L6Rsp = 11,
    L7Tout = 12,
    L7Rsp = 13,
    L7Ok = 15,
    L7OkCond = 16,
    L7Sts = 17,
    ProcErr = 18,
    ProcTout = 19,
    ProcOk = 20,
}

/// What a check means for the server (`srv_check_result`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Verdict {
    #[default]
    Neutral = 1,
    Failed = 2,
    Passed = 3,
    /// Up, but wants no new sessions (404 with `disable-on-404`).
    Conditional = 4,
}

const TABLE: &[(Status, &str, &str)] = &[
    (Status::Unknown, "UNK", "unknown"),
    (Status::Init, "INI", "Initializing"),
    (Status::Hana, "HANA", "Health analyze"),
    (Status::SockErr, "SOCKERR", "Socket error"),
    (Status::L4Ok, "L4OK", "Layer4 check passed"),
    (Status::L4Tout, "L4TOUT", "Layer4 timeout"),
    (Status::L4Con, "L4CON", "Layer4 connection problem"),
    (Status::L6Ok, "L6OK", "Layer6 check passed"),
    (Status::L6Tout, "L6TOUT", "Layer6 timeout"),
    (Status::L6Rsp, "L6RSP", "Layer6 invalid response"),
    (Status::L7Tout, "L7TOUT", "Layer7 timeout"),
    (Status::L7Rsp, "L7RSP", "Layer7 invalid response"),
    (Status::L7Ok, "L7OK", "Layer7 check passed"),
    (Status::L7OkCond, "L7OKC", "Layer7 check conditionally passed"),
    (Status::L7Sts, "L7STS", "Layer7 wrong status"),
    (Status::ProcErr, "PROCERR", "External check error"),
    (Status::ProcTout, "PROCTOUT", "External check timeout"),
    (Status::ProcOk, "PROCOK", "External check passed"),
];

impl Status {
    fn row(self) -> (&'static str, &'static str) {
        TABLE.iter().find(|r| r.0 == self).map_or(("UNK", "unknown"), |r| (r.1, r.2))
    }

    /// `L4OK`, as `show stat` prints it.
    pub fn word(self) -> &'static str {
        self.row().0
    }

    /// `Layer4 check passed`, as logs print it.
    pub fn text(self) -> &'static str {
        self.row().1
    }

    /// The status of a word, for `error-status L7RSP` and its kin.
    pub fn parse(word: &str) -> Option<Status> {
        TABLE.iter().find(|r| r.1 == word).map(|r| r.0)
    }

    /// Whether a code is printed with it, even 0.
    pub const fn has_code(self) -> bool {
        self as u8 >= Status::L7Ok as u8
    }

    /// Number in `show servers state`.
    pub const fn number(self) -> u8 {
        self as u8
    }

    pub const fn verdict(self) -> Verdict {
        match self {
            Status::Unknown | Status::Init => Verdict::Neutral,
            Status::L4Ok | Status::L6Ok | Status::L7Ok | Status::ProcOk => Verdict::Passed,
            Status::L7OkCond => Verdict::Conditional,
            _ => Verdict::Failed,
        }
    }

    /// Result number in `show servers state`: 0 before the first check.
    pub const fn result_number(self) -> u8 {
        match self {
            Status::Unknown | Status::Init => 0,
            s => s.verdict() as u8,
        }
    }
}
