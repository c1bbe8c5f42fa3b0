//! Words in one line of text: how the model's conditions and expressions are written in YAML.
//!
//! Owns: quoting a word so that it stays one, and splitting a line of such words. Spaces separate, double quotes
//! and single quotes hold together, a backslash takes the next character literally (not in single quotes).
//! Unlike in haproxy.cfg nothing is expanded: variables were expanded when the file was read.

/// The word as it stands in a line: quoted only where it must be.
pub fn quote(word: &str) -> String {
    let special = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && !word.contains(special) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len() + 2);
    out.push('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// The words of a line, with the byte range each has in it; `Err` names the quote that is not closed.
pub fn split(line: &str) -> Result<Vec<(String, std::ops::Range<usize>)>, String> {
    let mut words = Vec::new();
    let mut current: Option<(String, usize)> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.char_indices();
    while let Some((i, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if let Some((word, start)) = current.take() {
                words.push((word, start..i));
            }
            continue;
        }
        let (word, _) = current.get_or_insert_with(|| (String::new(), i));
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None | Some('"'), '\\') => {
                word.extend(chars.next().map(|(_, next)| next));
            }
            _ => word.push(c),
        }
    }
    if let Some(q) = quote {
        return Err(format!("a {q} is not closed in `{line}`"));
    }
    if let Some((word, start)) = current {
        words.push((word, start..line.len()));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::{quote, split};

    #[test]
    fn quoted_words_come_back_as_they_were() {
        let words = ["", "a b", "a\"b\\c", "it's", "plain", "{", "tab\there"];
        let line = words.map(quote).join(" ");
        let back: Vec<_> = split(&line).unwrap().into_iter().map(|(w, _)| w).collect();
        assert_eq!(back, words);
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert!(split("a \"b").is_err());
    }
}
