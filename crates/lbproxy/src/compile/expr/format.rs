//! Log-format texts (manual 8.2.6).

use common::{
    diag::{Diagnostic, codes},
    haproxy::expr::{Segment, SegmentKind, segments},
    source::{At, Span},
};

use super::{Builtin, FormatKind, Scope};
use crate::engine::{
    logformat::{Flags, Item, Kind, LogFormat, Mode, alias, default},
    sample::{Place, Type},
};

impl Scope<'_> {
    /// Compiles a format. In values expressions must be available in requests or responses of this proxy.
    pub fn log_format(&mut self, text: &At<String>, kind: FormatKind) -> Option<LogFormat> {
        let places = match kind {
            FormatKind::Log | FormatKind::StructuredData => vec![Place::Log],
            FormatKind::Value | FormatKind::Text => {
                self.halves(Place::FrontendRequest, Place::BackendRequest)
            }
        };
        self.log_format_at(text, kind, &places)
    }

    /// Compiles a format that is rendered at one of these places.
    pub fn log_format_at(
        &mut self,
        text: &At<String>,
        kind: FormatKind,
        places: &[Place],
    ) -> Option<LogFormat> {
        let parts = match segments(text) {
            Ok(parts) => parts,
            Err(e) => {
                self.alert(e.span, e.message);
                return None;
            }
        };
        let mode = match kind {
            FormatKind::Log | FormatKind::StructuredData => Mode::Log,
            FormatKind::Value => Mode::Header,
            FormatKind::Text => Mode::Text,
        };
        let (mut items, mut global, mut ok) = (Vec::new(), Flags::default(), true);
        for part in &parts {
            let Some(flags) = self.flags(part, global) else {
                ok = false;
                continue;
            };
            let item = match &part.kind {
                SegmentKind::Options => {
                    global = flags;
                    continue;
                }
                SegmentKind::Text(t) => Some(Kind::Text(literal(t, mode).into())),
                SegmentKind::Alias(name) => self.alias(name, part.span),
                SegmentKind::Expr(e) => self.sample(e, Type::Str, places).map(|e| Kind::Expr(Box::new(e))),
            };
            ok &= item.is_some();
            items.extend(item.map(|kind| Item { kind, flags }));
        }
        ok.then_some(LogFormat { items, mode })
    }

    fn alias(&mut self, name: &str, span: Span) -> Option<Kind> {
        let found = alias::find(name);
        self.cache.asks_server_src |= matches!(name, "bi" | "bp");
        if found.is_none() {
            let d =
                Diagnostic::alert(codes::BAD_EXPRESSION, format!("there is no log-format item `%{name}`"))
                    .at(span, "not an item");
            let d = match common::diag::suggest::nearest(name, alias::ALIASES.iter().map(|a| a.name)) {
                Some(near) => d.help(format!("did you mean `%{near}`? A percent sign is written `%%`")),
                None => d.help("a percent sign is written `%%`"),
            };
            self.say(d);
        }
        found.map(Kind::Alias)
    }

    /// `%{+Q,-E}`; a sign holds for the flags behind it.
    fn flags(&mut self, part: &Segment, global: Flags) -> Option<Flags> {
        let mut flags = global;
        let mut on = true;
        for word in &part.flags {
            let name = match word.as_bytes().first() {
                Some(b'+') => {
                    on = true;
                    word.get(1..).unwrap_or("")
                }
                Some(b'-') => {
                    on = false;
                    word.get(1..).unwrap_or("")
                }
                _ => word.as_str(),
            };
            match name {
                "Q" => flags.quote = on,
                "X" => flags.hex = on,
                "E" => flags.escape = on,
                "" => {}
                "json" | "cbor" | "bin" => {
                    self.not_yet(
                        word,
                        &format!("log-format flag `{name}` cannot be used: encoders are not built yet"),
                    );
                    return None;
                }
                _ => {
                    self.alert(word.span, format!("`{name}` is no log-format flag: Q, X and E are"));
                    return None;
                }
            }
        }
        Some(flags)
    }

    pub fn builtin_format(kind: Builtin) -> LogFormat {
        let text = match kind {
            // Without an option the line is written when the connection is accepted (manual 8.2.1).
            Builtin::Connect { http: true } => default::CONNECT_HTTP,
            Builtin::Connect { http: false } => default::CONNECT_TCP,
            Builtin::Tcp => default::TCP,
            Builtin::Http => default::HTTP,
            Builtin::Https => default::HTTPS,
            Builtin::Clf => default::HTTP_CLF,
            Builtin::Error => return error_format(),
        };
        fixed(text)
    }
}

fn error_format() -> LogFormat {
    let (before, behind) = default::ERROR;
    let mut format = fixed(before);
    format.items.push(Item { kind: Kind::Alias(&alias::LISTENER), flags: Flags::default() });
    format.items.extend(fixed(behind).items);
    format
}

/// Compiles one of our own texts, whose expressions name fetches without arguments and with plain converters.
fn fixed(text: &str) -> LogFormat {
    let (config, mut diagnostics, mut cache) = Default::default();
    let mut world = NoWorld;
    let mut scope = Scope {
        config: &config,
        proxy: None,
        world: &mut world,
        diagnostics: &mut diagnostics,
        cache: &mut cache,
    };
    let format = scope.log_format(&At::from(text.to_owned()), FormatKind::Log);
    debug_assert!(format.is_some(), "{text}: {diagnostics:?}");
    format.unwrap_or_default()
}

/// In logs runs of spaces are one space.
fn literal(text: &str, mode: Mode) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    for b in text.bytes() {
        if !(mode == Mode::Log && b == b' ' && out.last() == Some(&b' ')) {
            out.push(b);
        }
    }
    out
}

/// Our own formats name no files and no hosts.
#[derive(Debug)]
pub struct NoWorld;

impl crate::compile::World for NoWorld {
    fn read(&mut self, _: &std::path::Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn resolve(&mut self, _: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
    fn user(&mut self, _: &str) -> Option<(u32, u32)> {
        None
    }
    fn group(&mut self, _: &str) -> Option<u32> {
        None
    }
    fn hostname(&mut self) -> String {
        String::new()
    }
    fn env(&mut self, _: &str) -> Option<String> {
        None
    }
    fn processors(&mut self) -> usize {
        1
    }
}
