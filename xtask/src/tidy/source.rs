//! A source file as the rules see it: which lines are code, where tests begin, where functions
//! end. A small lexer, enough for strings, characters, comments and braces.
//!
//! Invariant: `code` has as many lines as the text; what is no code is blank there.

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Below the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments, strings and characters blanked, tests left out.
    pub(crate) code: Vec<String>,
    /// The line before which there is no test code; all lines where there is none at all.
    pub(crate) lines_without_tests: usize,
}

/// A function's name, its first line (from 1) and how many lines it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) length: usize,
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Source {
        let rust = path.ends_with(".rs");
        let mut code: Vec<String> = if rust { blank(&text) } else { Vec::new() };
        let tests = code.windows(2).position(|w| {
            w[0].trim() == "#[cfg(test)]" && w[1].trim_start().starts_with("mod ") && w[1].contains('{')
        });
        let all = text.lines().count();
        let whole_file_is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let lines_without_tests = if whole_file_is_test { 0 } else { tests.unwrap_or(all) };
        code.truncate(lines_without_tests);
        Source { path, text, code, lines_without_tests }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Lines (from 1) on which this stands as code, at a word's boundary on either side.
    pub(crate) fn lines_with(&self, word: &str) -> Vec<usize> {
        let has = |line: &String| {
            line.match_indices(word).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + word.len()..].chars().next();
                let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                let open_end = word.ends_with(|c: char| !(c.is_alphanumeric() || c == '_'));
                !joined(before) && (open_end || !joined(after))
            })
        };
        self.code.iter().enumerate().filter(|(_, l)| has(l)).map(|(i, _)| i + 1).collect()
    }

    /// Each function with a body, outside tests.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut list = Vec::new();
        for line in self.lines_with("fn") {
            let Some(at) = self.code[line - 1].find("fn ") else { continue };
            let rest = &self.code[line - 1][at + 3..];
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.is_empty() {
                continue; // a function pointer's type
            }
            if let Some(last) = self.end_of_body(line - 1, at) {
                list.push(Function { name, line, length: last + 2 - line });
            }
        }
        list
    }

    /// The index of the line that closes the body which opens after this place.
    fn end_of_body(&self, line: usize, column: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (i, text) in self.code.iter().enumerate().skip(line) {
            let text = if i == line { &text[column..] } else { text.as_str() };
            for c in text.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return Some(i);
                        }
                    }
                    ';' if depth == 0 && !text.contains('[') => return None,
                    _ => {}
                }
            }
        }
        None
    }
}

/// The text, line by line, with everything that is no code replaced by blanks.
fn blank(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = skip(&chars, i);
        if end == i {
            out.push(chars[i]);
            i += 1;
        } else {
            out.extend(chars[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out.lines().map(str::to_string).collect()
}

/// Where the comment, string or character that begins at `i` ends; `i` if none begins there.
fn skip(chars: &[char], i: usize) -> usize {
    let at = |j: usize| chars.get(j).copied().unwrap_or('\0');
    match at(i) {
        '/' if at(i + 1) == '/' => (i..chars.len()).find(|j| at(*j) == '\n').unwrap_or(chars.len()),
        '/' if at(i + 1) == '*' => end_of_block_comment(chars, i),
        '"' => end_of_string(chars, i + 1),
        'r' | 'b' if !joined(chars, i) => {
            let mut j = i;
            while matches!(at(j), 'r' | 'b') && j < i + 2 {
                j += 1;
            }
            let hashes = (j..chars.len()).take_while(|k| at(*k) == '#').count();
            let raw = chars[i..j].contains(&'r');
            match at(j + hashes) {
                '"' if raw => end_of_raw_string(chars, j + hashes + 1, hashes),
                '"' if hashes == 0 => end_of_string(chars, j + 1),
                _ => i,
            }
        }
        '\'' => end_of_character(chars, i),
        _ => i,
    }
}

/// True if the character before is part of the same word.
fn joined(chars: &[char], i: usize) -> bool {
    i > 0 && (chars[i - 1].is_alphanumeric() || chars[i - 1] == '_')
}

fn end_of_block_comment(chars: &[char], i: usize) -> usize {
    let (mut depth, mut j) = (0, i);
    while j + 1 < chars.len() {
        match (chars[j], chars[j + 1]) {
            ('/', '*') => (depth, j) = (depth + 1, j + 2),
            ('*', '/') if depth == 1 => return j + 2,
            ('*', '/') => (depth, j) = (depth - 1, j + 2),
            _ => j += 1,
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], mut j: usize) -> usize {
    while j < chars.len() {
        match chars[j] {
            '\\' => j += 2,
            '"' => return j + 1,
            _ => j += 1,
        }
    }
    chars.len()
}

fn end_of_raw_string(chars: &[char], from: usize, hashes: usize) -> usize {
    let closes = |j: usize| {
        chars[j] == '"' && chars[j + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (from..chars.len()).find(|j| closes(*j)).map_or(chars.len(), |j| j + 1 + hashes)
}

/// A character literal, or nothing where the quote begins a lifetime.
fn end_of_character(chars: &[char], i: usize) -> usize {
    match (chars.get(i + 1), chars.get(i + 2)) {
        (Some('\\'), Some(_)) => (i + 3..chars.len()).find(|j| chars[*j] == '\'').map_or(i, |j| j + 1),
        (Some(_), Some('\'')) => i + 3,
        _ => i,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_characters_are_no_code() {
        let text = "let a = \"fn x() {\"; // fn y()\nlet c = '{'; let r = r#\"un\"safe\"#; /* todo!() */\nfn z<'a>(b: &'a str) {}\n";
        let source = Source::new("x.rs".into(), text.into());
        let names: Vec<String> = source.functions().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["z"]);
        assert!(source.lines_with("unsafe").is_empty() && source.lines_with("todo!").is_empty());
    }

    #[test]
    fn a_functions_length_is_from_its_first_line_to_its_brace() {
        let text = "fn a(\n    x: [u8; 4],\n) -> u8 {\n    if true { 1 } else { 2 }\n}\n";
        let source = Source::new("x.rs".into(), text.into());
        assert_eq!(source.functions(), [Function { name: "a".into(), line: 1, length: 5 }]);
    }
}
