//! Log formats: text with `%X` aliases and `%[…]` samples (manual 8.2.6), compiled to a flat list of items.
//!
//! Owns: [`LogFormat`], its rendering, and the default formats as texts. The aliases stand in `alias`, quoting and
//! escaping in `encode`. Invariant: rendering appends, allocates only where a value has to be computed, and never
//! fails; what is missing prints as the manual says. Compiling texts is left to `compile::expr`.

pub mod alias;
pub mod encode;

pub use alias::{ALIASES, Alias};
pub use encode::Flags;

use super::sample::{Ctx, Expr, Type, Value};

/// What a format is used for, which decides about missing and unsafe values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// A log line: missing values print as `-`, spaces are merged when it is compiled.
    #[default]
    Log,
    /// A header value: missing values print as nothing, bytes that may not stand there as `%XX`.
    Header,
    /// A body or variable: missing values print as nothing, bytes stay.
    Text,
}

/// A compiled format.
#[derive(Clone, Debug, Default)]
pub struct LogFormat {
    pub items: Vec<Item>,
    pub mode: Mode,
}

/// One item with the flags that hold for it.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: Kind,
    pub flags: Flags,
}

/// What an item prints.
#[derive(Clone, Debug)]
pub enum Kind {
    Text(Box<[u8]>),
    Alias(&'static Alias),
    Expr(Box<Expr>),
}

impl LogFormat {
    /// A format that is only text.
    pub fn text(text: &[u8], mode: Mode) -> LogFormat {
        let items = match text {
            [] => Vec::new(),
            _ => vec![Item { kind: Kind::Text(text.into()), flags: Flags::default() }],
        };
        LogFormat { items, mode }
    }

    /// The text, if the format is nothing else.
    pub fn as_text(&self) -> Option<&[u8]> {
        match self.items.as_slice() {
            [] => Some(b""),
            [Item { kind: Kind::Text(text), .. }] => Some(text),
            _ => None,
        }
    }

    /// Appends the text. In a log line `-` stands for what is missing, and a space that follows another because
    /// nothing was printed between them is left out, as it is at the beginning.
    pub fn render(&self, ctx: &Ctx<'_>, out: &mut Vec<u8>) {
        let log = self.mode == Mode::Log;
        let mut spaced = log;
        for item in &self.items {
            let before = out.len();
            match &item.kind {
                Kind::Text(text) => {
                    let text = if spaced { text.strip_prefix(b" ").unwrap_or(text) } else { text };
                    out.extend_from_slice(text);
                }
                Kind::Alias(alias) => {
                    (alias.run)(ctx, &mut encode::Out { out, flags: item.flags, mode: self.mode });
                }
                Kind::Expr(expr) => {
                    encode::Out { out, flags: item.flags, mode: self.mode }
                        .sample(expr.eval_as(ctx, Type::Str));
                }
            }
            if out.len() > before {
                spaced = log && matches!(&item.kind, Kind::Text(t) if t.ends_with(b" "));
            }
        }
    }

    /// The rendered text.
    pub fn to_vec(&self, ctx: &Ctx<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.render(ctx, &mut out);
        out
    }
}

impl encode::Out<'_> {
    /// A sample as text: in a header its unsafe bytes are encoded, elsewhere its flags hold.
    fn sample(&mut self, value: Option<Value<'_>>) {
        let text = match &value {
            Some(Value::Str(b)) => &b[..],
            _ => b"",
        };
        match self.mode {
            Mode::Header => self.header_bytes(text),
            Mode::Log | Mode::Text => self.text(Some(text)),
        }
    }
}

/// The formats of the options, as log-format texts (manual 8.2.2 to 8.2.5).
pub mod default {
    /// Without any option.
    pub const CONNECT_HTTP: &str = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)";
    pub const CONNECT_TCP: &str = "Connect from %ci:%cp to %fi:%fp (%f/TCP)";
    /// `option httplog`.
    pub const HTTP: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
        %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
    /// `option httpslog`.
    pub const HTTPS: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
        %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/\
        %[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";
    /// `option tcplog`.
    pub const TCP: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
    /// `option httplog clf`.
    pub const HTTP_CLF: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr \
        %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
    /// `option tcplog clf`.
    pub const TCP_CLF: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt \
        %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";
    /// Of a connection that failed before there was a session: what stands before and behind the listener's name.
    pub const ERROR: (&str, &str) = ("%ci:%cp [%t] %f/", ": %[fc_err_str]");
}

#[cfg(test)]
mod tests;
