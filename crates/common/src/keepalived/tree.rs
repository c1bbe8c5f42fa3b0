//! The tree of a keepalived.conf: lines of words, some of which open a block.
//!
//! Owns: how braces pair. Reading never fails: a brace without partner is told and the rest is read as it most
//! likely was meant. Invariant: the tree is at most [`DEPTH_MAX`] deep. What the words mean is left to `block`.

use super::lexer::{Kind, Line, Word, words};
use crate::{
    diag::{Diagnostic, Diagnostics, codes},
    source::Span,
};

/// Deeper blocks have no meaning anywhere in the language.
const DEPTH_MAX: usize = 16;

/// A line, and the lines of the block that it opens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Empty only for a block that nothing opens.
    pub(crate) words: Vec<Word>,
    pub(crate) children: Option<Vec<Node>>,
    /// The words, without the block.
    pub(crate) span: Span,
}

impl Node {
    fn new(words: Vec<Word>) -> Node {
        let span = match (words.first(), words.last()) {
            (Some(a), Some(b)) => a.span.to(b.span),
            _ => Span::default(),
        };
        Node { words, children: None, span }
    }

    /// The keyword, empty for a block that nothing opens.
    pub(crate) fn keyword(&self) -> &str {
        self.words.first().map_or("", |w| w.text.as_str())
    }
}

/// Builds the tree. `must_open` tells which keywords of the top level open a block, so that a forgotten `{` is seen.
pub(crate) fn build(lines: &[Line], must_open: fn(&str) -> bool, diags: &mut Diagnostics) -> Vec<Node> {
    let mut builder = Builder { frames: Vec::new(), top: Vec::new(), too_deep: 0, must_open, diags };
    for line in lines {
        let found = words(line);
        if let Some(span) = found.open_quote {
            let d = Diagnostic::alert(codes::K_UNBALANCED, "the quote is not closed");
            builder.diags.push(d.at(span, "reaches to the end of the line"));
        }
        builder.line(found.words);
    }
    builder.finish()
}

struct Builder<'d> {
    /// Open blocks, outermost first: their line, and their lines so far.
    frames: Vec<(Node, Vec<Node>)>,
    top: Vec<Node>,
    /// Blocks opened beyond the greatest depth, so that their closing braces still pair.
    too_deep: usize,
    must_open: fn(&str) -> bool,
    diags: &'d mut Diagnostics,
}

impl Builder<'_> {
    fn line(&mut self, words: Vec<Word>) {
        let mut current: Vec<Word> = Vec::new();
        for word in words {
            match word.kind {
                Kind::Word => {
                    if current.is_empty() {
                        self.open_if_forgotten(&word);
                    }
                    current.push(word);
                }
                Kind::Open => self.open(std::mem::take(&mut current), word.span),
                Kind::Close => {
                    self.leaf(std::mem::take(&mut current));
                    self.close(word.span);
                }
            }
        }
        self.leaf(current);
    }

    fn siblings(&mut self) -> &mut Vec<Node> {
        match self.frames.last_mut() {
            Some((_, lines)) => lines,
            None => &mut self.top,
        }
    }

    fn leaf(&mut self, words: Vec<Word>) {
        if !words.is_empty() {
            self.siblings().push(Node::new(words));
        }
    }

    fn open(&mut self, words: Vec<Word>, brace: Span) {
        if self.frames.len() >= DEPTH_MAX {
            if self.too_deep == 0 {
                let d = Diagnostic::alert(codes::K_UNBALANCED, "blocks are nested too deeply");
                self.diags.push(d.at(brace, "this block is skipped"));
            }
            self.too_deep += 1;
            self.leaf(words);
            return;
        }
        let node = if !words.is_empty() {
            Node::new(words)
        } else if self.siblings().last().is_some_and(|n| n.children.is_none()) {
            // The brace on a line of its own belongs to the line before.
            self.siblings().pop().unwrap_or_default()
        } else {
            let d = Diagnostic::alert(codes::K_UNBALANCED, "no keyword stands before this `{`");
            self.diags.push(d.at(brace, "the block is skipped"));
            Node { span: brace, ..Node::default() }
        };
        self.frames.push((node, Vec::new()));
    }

    /// A block keyword of the top level whose `{` never came: what follows is taken as its block.
    fn open_if_forgotten(&mut self, next: &Word) {
        if !self.frames.is_empty() || (self.must_open)(&next.text) {
            return;
        }
        let forgotten = |n: &Node| n.children.is_none() && (self.must_open)(n.keyword());
        if self.top.last().is_some_and(forgotten) {
            let node = self.top.pop().unwrap_or_default();
            let d = Diagnostic::alert(codes::K_UNBALANCED, "the `{` of this block is missing");
            self.diags.push(
                d.at(node.span, "opens a block")
                    .also(next.span, "read as its first line")
                    .help("write `{` after it"),
            );
            self.frames.push((node, Vec::new()));
        }
    }

    fn close(&mut self, brace: Span) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        match self.frames.pop() {
            Some((mut node, lines)) => {
                node.children = Some(lines);
                self.siblings().push(node);
            }
            None => {
                let d = Diagnostic::alert(codes::K_UNBALANCED, "this `}` closes nothing");
                self.diags.push(d.at(brace, "no block is open here"));
            }
        }
    }

    fn finish(mut self) -> Vec<Node> {
        while let Some((mut node, lines)) = self.frames.pop() {
            let d = Diagnostic::alert(codes::K_UNBALANCED, "the block is not closed");
            self.diags.push(d.at(node.span, "its `}` is missing"));
            node.children = Some(lines);
            self.siblings().push(node);
        }
        self.top
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    /// The tree in one line: words joined by blanks, blocks in braces.
    fn show(nodes: &[Node]) -> String {
        let one = |n: &Node| {
            let words: Vec<_> = n.words.iter().map(|w| w.text.as_str()).collect();
            match &n.children {
                Some(lines) => format!("{}{{{}}}", words.join(" "), show(lines)),
                None => words.join(" "),
            }
        };
        nodes.iter().map(one).collect::<Vec<_>>().join(";")
    }

    #[track_caller]
    fn check(text: &str, expect: &str, said: usize) {
        let mut diags = Diagnostics::default();
        let mut lo = 0;
        let mut lines = Vec::new();
        for line in text.lines() {
            lines.push(Line::new(FileId(0), lo, line));
            lo += line.len() + 1;
        }
        let tree = build(&lines, |k| matches!(k, "vi" | "sg"), &mut diags);
        assert_eq!(show(&tree), expect);
        assert_eq!(diags.iter().count(), said, "{diags:?}");
    }

    #[test]
    fn the_brace_may_stand_on_the_line_the_next_line_or_glued() {
        check("vi A {\n x 1\n}", "vi A{x 1}", 0);
        check("vi A\n\n{\n x 1\n}", "vi A{x 1}", 0);
        check("vi A{\n x{\n 9}}", "vi A{x{9}}", 0);
        check("vi A { x 1\n y } vi B { z }", "vi A{x 1;y};vi B{z}", 0);
    }

    #[test]
    fn a_forgotten_opening_brace_is_told_and_the_block_read() {
        check("vi A\n x 1\n y {\n z\n }\n}\nvi B {\n}", "vi A{x 1;y{z}};vi B{}", 1);
        check("sg A\nvi B {\n}", "sg A;vi B{}", 0);
    }

    #[test]
    fn braces_without_partner_are_told_and_the_rest_is_read() {
        check("vi A {\n x 1\n", "vi A{x 1}", 1);
        check("vi A {\n}\n}\nvi B {\n}", "vi A{};vi B{}", 1);
        check("{\n x\n}\nvi B {\n}", "{x};vi B{}", 1);
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = 100;
        let text = format!("{}{}", "a {\n".repeat(deep), "}\n".repeat(deep));
        let mut diags = Diagnostics::default();
        let lines: Vec<_> = text.lines().map(|l| Line::new(FileId(0), 0, l)).collect();
        build(&lines, |_| false, &mut diags);
        assert_eq!(diags.iter().count(), 1);
    }
}
