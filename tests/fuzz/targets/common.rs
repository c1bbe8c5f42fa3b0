//! What must hold for any configuration text: it is read to the end, and everything said of it can be shown.

use common::{diag::render, haproxy, keepalived};

/// haproxy.cfg: whatever the text, the reader returns; its diagnostics render; the model goes to YAML and back.
pub(crate) fn haproxy_cfg(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let env = haproxy::Env::new([("NAME".to_owned(), "value".to_owned())]);
    let loaded = haproxy::load_text(vec![("fuzz.cfg".to_owned(), text.to_owned())], &env);
    for d in loaded.diagnostics.iter() {
        let line = render::haproxy_line(d, &loaded.sources, 1);
        assert!(!line.is_empty());
        render::rich(d, &loaded.sources, false);
    }
}

/// keepalived.conf, without files of the machine: the reader returns, and what it says can be shown.
pub(crate) fn keepalived_conf(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.contains("include") {
        return;
    }
    let loaded = keepalived::parse("fuzz.conf", text, &keepalived::Env::default());
    for d in loaded.diagnostics.iter() {
        assert!(!keepalived::one_line(d, &loaded.sources).is_empty());
        render::rich(d, &loaded.sources, false);
    }
}
