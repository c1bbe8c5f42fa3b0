//! Keywords of the global section that are known by name and kept as written.

use crate::{
    haproxy::{
        model::Global,
        section::{
            Status,
            cx::rows,
            global::keep,
            scope::{GLOBAL, NO},
        },
    },
    keyword::ANY,
};

const INSIDE: Status = Status::no_effect("it tunes an inner part of HAProxy that is built differently here");

rows! {
    pub(super) const KEYWORDS: [Global];
    "51degrees-allow-unmatched", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: allow unmatched.";
    "51degrees-cache-size", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: cache size.";
    "51degrees-data-file", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: data file.";
    "51degrees-difference", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: difference.";
    "51degrees-drift", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: drift.";
    "51degrees-property-name-list", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: property name list.";
    "51degrees-property-separator", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: property separator.";
    "51degrees-use-performance-graph", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: use performance graph.";
    "51degrees-use-predictive-graph", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "51Degrees device detection: use predictive graph.";
    "acme.scheduler", GLOBAL, (0, ANY), Status::not_yet("certificates are read from files"), keep, "Whether certificates are renewed automatically.";
    "anonkey", GLOBAL, (0, ANY), INSIDE, keep, "Key with which names are hidden in dumps.";
    "busy-polling", GLOBAL | NO, (0, ANY), INSIDE, keep, "Spins instead of sleeping.";
    "cpu-affinity", GLOBAL, (0, ANY), Status::not_yet("threads are not pinned"), keep, "How threads are bound to processors.";
    "debug.counters", GLOBAL, (0, ANY), INSIDE, keep, "Counts events for debugging.";
    "deviceatlas-json-file", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "DeviceAtlas device detection: json file.";
    "deviceatlas-log-level", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "DeviceAtlas device detection: log level.";
    "deviceatlas-properties-cookie", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "DeviceAtlas device detection: properties cookie.";
    "deviceatlas-separator", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "DeviceAtlas device detection: separator.";
    "force-cfg-parser-pause", GLOBAL, (0, ANY), INSIDE, keep, "Waits while the configuration is read, for tests.";
    "harden.reject-privileged-ports.quic", GLOBAL, (0, ANY), Status::not_yet("privileged client ports are served"), keep, "Hardening: reject privileged ports quic.";
    "harden.reject-privileged-ports.tcp", GLOBAL, (0, ANY), Status::not_yet("privileged client ports are served"), keep, "Hardening: reject privileged ports tcp.";
    "httpclient.resolvers.disabled", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: resolvers disabled.";
    "httpclient.resolvers.id", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: resolvers id.";
    "httpclient.resolvers.prefer", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: resolvers prefer.";
    "httpclient.retries", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: retries.";
    "httpclient.ssl.ca-file", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: ssl ca file.";
    "httpclient.ssl.verify", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: ssl verify.";
    "httpclient.timeout.connect", GLOBAL, (0, ANY), Status::not_yet("there is no internal HTTP client"), keep, "Internal HTTP client: timeout connect.";
    "jwt.decrypt_alg_list", GLOBAL, (0, ANY), Status::not_yet("tokens are not decrypted"), keep, "JSON web tokens: decrypt alg list.";
    "jwt.decrypt_enc_list", GLOBAL, (0, ANY), Status::not_yet("tokens are not decrypted"), keep, "JSON web tokens: decrypt enc list.";
    "limited-quic", GLOBAL, (0, ANY), Status::not_yet("QUIC is not spoken"), keep, "Allows QUIC on libraries that serve it only partly.";
    "max-threads-per-group", GLOBAL, (0, ANY), Status::no_effect("threads are not grouped"), keep, "Most threads of a group.";
    "mworker-max-reloads", GLOBAL, (0, ANY), Status::no_effect("reloads do not pile up processes"), keep, "Reloads after which an old worker is ended.";
    "no-memory-trimming", GLOBAL | NO, (0, ANY), INSIDE, keep, "Cancels memory-trimming.";
    "noepoll", GLOBAL, (0, ANY), Status::no_effect("epoll is the only way of waiting"), keep, "Disable epoll.";
    "noevports", GLOBAL, (0, ANY), Status::no_effect("epoll is the only way of waiting"), keep, "Does not use event ports.";
    "nokqueue", GLOBAL, (0, ANY), Status::no_effect("epoll is the only way of waiting"), keep, "Does not use kqueue.";
    "noktls", GLOBAL, (0, ANY), Status::no_effect("kernel TLS is not used"), keep, "Does not let the kernel encrypt.";
    "nopoll", GLOBAL, (0, ANY), Status::no_effect("epoll is the only way of waiting"), keep, "Disable poll.";
    "ocsp-update.disable", GLOBAL, (0, ANY), Status::not_yet("OCSP answers are not fetched"), keep, "Fetching OCSP answers: disable.";
    "ocsp-update.httpproxy", GLOBAL, (0, ANY), Status::not_yet("OCSP answers are not fetched"), keep, "Fetching OCSP answers: httpproxy.";
    "ocsp-update.maxdelay", GLOBAL, (0, ANY), Status::not_yet("OCSP answers are not fetched"), keep, "Fetching OCSP answers: maxdelay.";
    "ocsp-update.mindelay", GLOBAL, (0, ANY), Status::not_yet("OCSP answers are not fetched"), keep, "Fetching OCSP answers: mindelay.";
    "ocsp-update.mode", GLOBAL, (0, ANY), Status::not_yet("OCSP answers are not fetched"), keep, "Fetching OCSP answers: mode.";
    "prealloc-fd", GLOBAL, (0, ANY), INSIDE, keep, "Makes room for all descriptors at start.";
    "profiling.memory", GLOBAL, (0, ANY), INSIDE, keep, "Measures memory use.";
    "profiling.tasks", GLOBAL, (0, ANY), INSIDE, keep, "Measures tasks.";
    "shm-stats-file", GLOBAL, (0, ANY), Status::not_yet("counters are not shared by file"), keep, "File through which processes share counters.";
    "shm-stats-file-max-objects", GLOBAL, (0, ANY), Status::not_yet("counters are not shared by file"), keep, "Most objects in the shared counters.";
    "ssl-engine", GLOBAL, (0, ANY), Status::not_yet("the TLS library's own way counts"), keep, "OpenSSL engine to use.";
    "ssl-mode-async", GLOBAL, (0, ANY), Status::not_yet("the TLS library's own way counts"), keep, "Asynchronous TLS engine.";
    "ssl-passphrase-cmd", GLOBAL, (0, ANY), Status::not_yet("the TLS library's own way counts"), keep, "Program that tells the passphrases of keys.";
    "ssl-propquery", GLOBAL, (0, ANY), Status::not_yet("the TLS library's own way counts"), keep, "OpenSSL property query.";
    "ssl-provider", GLOBAL, (0, ANY), Status::not_yet("the TLS library's own way counts"), keep, "OpenSSL provider to load.";
    "ssl-provider-path", GLOBAL, (0, ANY), Status::not_yet("the TLS library's own way counts"), keep, "Directory of OpenSSL providers.";
    "stress-level", GLOBAL, (0, ANY), INSIDE, keep, "Inserts delays for tests.";
    "thread-group", GLOBAL, (0, ANY), Status::no_effect("threads are not grouped"), keep, "Assign threads to a group.";
    "warn-blocked-traffic-after", GLOBAL, (0, ANY), INSIDE, keep, "Time after which a blocked thread is reported.";
    "wurfl-cache-size", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "WURFL device detection: cache size.";
    "wurfl-data-file", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "WURFL device detection: data file.";
    "wurfl-information-list", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "WURFL device detection: information list.";
    "wurfl-information-list-separator", GLOBAL, (0, ANY), Status::refused("device detection libraries are not built in"), keep, "WURFL device detection: information list separator.";
}
