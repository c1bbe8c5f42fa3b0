//! Parts of the model that the daemon does not serve yet, told wherever they came from.
//!
//! Owns: one row per such part. A keyword without a place in the model is told by its registry row; a part of the
//! model can come from YAML too and is told here. A row goes when its part is built.

use super::model::{Config, VrrpInstance};
use crate::{
    diag::{Diagnostic, Diagnostics, Severity, codes},
    source::Span,
};

/// Something of the model that has no effect yet.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// The keyword by which people know it.
    pub name: &'static str,
    /// Warning if the virtual address behaves otherwise for the lack of it, else notice.
    pub severity: Severity,
    pub why: &'static str,
    /// The first place that uses it.
    used: fn(&Config) -> Option<Span>,
}

/// Parts that are not built yet, sorted by name.
pub const FEATURES: &[Feature] = &[
    lost("bfd_instance", "BFD is not built; what tracks it is taken as up", |c| {
        c.bfd.first().map(|b| b.name.span)
    }),
    side("max_auto_priority", "the process does not raise its own scheduling priority", |c| {
        c.global.max_auto_priority.is_some_and(|p| p > 0).then(Span::default)
    }),
    lost("no_accept", "packets to the virtual addresses are always accepted (strict mode implies it)", |c| {
        instance(c, |v| {
            let place = v.accept.map_or(v.name.span, |a| a.span);
            (!c.effective(v).accept && v.priority.is_none_or(|p| p.value != 255)).then_some(place)
        })
    }),
    lost("smtp_alert", "no mail is sent; use notify scripts", |c| {
        let g = &c.global;
        let own = |v: &VrrpInstance| v.smtp_alert.filter(|on| *on).map(|_| v.name.span);
        instance(c, own)
            .or((g.smtp_alert == Some(true) || g.smtp_alert_vrrp == Some(true)).then(Span::default))
    }),
    side("smtp_server", "no mail is sent", |c| c.global.smtp_server.as_ref().map(|s| s.host.span)),
    lost("static_ipaddress", "addresses outside instances are not set", |c| {
        c.static_addresses.first().map(|a| a.address.span)
    }),
    lost("static_routes", "routes are not set", |c| c.static_routes.first().map(|r| r.to.span)),
    lost("static_rules", "policy rules are not set", |c| {
        c.static_rules.first().map(|r| r.to.or(r.from).map_or(Span::default(), |p| p.span))
    }),
    lost("use_vmac", "the virtual address has the interface's own hardware address", |c| {
        instance(c, |v| v.use_vmac.as_ref().map(|_| v.name.span))
    }),
    lost("virtual_routes", "routes are not set", |c| {
        instance(c, |v| v.virtual_routes.first().map(|r| r.to.span))
    }),
    lost("virtual_rules", "policy rules are not set", |c| {
        instance(c, |v| v.virtual_rules.first().map(|r| r.to.or(r.from).map_or(v.name.span, |p| p.span)))
    }),
];

/// Tells of each part that the configuration uses.
pub(super) fn tell(config: &Config, diags: &mut Diagnostics) {
    for f in FEATURES {
        if let Some(span) = (f.used)(config) {
            let message = format!("`{}` has no effect yet: {}", f.name, f.why);
            let d = Diagnostic::new(f.severity, codes::K_NOT_YET, message);
            diags.push(if span == Span::default() { d } else { d.at(span, "") });
        }
    }
}

fn instance(c: &Config, of: impl Fn(&VrrpInstance) -> Option<Span>) -> Option<Span> {
    c.instances.iter().find_map(of)
}

const fn lost(name: &'static str, why: &'static str, used: fn(&Config) -> Option<Span>) -> Feature {
    Feature { name, severity: Severity::Warning, why, used }
}

const fn side(name: &'static str, why: &'static str, used: fn(&Config) -> Option<Span>) -> Feature {
    Feature { name, severity: Severity::Notice, why, used }
}

#[cfg(test)]
mod tests {
    use super::FEATURES;

    #[test]
    fn features_are_sorted_by_name() {
        assert!(FEATURES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
