//! "Did you mean": the nearest known word, if it is near enough to be what was meant.

/// The word of `known` with the smallest edit distance to `word`, if at most a third of its letters differ.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter_map(|k| bounded_distance(word, k, limit).map(|d| (d, k)))
        .filter(|&(d, _)| d > 0)
        .min_by_key(|&(d, k)| (d, k.len().abs_diff(word.len())))
        .map(|(_, k)| k)
}

/// Optimal-string-alignment distance (a swap of neighbours counts one), or `None` beyond `limit`.
fn bounded_distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    /// Longer words are no typing errors of a keyword.
    const MAX: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > MAX || b.len() > MAX || a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let (mut before, mut prev): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let cost = usize::from(!ca.eq_ignore_ascii_case(cb));
            let mut d = (at(&prev, j) + cost).min(at(&prev, j + 1) + 1).min(at(&row, j) + 1);
            if i > 0 && j > 0 && Some(ca) == b.get(j - 1) && a.get(i - 1) == Some(cb) {
                d = d.min(at(&before, j - 1) + 1);
            }
            row.push(d);
        }
        before = std::mem::replace(&mut prev, row);
    }
    prev.last().copied().filter(|&d| d <= limit)
}

fn at(row: &[usize], i: usize) -> usize {
    row.get(i).copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_swapped_or_missing_letter_is_found_and_a_stranger_is_not() {
        let known = ["maxconn", "option", "timeout", "server"];
        assert_eq!(nearest("maxcon", known), Some("maxconn"));
        assert_eq!(nearest("timoeut", known), Some("timeout"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(nearest("", known), None);
    }
}
