//! haproxy.cfg: words, tree, typed model.
