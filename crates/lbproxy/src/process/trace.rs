//! What the threads say of themselves (`tracing`), on standard error in the form of all our messages.
//!
//! Traffic is not logged here: that is `shell::log`'s. `RUST_LOG` chooses what is said, as elsewhere; warnings and
//! errors without it.

use std::fmt;

use common::diag::Severity;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::report::{self, Report};

/// Begins to listen; `-q` silences. To be called once, before threads start.
pub(super) fn start(report: Report) {
    if report.quiet {
        return;
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(Lines)
        .finish();
    // A subscriber that is there already (in a test) serves as well.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// `[ALERT]    (pid) : message name=value`.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Alert,
            Level::WARN => Severity::Warning,
            Level::INFO => Severity::Notice,
            _ => Severity::Diag,
        };
        let mut fields = Fields::default();
        event.record(&mut fields);
        writeln!(out, "{}{}{}", report::head(severity), fields.message, fields.others)
    }
}

/// The message of an event first, its other fields behind it.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.others.push_str(&format!(" {}={value:?}", field.name()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn events_have_the_form_of_all_messages() {
        let page = Page::default();
        let writer = page.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).event_format(Lines).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(tries = 3, "cannot accept: {}", "no descriptors");
        });
        let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        let pid = std::process::id();
        assert_eq!(text, format!("[ALERT]    ({pid}) : cannot accept: no descriptors tries=3\n"));
    }
}
