//! keepalived.conf: words, tree, typed model.
