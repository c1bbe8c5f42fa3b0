//! The stable codes. A code is never reused; its explanation is what `--explain CODE` prints.
//!
//! `H…` haproxy.cfg, `K…` keepalived.conf, `Y…` YAML, `C…` compile (names, files, addresses), `F…` files.
//! Keep each block sorted by code; the test below holds that.

/// One row of the table below, by its code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Code(pub &'static str);

/// What a code means, for people.
#[derive(Clone, Copy, Debug)]
pub struct CodeRow {
    pub code: Code,
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: Code = Code($code);)*
        /// Every code, sorted.
        pub const CODES: &[CodeRow] = &[$(CodeRow { code: $name, explanation: $doc },)*];
    };
}

codes! {
    UNRESOLVED_NAME = "C001", "A section, ACL, server or table is named that nothing defines.";
    DUPLICATE_NAME = "C002", "Two things of one kind have the same name.";
    BAD_ADDRESS = "C003", "An address cannot be read or its host name cannot be resolved.";
    BAD_FILE = "C004", "A file that the configuration names (certificate, error file, list) cannot be used.";
    INCOMPLETE = "C005", "A section lacks something it needs to work.";
    MISPLACED = "C006", "A keyword has no effect in the place or mode in which it stands.";
    BAD_EXPRESSION = "C007", "A sample expression, condition or log format cannot be compiled.";
    FILE_UNREADABLE = "F001", "A configuration file cannot be opened or read.";
    FILE_NOT_TEXT = "F002", "A configuration file holds bytes that are no text.";
    INCLUDE_LOOP = "F003", "A file includes itself, or includes are nested too deeply.";
    UNKNOWN_KEYWORD = "H001", "The word is no keyword of this section.";
    UNKNOWN_SECTION = "H002", "The word opens no known section, or a keyword stands before any section.";
    BAD_ARGUMENT = "H003", "An argument is not of the form that the keyword takes.";
    MISSING_ARGUMENT = "H004", "The keyword needs more arguments.";
    EXTRA_ARGUMENT = "H005", "There are more arguments than the keyword takes.";
    OLD_SPELLING = "H006", "The spelling was removed from HAProxy; it is understood here and named with its modern form.";
    NO_EFFECT = "H007", "The keyword is known and has no effect here, for the reason given.";
    REFUSED = "H008", "The keyword is known and cannot be honoured, for the reason given.";
    BAD_QUOTING = "H009", "A quote is not closed, or an escape or variable is malformed.";
    BAD_CONDITION = "H010", "A conditional block is malformed or not closed.";
    USER_MESSAGE = "H011", "The configuration itself says this with .diag, .notice, .warning or .alert.";
    LINE_TOO_LONG = "H012", "A line or a file exceeds a limit.";
    RULE_ORDER = "H013", "A rule stands after one that is evaluated later, whatever the order in the file.";
    NOT_YET = "H014", "The keyword is known and not built yet.";
    DUPLICATE_KEYWORD = "H015", "The keyword was given before; the last one counts.";
    FILE_CUT_OFF = "H016", "The last line of a file has no newline, as if the file had been cut off.";
    K_UNKNOWN_KEYWORD = "K001", "The word is no keyword of this block; it is skipped.";
    K_BAD_ARGUMENT = "K002", "An argument is not of the form that the keyword takes; the default stands.";
    K_UNBALANCED = "K003", "A brace or quote has no partner.";
    K_NO_EFFECT = "K004", "The keyword is known and has no effect here, for the reason given.";
    K_ADJUSTED = "K005", "A value was adjusted to what the protocol can carry.";
    K_INCOMPLETE = "K006", "A block lacks something it needs; it is skipped.";
    K_UNRESOLVED = "K007", "A script, interface or group is named that nothing defines.";
    K_DUPLICATE = "K008", "Two blocks of one kind have the same name or identity.";
    K_SECURITY = "K009", "A script may not be run safely.";
    K_LVS = "K010", "LVS blocks are not served here: lbproxy does their work.";
    K_NOT_YET = "K011", "The keyword is known and not built yet; it has no effect.";
    K_EXPANSION = "K012", "A condition, parameter, sequence or list is malformed, or expands beyond a limit.";
    LINT_UNUSABLE = "L001", "A configuration given to vrrpctl lint cannot be run.";
    LINT_STAYS = "L002", "A simulated failure does not move the address.";
    LINT_DISAGREE = "L003", "The hosts do not agree on who holds an address although nothing has failed.";
    LINT_UNUSED = "L004", "Something is watched that decides nothing.";
    LINT_CHECK = "L005", "A check or a socket needs the address itself, which only one host holds.";
    YAML_SYNTAX = "Y001", "The YAML text cannot be read.";
    YAML_MODEL = "Y002", "The YAML text does not describe a configuration.";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn codes_are_sorted_and_unique() {
        let all: Vec<_> = CODES.iter().map(|c| c.code.0).collect();
        assert!(all.windows(2).all(|w| w[0] < w[1]), "{all:?}");
    }
}
