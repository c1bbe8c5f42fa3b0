//! How a diagnostic looks: rustc-like with the words underlined, or the peers' one-line forms.
