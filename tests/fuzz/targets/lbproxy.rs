//! What must hold for any bytes before HTTP and on the stats socket.

use lbproxy::{
    admin::session::{Input, LINE_MAX, Session, words},
    compile::plan::Level,
    engine::proxy_protocol::{Parsed, parse, tlvs},
};

/// PROXY protocol, both versions: a verdict on a prefix holds for all that follows it.
pub(crate) fn proxy_protocol(data: &[u8]) {
    let whole = parse(data);
    if let Parsed::Done { header, len } = whole {
        assert!((1..=data.len()).contains(&len));
        for (_, value) in tlvs(header.tlvs) {
            assert!(value.len() <= header.tlvs.len());
        }
        assert_eq!(parse(&data[..len]), whole, "what follows a header does not matter");
    }
    for cut in 1..data.len().min(64) {
        match parse(&data[..cut]) {
            Parsed::Incomplete => {}
            Parsed::Done { len, .. } => {
                assert!(len <= cut && matches!(whole, Parsed::Done { len: l, .. } if l == len));
            }
            Parsed::Invalid(_) => assert!(matches!(whole, Parsed::Invalid(_))),
        }
    }
}

/// Command lines: whatever the pieces they come in, the same commands.
pub(crate) fn stats_socket(data: &[u8]) {
    let (&step, data) = data.split_first().unwrap_or((&1, &[]));
    let whole = lines(data, data.len().max(1));
    assert_eq!(whole, lines(data, usize::from(step).max(1)));
    for command in whole.iter().flatten() {
        let parts = words(command);
        assert!(parts.iter().map(String::len).sum::<usize>() <= command.len());
    }
}

fn lines(data: &[u8], step: usize) -> Vec<Vec<String>> {
    let mut session = Session::new(Level::Admin);
    let mut all = Vec::new();
    for piece in data.chunks(step) {
        session.feed(piece);
        loop {
            match session.next_line() {
                Input::Line(commands) => all.push(commands),
                Input::WithPayload(mut commands, payload) => {
                    commands.push(payload);
                    all.push(commands);
                }
                Input::More => break,
                Input::TooLong => {
                    assert!(data.len() > LINE_MAX);
                    return Vec::new();
                }
            }
        }
    }
    all
}
