//! keepalived's command line: one row per option, short and long, and what we make of it.
//!
//! Owns: the table, parsing as getopt_long(3) does it (clusters, attached arguments, unique prefixes of long
//! names), the help text. Invariant: no option is ignored in silence; what is not built is refused by name.

use std::{ffi::OsString, fmt::Write, path::PathBuf};

use common::keyword::Support;

use crate::shell::log::{self, FACILITY_DAEMON};

/// Read when `-f` is not given; keepalived's place, since its file is taken unchanged.
pub const CONFIG_FILE: &str = "/etc/keepalived/keepalived.conf";
/// Syslog's `local0` (RFC 3164 section 4.1.1); `local7` is 23.
const FACILITY_LOCAL0: u8 = 16;
const FACILITY_USER: u8 = 1;

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    Run(Options),
    /// `-t[FILE]`
    Test(Options, Option<PathBuf>),
    /// `--dump=yaml`
    Dump(Options),
    /// `--schema`
    Schema,
    Version,
    Help,
    /// `--signum`: this number is printed.
    Signum(i32),
}

/// Settings of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    pub config: PathBuf,
    pub log: log::Options,
    pub foreground: bool,
    pub respawn: bool,
    pub keep_addresses: bool,
    pub dump_config: bool,
    pub watch_addresses: bool,
    pub core_dump: bool,
    /// `-p`; else the default, which depends on `net_namespace`, `instance` and `use_pid_dir`.
    pub pid_file: Option<PathBuf>,
    /// `-r`, likewise.
    pub vrrp_pid_file: Option<PathBuf>,
    /// `-i`; else the short host name.
    pub config_id: Option<String>,
    /// `-s`: counts before `net_namespace`.
    pub namespace: Option<String>,
    /// `-e`: every `include` must find what it names.
    pub all_config: bool,
    pub ignore_sigint: bool,
    /// `-M`: the kernel's core pattern while the daemon runs.
    pub core_pattern: Option<String>,
    /// What was wrong with the options themselves and could be passed over.
    pub faults: Vec<String>,
    pub umask: Option<u32>,
    /// Options and arguments that were taken without effect, to be said once.
    pub without_effect: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            config: CONFIG_FILE.into(),
            log: log::Options {
                console: false,
                syslog: true,
                facility: FACILITY_DAEMON,
                file: None,
                detail: false,
            },
            foreground: false,
            respawn: true,
            keep_addresses: false,
            dump_config: false,
            watch_addresses: false,
            core_dump: false,
            pid_file: None,
            vrrp_pid_file: None,
            config_id: None,
            namespace: None,
            all_config: false,
            ignore_sigint: false,
            core_pattern: None,
            faults: Vec::new(),
            umask: None,
            without_effect: Vec::new(),
        }
    }
}

/// Whether an option has an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Arg {
    None,
    Needed(&'static str),
    /// Attached only: `-tFILE`, `--config-test=FILE`.
    Optional(&'static str),
}

struct Row {
    short: Option<char>,
    long: &'static str,
    arg: Arg,
    doc: &'static str,
    support: Support,
}

const fn row(short: Option<char>, long: &'static str, arg: Arg, doc: &'static str, support: Support) -> Row {
    Row { short, long, arg, doc, support }
}

use Arg::{Needed, Optional};
use Support::{Full, NoEffect, Refused};

const LVS: Support = Refused("there are no LVS checkers here: lbproxy does their work");
const SNMP: Support = NoEffect(
    "SNMP is not served; the JSON dump (--signum=JSON) and vrrpctl show the same, and notify scripts can send traps",
);
const NO_LVS: Support = NoEffect("there is no LVS process");
const NO_BFD: Support = NoEffect("BFD has no process of its own");

/// Sorted by long name.
const OPTIONS: &[Row] = &[
    row(Some('a'), "address-monitoring", Arg::None, "log every address that comes or goes", Full),
    row(None, "all", Arg::None, "run all subsystems", NoEffect("VRRP is the only subsystem")),
    row(Some('e'), "all-config", Arg::None, "fail when a configuration file is missing", Full),
    row(Some('b'), "bfd_pid", Needed("FILE"), "pid file of the BFD process", NO_BFD),
    row(Some('C'), "check", Arg::None, "run the checkers only (with -t: check the file)", Full),
    row(Some('c'), "checkers_pid", Needed("FILE"), "pid file of the checkers", NO_LVS),
    row(
        Some('i'),
        "config-id",
        Needed("ID"),
        "id for lines that begin with @; default: the host's name",
        Full,
    ),
    row(
        Some('t'),
        "config-test",
        Optional("FILE"),
        "check the configuration, say what is wrong (to FILE), exit",
        Full,
    ),
    row(Some('m'), "core-dump", Arg::None, "allow core dumps", Full),
    row(
        Some('M'),
        "core-dump-pattern",
        Optional("PATTERN"),
        "allow core dumps, and set the kernel's core pattern while the daemon runs",
        Full,
    ),
    row(None, "debug", Optional("OPTIONS"), "debug output", NoEffect("use -D")),
    row(Some('n'), "dont-fork", Arg::None, "stay in the foreground", Full),
    row(Some('I'), "dont-release-ipvs", Arg::None, "leave IPVS in place at exit", NO_LVS),
    row(Some('V'), "dont-release-vrrp", Arg::None, "leave the virtual addresses in place at exit", Full),
    row(Some('R'), "dont-respawn", Arg::None, "exit when the VRRP process dies", Full),
    row(None, "dump", Needed("yaml"), "print the configuration as YAML and exit", Full),
    row(Some('d'), "dump-conf", Arg::None, "print the configuration at start", Full),
    row(
        None,
        "flush-log-file",
        Arg::None,
        "flush the log file after each line",
        NoEffect("each line is written at once"),
    ),
    row(Some('T'), "genhash", Arg::None, "genhash mode", LVS),
    row(Some('h'), "help", Arg::None, "print this help", Full),
    row(None, "ignore-sigint", Arg::None, "ignore SIGINT", Full),
    row(Some('l'), "log-console", Arg::None, "log to the console", Full),
    row(Some('D'), "log-detail", Arg::None, "log details", Full),
    row(
        Some('S'),
        "log-facility",
        Needed("FACILITY"),
        "syslog facility: 0-7, local0-local7, user or daemon",
        Full,
    ),
    row(Some('g'), "log-file", Optional("FILE"), "log to FILE, one per process", Full),
    row(None, "no-mem-check", Arg::None, "no memory checks", NoEffect("there are none")),
    row(Some('G'), "no-syslog", Arg::None, "do not log to syslog", Full),
    row(Some('B'), "no_bfd", Arg::None, "do not run BFD", NO_BFD),
    row(None, "perf", Optional("WHEN"), "record perf data", Refused("use perf record -p")),
    row(Some('p'), "pid", Needed("FILE"), "pid file of the parent", Full),
    row(
        Some('X'),
        "release-vips",
        Arg::None,
        "remove addresses at transitions by signal",
        NoEffect("addresses are given back at every stop; a reload keeps those that stay"),
    ),
    row(None, "schema", Arg::None, "print the JSON Schema of the YAML form and exit", Full),
    row(
        None,
        "signum",
        Needed("NAME"),
        "print the number of STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON",
        Full,
    ),
    row(Some('x'), "snmp", Arg::None, "serve SNMP", SNMP),
    row(Some('A'), "snmp-agent-socket", Needed("ADDRESS"), "AgentX master", SNMP),
    row(Some('u'), "umask", Needed("MASK"), "umask for files that are created", Full),
    row(Some('f'), "use-file", Needed("FILE"), "configuration file", Full),
    row(Some('v'), "version", Arg::None, "print the version", Full),
    row(Some('P'), "vrrp", Arg::None, "run VRRP only", Full),
    row(Some('r'), "vrrp_pid", Needed("FILE"), "pid file of the VRRP process", Full),
    row(Some('s'), "namespace", Needed("NAME"), "run in the network namespace NAME", Full),
];

/// Reads the arguments after the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut given: Vec<(&'static Row, Option<String>)> = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    let mut words = arguments.into_iter().map(|a| a.to_string_lossy().into_owned());
    while let Some(word) = words.next() {
        if word == "--" {
            rest.extend(words.by_ref());
        } else if let Some(long) = word.strip_prefix("--") {
            given.push(long_option(long, &mut words)?);
        } else if let Some(cluster) = word.strip_prefix('-').filter(|c| !c.is_empty()) {
            short_options(cluster, &mut words, &mut given)?;
        } else {
            rest.push(word);
        }
    }
    request(given, rest)
}

fn long_option(
    text: &str,
    words: &mut impl Iterator<Item = String>,
) -> Result<(&'static Row, Option<String>), String> {
    let (name, attached) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let exact = OPTIONS.iter().find(|r| r.long == name);
    let mut prefixed = OPTIONS.iter().filter(|r| r.long.starts_with(name));
    let row = match (exact, prefixed.next(), prefixed.next()) {
        (Some(row), ..) | (None, Some(row), None) => row,
        (None, Some(_), Some(_)) => return Err(format!("option --{name} is ambiguous")),
        (None, None, _) => {
            let near = common::diag::suggest::nearest(name, OPTIONS.iter().map(|r| r.long));
            let hint = near.map(|n| format!(" (did you mean --{n}?)")).unwrap_or_default();
            return Err(format!("unknown option --{name}{hint}"));
        }
    };
    let value = match row.arg {
        Arg::None if attached.is_some() => return Err(format!("option --{} takes no argument", row.long)),
        Needed(what) if attached.is_none() => {
            Some(words.next().ok_or_else(|| format!("option --{} needs {what}", row.long))?)
        }
        _ => attached,
    };
    Ok((row, value))
}

fn short_options(
    cluster: &str,
    words: &mut impl Iterator<Item = String>,
    given: &mut Vec<(&'static Row, Option<String>)>,
) -> Result<(), String> {
    let mut rest = cluster;
    while let Some(letter) = rest.chars().next() {
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        let row = OPTIONS
            .iter()
            .find(|r| r.short == Some(letter))
            .ok_or_else(|| format!("unknown option -{letter}"))?;
        let value = match row.arg {
            Arg::None => None,
            Optional(_) => Some(std::mem::take(&mut rest).to_owned()).filter(|v| !v.is_empty()),
            Needed(what) if rest.is_empty() => {
                Some(words.next().ok_or_else(|| format!("option -{letter} needs {what}"))?)
            }
            Needed(_) => Some(std::mem::take(&mut rest).to_owned()),
        };
        given.push((row, value));
    }
    Ok(())
}

fn request(given: Vec<(&'static Row, Option<String>)>, rest: Vec<String>) -> Result<Request, String> {
    let mut o = Options::default();
    let mut test = None;
    let (mut dump, mut checkers) = (false, false);
    for (row, value) in given {
        match row.support {
            Refused(why) | Support::NotYet(why) => return Err(format!("option --{}: {why}", row.long)),
            NoEffect(why) => o.without_effect.push(format!("option --{} has no effect: {why}", row.long)),
            Full => {}
        }
        let value = value.unwrap_or_default();
        match row.long {
            "address-monitoring" => o.watch_addresses = true,
            "all-config" => o.all_config = true,
            "check" => checkers = true,
            "config-id" => o.config_id = Some(value),
            "config-test" => test = Some(Some(PathBuf::from(value)).filter(|f| !f.as_os_str().is_empty())),
            "core-dump" => o.core_dump = true,
            "core-dump-pattern" => {
                o.core_dump = true;
                o.core_pattern = Some(if value.is_empty() { "core".to_owned() } else { value });
            }
            "dont-fork" => o.foreground = true,
            "dont-release-vrrp" => o.keep_addresses = true,
            "dont-respawn" => o.respawn = false,
            "dump" if value == "yaml" => dump = true,
            "dump" => return Err(format!("option --dump: `{value}` is not yaml")),
            "dump-conf" => o.dump_config = true,
            "help" => return Ok(Request::Help),
            "ignore-sigint" => o.ignore_sigint = true,
            "log-console" => o.log.console = true,
            "log-detail" => o.log.detail = true,
            // As keepalived: said, and the default stands.
            "log-facility" => match facility(&value) {
                Ok(number) => o.log.facility = number,
                Err(e) => o.faults.push(e),
            },
            "log-file" if value.is_empty() => o.log.file = Some("/tmp/keepalived.log".into()),
            "log-file" => o.log.file = Some(value.into()),
            "namespace" => o.namespace = Some(value),
            "no-syslog" => o.log.syslog = false,
            "pid" => o.pid_file = Some(value.into()),
            "schema" => return Ok(Request::Schema),
            "signum" => return signum(&value).map(Request::Signum),
            "umask" => match mask(&value) {
                Ok(number) => o.umask = Some(number),
                Err(e) => o.without_effect.push(e),
            },
            "use-file" => o.config = value.into(),
            "version" => return Ok(Request::Version),
            "vrrp_pid" => o.vrrp_pid_file = Some(value.into()),
            // `vrrp` is what we do anyway; the others have been told.
            _ => {}
        }
    }
    o.without_effect.extend(rest.into_iter().map(|w| format!("argument `{w}` has no effect")));
    Ok(match test {
        _ if dump => Request::Dump(o),
        Some(file) => Request::Test(o, file),
        None if checkers => {
            return Err("option --check: there are no LVS checkers here: lbproxy does their work".into());
        }
        None => Request::Run(o),
    })
}

fn facility(text: &str) -> Result<u8, String> {
    let local = text.strip_prefix("local").unwrap_or(text);
    match (text, local.parse::<u8>()) {
        ("user", _) => Ok(FACILITY_USER),
        ("daemon", _) => Ok(FACILITY_DAEMON),
        (_, Ok(n)) if n <= 7 => Ok(FACILITY_LOCAL0 + n),
        _ => Err(format!("option --log-facility: `{text}` is none of 0-7, local0-local7, user, daemon")),
    }
}

/// Decimal, octal with a leading 0, hexadecimal with 0x, as strtol(3).
fn mask(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None if text.starts_with('0') && text.len() > 1 => u32::from_str_radix(text, 8),
        None => text.parse(),
    };
    number.ok().filter(|m| *m <= 0o777).ok_or_else(|| format!("option --umask: `{text}` is no mask"))
}

/// keepalived's names of signals.
pub fn signum(name: &str) -> Result<i32, String> {
    Ok(match name {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => stats_clear_signal(),
        "JSON" => json_signal(),
        _ => {
            return Err(format!(
                "option --signum: `{name}` is none of STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON"
            ));
        }
    })
}

/// SIGRTMAX-1.
pub fn stats_clear_signal() -> i32 {
    libc::SIGRTMAX() - 1
}

/// SIGRTMIN+2.
pub fn json_signal() -> i32 {
    libc::SIGRTMIN() + 2
}

/// The text of `--help`.
pub fn help(program: &str) -> String {
    let mut text = format!("Usage: {program} [OPTION...]\n");
    for row in OPTIONS {
        let short = row.short.map_or("    ".to_owned(), |c| format!("-{c}, "));
        let arg = match row.arg {
            Arg::None => String::new(),
            Needed(what) => format!("={what}"),
            Optional(what) => format!("[={what}]"),
        };
        let why = match row.support {
            Full => String::new(),
            NoEffect(why) => format!(" (no effect: {why})"),
            Refused(why) | Support::NotYet(why) => format!(" (refused: {why})"),
        };
        let _ = writeln!(text, "  {short}--{:<26} {}{why}", format!("{}{arg}", row.long), row.doc);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Request, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn options(line: &str) -> Options {
        match run(line).unwrap() {
            Request::Run(o) => o,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn clusters_attached_and_separate_arguments_are_read_as_getopt_does() {
        let o = options("-nlDP -f/a.conf -p /b.pid --vrrp_pid=/c.pid --config-id one -Slocal3");
        assert!(o.foreground && o.log.console && o.log.detail);
        assert_eq!(
            (o.config, o.pid_file, o.vrrp_pid_file),
            ("/a.conf".into(), Some("/b.pid".into()), Some("/c.pid".into()))
        );
        assert_eq!((o.config_id.as_deref(), o.log.facility), (Some("one"), 19));
    }

    #[test]
    fn an_optional_argument_is_taken_only_when_attached() {
        assert_eq!(
            run("-t /x"),
            Ok(Request::Test(
                Options { without_effect: vec!["argument `/x` has no effect".into()], ..Options::default() },
                None
            ))
        );
        let Ok(Request::Test(o, file)) = run("-t/log -f /x") else { panic!() };
        assert_eq!((o.config, file), ("/x".into(), Some("/log".into())));
        assert!(matches!(run("--config-test=/log"), Ok(Request::Test(_, Some(_)))));
    }

    #[test]
    fn long_names_may_be_cut_while_they_stay_unique() {
        assert!(options("--dont-f").foreground);
        assert_eq!(run("--dont"), Err("option --dont is ambiguous".into()));
        assert!(!options("--dont-respawn").respawn);
        assert!(run("--dont-frok").unwrap_err().contains("did you mean --dont-fork"));
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        for (line, name) in [("-T", "genhash"), ("-C", "check"), ("--perf", "perf")] {
            assert!(run(line).unwrap_err().contains(name), "{line}");
        }
        assert!(run("-q").is_err() && run("-f").is_err() && run("--vrrp=1").is_err());
        assert!(run("--dump=xml").is_err());
    }

    #[test]
    fn a_bad_facility_or_mask_is_said_and_the_default_stands() {
        let o = options("-S local9 -u 999");
        assert_eq!((o.log.facility, o.umask), (FACILITY_DAEMON, None));
        assert!(o.faults[0].contains("local9") && o.without_effect[0].contains("999"));
    }

    #[test]
    fn the_checkers_option_may_stand_beside_a_test() {
        assert!(matches!(run("-C -t"), Ok(Request::Test(..))));
    }

    #[test]
    fn namespace_includes_core_pattern_and_sigint_are_remembered() {
        let o = options("-s blue -e -M/core.%p --ignore-sigint");
        assert_eq!((o.namespace.as_deref(), o.core_pattern.as_deref()), (Some("blue"), Some("/core.%p")));
        assert!(o.all_config && o.ignore_sigint && o.core_dump);
        assert_eq!(options("-M").core_pattern.as_deref(), Some("core"));
    }

    #[test]
    fn what_has_no_effect_is_remembered_to_be_said() {
        assert_eq!(options("-B -I -x").without_effect.len(), 3);
        assert_eq!(options("-P -D").without_effect.len(), 0);
    }

    #[test]
    fn masks_and_signals_are_numbers_as_keepalived_reads_them() {
        assert_eq!(options("-u 022").umask, Some(0o22));
        assert_eq!(options("-u 18").umask, Some(0o22));
        assert_eq!(run("--signum=RELOAD"), Ok(Request::Signum(1)));
        assert_eq!(run("--signum STATS_CLEAR"), Ok(Request::Signum(63)));
        assert_eq!(run("--signum=JSON"), Ok(Request::Signum(36)));
    }

    #[test]
    fn every_option_of_keepalived_has_a_row_and_the_help_names_it() {
        let text = help("vrrpd");
        for short in "fPCBlDSgGXVIRndpTcabxAsmMeithuv".chars().chain("r".chars()) {
            assert!(OPTIONS.iter().any(|r| r.short == Some(short)), "-{short}");
        }
        assert!(OPTIONS.iter().all(|r| text.contains(r.long)));
    }
}
