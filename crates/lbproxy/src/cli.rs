//! The command line: HAProxy's own (management guide, chapter 3) and a few long options of ours.
//!
//! Owns: [`OPTIONS`], one row per option with how far it is served, and [`parse`], which is pure. Invariants: an
//! unknown option is an error; one that is known and not built is refused by its name with the reason; one without
//! effect is noted once. What the options do is left to `process`.

use std::path::PathBuf;

use common::keyword::Support;

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cli {
    /// Configuration files and directories, in order (`-f`, `--`).
    pub files: Vec<PathBuf>,
    pub chdir: Option<PathBuf>,
    pub action: Action,
    pub daemon: bool,
    /// `-d`, `-db`: stay in the foreground whatever the configuration says.
    pub foreground: bool,
    pub verbose: bool,
    pub quiet: bool,
    pub pidfile: Option<PathBuf>,
    pub maxconn: Option<u32>,
    /// `-N`: most connections of a proxy that sets no `maxconn`.
    pub proxy_maxconn: Option<u32>,
    /// `-m`, megabytes.
    pub memory_mb: Option<u64>,
    pub localpeer: Option<String>,
    pub master: bool,
    /// `-Ws`: tell systemd.
    pub notify: bool,
    /// Processes to end softly (`-sf`) or at once (`-st`) when the listeners are bound.
    pub finish: Vec<i32>,
    pub terminate: Vec<i32>,
    /// `-dr`: a server whose name does not resolve is no error.
    pub ignore_resolution: bool,
    /// `-4`: names of servers resolve to IPv4 addresses only.
    pub ipv4_only: bool,
    /// `-dW`: warnings are fatal.
    pub zero_warning: bool,
    /// `-dD`: say what is merely suspicious, too.
    pub diagnostic: bool,
    /// `-dV`: servers' certificates are not verified.
    pub no_server_verify: bool,
    /// `-dK…`: registries to print after loading.
    pub keywords: Option<String>,
    /// What to say once: options without effect.
    pub notes: Vec<String>,
}

/// What the process is there for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Action {
    #[default]
    Serve,
    /// `-c`
    Check,
    /// `-cc CONDITION`
    Condition(String),
    /// `-v`, `-vv`, `-vq`, `-vqs`, `-vqb`
    Version(Version),
    /// `--dump=yaml`
    DumpYaml,
    /// `--schema`
    Schema,
    /// `--explain CODE`
    Explain(String),
    Help,
}

/// How much of the version to print.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    Short,
    Long,
    /// Number only, number without suffix, branch.
    Quiet,
    QuietShort,
    Branch,
}

/// Why a command line is not understood.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown option '{0}'")]
    Unknown(String),
    #[error("option '{option}' needs {what}")]
    Missing { option: String, what: &'static str },
    #[error("option '{option}': '{value}' is not {what}")]
    Bad { option: String, value: String, what: &'static str },
    #[error("option '{option}' cannot be honoured: {why}")]
    Refused { option: String, why: &'static str },
}

/// How an option takes its argument.
#[derive(Clone, Copy, Debug)]
enum Takes {
    Nothing(fn(&mut Cli)),
    /// The next word, described for messages.
    Word(&'static str, fn(&mut Cli, &str) -> bool),
    /// Words up to the next option.
    Words(&'static str, fn(&mut Cli, &str) -> bool),
    /// Letters attached to the option (may be none).
    Attached(fn(&mut Cli, &str)),
}

/// A row of [`OPTIONS`].
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    pub name: &'static str,
    /// How the argument is shown in the help; empty for none.
    pub argument: &'static str,
    pub doc: &'static str,
    pub support: Support,
    takes: Takes,
}

const fn opt(name: &'static str, argument: &'static str, doc: &'static str, takes: Takes) -> Opt {
    Opt { name, argument, doc, support: Support::Full, takes }
}

const fn inert(name: &'static str, doc: &'static str, why: &'static str) -> Opt {
    Opt { name, argument: "", doc, support: Support::NoEffect(why), takes: Takes::Nothing(|_| {}) }
}

const fn refused(name: &'static str, argument: &'static str, doc: &'static str, why: &'static str) -> Opt {
    Opt { name, argument, doc, support: Support::Refused(why), takes: Takes::Attached(|_, _| {}) }
}

const EPOLL_ONLY: &str = "epoll is the only poller";
const NO_SPLICE: &str = "data are not spliced";

/// Every option, sorted by name.
pub const OPTIONS: &[Opt] = &[
    opt(
        "-4",
        "",
        "Take only IPv4 addresses of names that servers have.",
        Takes::Nothing(|c| c.ipv4_only = true),
    ),
    opt(
        "-C",
        "DIR",
        "Change to this directory first.",
        Takes::Word("a directory", |c, w| set(&mut c.chdir, w)),
    ),
    opt("-D", "", "Run in the background.", Takes::Nothing(|c| c.daemon = true)),
    opt(
        "-L",
        "NAME",
        "Name of the local peer, also $HAPROXY_LOCALPEER.",
        Takes::Word("a name", |c, w| set(&mut c.localpeer, w)),
    ),
    opt(
        "-N",
        "LIMIT",
        "Most connections of a proxy that sets no maxconn.",
        Takes::Word("a number", |c, w| number(&mut c.proxy_maxconn, w)),
    ),
    refused(
        "-S",
        "BIND",
        "Command socket of the master.",
        "the master's own command socket is not built yet",
    ),
    opt("-V", "", "Say more, and undo -q.", Takes::Nothing(|c| (c.verbose, c.quiet) = (true, false))),
    opt("-W", "", "A master process supervises the one that serves.", Takes::Nothing(|c| c.master = true)),
    opt(
        "-Ws",
        "",
        "As -W, and tell systemd when ready.",
        Takes::Nothing(|c| (c.master, c.notify) = (true, true)),
    ),
    opt("-c", "", "Check the configuration and exit.", Takes::Nothing(|c| act(c, Action::Check))),
    opt(
        "-cc",
        "CONDITION",
        "Evaluate a condition: exit 0 if true, 1 if false, 2 if malformed.",
        Takes::Word("a condition", |c, w| {
            act(c, Action::Condition(w.to_owned()));
            true
        }),
    ),
    opt("-d", "", "Stay in the foreground.", Takes::Nothing(|c| c.foreground = true)),
    refused("-dA", "[FILE]", "Archive the libraries.", "the daemon is one static program"),
    refused("-dC", "[KEY]", "Dump the configuration.", "use --dump=yaml, which prints what was understood"),
    opt("-dD", "", "Say what is suspicious, too.", Takes::Nothing(|c| c.diagnostic = true)),
    inert("-dF", "No fast forwarding.", "there is one way of forwarding"),
    inert("-dG", "No getaddrinfo().", "names are resolved by getaddrinfo() only"),
    inert("-dI", "Let the process fork.", "nothing here forks while serving"),
    opt(
        "-dK",
        "CLASS,…",
        "Print the registered keywords (-dKhelp lists the classes).",
        Takes::Attached(|c, w| c.keywords = Some(w.to_owned())),
    ),
    refused("-dL", "", "List the libraries.", "the daemon is one static program"),
    Opt {
        name: "-dM",
        argument: "[…]",
        doc: "Poison memory.",
        support: Support::NoEffect("uninitialised memory cannot be read in this program"),
        takes: Takes::Attached(|_, _| {}),
    },
    inert("-dR", "No SO_REUSEPORT.", "each thread has a listening socket of its own"),
    inert("-dS", "No splicing.", NO_SPLICE),
    inert("-dT", "No kernel TLS.", "kernel TLS is not used"),
    opt("-dV", "", "Do not verify certificates of servers.", Takes::Nothing(|c| c.no_server_verify = true)),
    opt("-dW", "", "Warnings are fatal.", Takes::Nothing(|c| c.zero_warning = true)),
    inert("-dZ", "No zero-copy forwarding.", NO_SPLICE),
    opt("-db", "", "Stay in the foreground.", Takes::Nothing(|c| c.foreground = true)),
    inert("-dc", "Report processor affinity.", "threads are not bound to processors"),
    inert("-de", "No epoll.", EPOLL_ONLY),
    inert("-dk", "No kqueue.", EPOLL_ONLY),
    inert("-dp", "No poll.", EPOLL_ONLY),
    opt(
        "-dr",
        "",
        "A server whose name does not resolve is no error.",
        Takes::Nothing(|c| c.ignore_resolution = true),
    ),
    refused("-dt", "[TRACE,…]", "Trace events.", "traces are not built yet"),
    inert("-dv", "No event ports.", EPOLL_ONLY),
    opt(
        "-f",
        "FILE|DIR",
        "Configuration file (HAProxy's language, or .yaml), or directory of .cfg files; may be repeated.",
        Takes::Word("a file or directory", add_file),
    ),
    opt("-h", "", "Print this help.", Takes::Nothing(|c| act(c, Action::Help))),
    opt("-m", "MB", "Most memory for data.", Takes::Word("a number", |c, w| number(&mut c.memory_mb, w))),
    opt("-n", "LIMIT", "Most connections.", Takes::Word("a number", |c, w| number(&mut c.maxconn, w))),
    opt(
        "-p",
        "FILE",
        "Write the process id there (with -D or -W).",
        Takes::Word("a file", |c, w| set(&mut c.pidfile, w)),
    ),
    opt("-q", "", "Say nothing.", Takes::Nothing(|c| (c.quiet, c.verbose) = (true, false))),
    opt(
        "-sf",
        "PID…",
        "When ready, tell these processes to finish what they do.",
        Takes::Words("process ids", |c, w| pid(&mut c.finish, w)),
    ),
    opt(
        "-st",
        "PID…",
        "When ready, terminate these processes.",
        Takes::Words("process ids", |c, w| pid(&mut c.terminate, w)),
    ),
    opt("-v", "", "Print the version.", Takes::Nothing(|c| act(c, Action::Version(Version::Short)))),
    opt("-vq", "", "Print only the version.", Takes::Nothing(|c| act(c, Action::Version(Version::Quiet)))),
    opt("-vqb", "", "Print only the branch.", Takes::Nothing(|c| act(c, Action::Version(Version::Branch)))),
    opt(
        "-vqs",
        "",
        "Print only the short version.",
        Takes::Nothing(|c| act(c, Action::Version(Version::QuietShort))),
    ),
    opt("-vv", "", "Print version and features.", Takes::Nothing(|c| act(c, Action::Version(Version::Long)))),
    Opt {
        name: "-x",
        argument: "SOCKET",
        doc: "Take the listening sockets of a running process.",
        support: Support::Refused(
            "sockets of another process cannot be taken over yet; a reload (SIGUSR2) keeps them",
        ),
        takes: Takes::Word("a socket", |_, _| true),
    },
    opt(
        "--dump",
        "=yaml",
        "Print the configuration as it was understood.",
        Takes::Attached(|c, w| {
            if w == "=yaml" {
                act(c, Action::DumpYaml);
            }
        }),
    ),
    opt(
        "--explain",
        "CODE",
        "Explain the code of a message.",
        Takes::Word("a code, such as H001", |c, w| {
            act(c, Action::Explain(w.to_owned()));
            true
        }),
    ),
    opt("--help", "", "Print this help.", Takes::Nothing(|c| act(c, Action::Help))),
    opt(
        "--schema",
        "",
        "Print the JSON Schema of the YAML form.",
        Takes::Nothing(|c| act(c, Action::Schema)),
    ),
    opt("--version", "", "Print the version.", Takes::Nothing(|c| act(c, Action::Version(Version::Short)))),
];

/// Reads the words after the program's name.
///
/// # Errors
/// [`Error`]: the first word that is not understood, lacks its argument or is refused.
pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<Cli, Error> {
    let mut cli = Cli::default();
    let mut words = words.iter().map(AsRef::as_ref).peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            cli.files.extend(words.by_ref().map(PathBuf::from));
            break;
        }
        let (option, attached) = find(word).ok_or_else(|| Error::Unknown(word.to_owned()))?;
        let takes = option.takes;
        let missing = |what| Error::Missing { option: option.name.to_owned(), what };
        let bad =
            |value: &str, what| Error::Bad { option: option.name.to_owned(), value: value.to_owned(), what };
        let mut argument = "";
        match takes {
            Takes::Nothing(apply) => apply(&mut cli),
            Takes::Attached(apply) => apply(&mut cli, attached),
            Takes::Word(what, apply) => {
                argument = words.next().ok_or_else(|| missing(what))?;
                if argument.is_empty() || !apply(&mut cli, argument) {
                    return Err(bad(argument, what));
                }
            }
            Takes::Words(what, apply) => {
                while let Some(w) = words.next_if(|w| !w.starts_with('-')) {
                    // `-sf "$(cat file)"` may give several, or none, in one word.
                    if !w.split_ascii_whitespace().all(|w| apply(&mut cli, w)) {
                        return Err(bad(w, what));
                    }
                }
            }
        }
        match option.support {
            // `-x /dev/null` means: take over nothing (management guide, chapter 3).
            Support::Refused(_) if option.name == "-x" && argument == "/dev/null" => {}
            Support::Refused(why) => return Err(Error::Refused { option: option.name.to_owned(), why }),
            Support::NoEffect(why) | Support::NotYet(why) => {
                cli.notes.push(format!("option '{}' has no effect: {why}", option.name));
            }
            Support::Full => {}
        }
        if option.name == "--dump" && attached != "=yaml" {
            return Err(bad(attached.trim_start_matches('='), "a form that can be dumped (yaml)"));
        }
    }
    Ok(cli)
}

/// The option that a word is, and what is attached to it: a whole name, else the longest name that takes letters.
fn find(word: &str) -> Option<(&'static Opt, &str)> {
    if let Some(o) = OPTIONS.iter().find(|o| o.name == word) {
        return Some((o, ""));
    }
    OPTIONS
        .iter()
        .filter(|o| matches!(o.takes, Takes::Attached(_)))
        .filter_map(|o| word.strip_prefix(o.name).map(|rest| (o, rest)))
        .max_by_key(|(o, _)| o.name.len())
}

/// The help: how the program is called, and a line per option.
pub fn help() -> String {
    let mut text = String::from("Usage: lbproxy [OPTION…] -f FILE|DIR… [-- FILE|DIR…]\n\n");
    for o in OPTIONS {
        let gap = if o.argument.is_empty() || o.argument.starts_with(['[', '=']) { "" } else { " " };
        let note = match o.support {
            Support::Full => String::new(),
            Support::NoEffect(why) => format!(" (no effect: {why})"),
            Support::Refused(why) | Support::NotYet(why) => format!(" (refused: {why})"),
        };
        text.push_str(&format!("  {:<16} {}{note}\n", format!("{}{gap}{}", o.name, o.argument), o.doc));
    }
    text
}

/// The first of the actions that exclude one another wins, as with HAProxy, where `-v` exits at once.
fn act(cli: &mut Cli, action: Action) {
    if cli.action == Action::Serve {
        cli.action = action;
    }
}

fn set<T: for<'a> From<&'a str>>(slot: &mut Option<T>, word: &str) -> bool {
    *slot = Some(word.into());
    true
}

fn add_file(cli: &mut Cli, word: &str) -> bool {
    cli.files.push(word.into());
    true
}

fn number<T: std::str::FromStr>(slot: &mut Option<T>, word: &str) -> bool {
    *slot = word.parse().ok();
    slot.is_some()
}

/// Process ids start at 1; 0 and negative numbers would mean groups.
fn pid(list: &mut Vec<i32>, word: &str) -> bool {
    match word.parse() {
        Ok(n) if n > 0 => {
            list.push(n);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(line: &str) -> Cli {
        parse(&line.split(' ').collect::<Vec<_>>()).unwrap_or_else(|e| panic!("{line}: {e}"))
    }

    fn err(line: &str) -> String {
        parse(&line.split(' ').collect::<Vec<_>>()).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn options_are_sorted_single_dash_first_and_unique() {
        let key = |o: &Opt| (o.name.starts_with("--"), o.name);
        assert!(OPTIONS.windows(2).all(|w| key(&w[0]) < key(&w[1])));
    }

    #[test]
    fn the_usual_lines_of_init_scripts_are_understood() {
        let c = ok("-f a.cfg -f b -D -p /run/x.pid -C /etc -q -sf 12 13 -n 100 -- c.cfg -d");
        assert_eq!(c.files, ["a.cfg", "b", "c.cfg", "-d"].map(PathBuf::from));
        assert!(c.daemon && c.quiet && !c.foreground);
        assert_eq!((c.finish, c.maxconn), (vec![12, 13], Some(100)));
        let c = ok("-Ws -f /etc/haproxy.cfg -p /run/p -x /dev/null");
        assert!(c.master && c.notify);
    }

    #[test]
    fn the_options_that_test_drivers_pass_are_taken_and_noted() {
        let c = ok("-d -dM0x50,no-merge -dI -dW -f x -p y");
        assert!(c.foreground && c.zero_warning);
        assert_eq!(c.notes.len(), 2);
        assert_eq!(ok("-dKall -q -c -f x").keywords.as_deref(), Some("all"));
    }

    #[test]
    fn an_empty_list_of_pids_is_no_error() {
        assert!(ok("-f x -sf").finish.is_empty());
        assert_eq!(parse(&["-sf", "", "-f", "x"]).unwrap().finish, Vec::<i32>::new());
        assert_eq!(parse(&["-st", "7 8\n"]).unwrap().terminate, [7, 8]);
        assert!(err("-sf 0").contains("'0' is not process ids"));
    }

    #[test]
    fn the_first_action_wins() {
        assert_eq!(ok("-vv -c").action, Action::Version(Version::Long));
        assert_eq!(ok("-cc feature(OPENSSL)").action, Action::Condition("feature(OPENSSL)".to_owned()));
        assert_eq!(ok("--dump=yaml -f x").action, Action::DumpYaml);
    }

    #[test]
    fn what_is_not_understood_or_not_built_is_named() {
        assert_eq!(err("-zz"), "unknown option '-zz'");
        assert_eq!(err("file"), "unknown option 'file'");
        assert!(err("-f").contains("needs a file"));
        assert!(err("-n x").contains("'x' is not a number"));
        assert!(err("-S /run/m").starts_with("option '-S' cannot be honoured"));
        assert!(err("-x /run/stats").starts_with("option '-x' cannot be honoured"));
        assert!(err("--dump=json").contains("json"));
    }
}
