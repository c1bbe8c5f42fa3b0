//! What stick tables hold: of tracked entries (`sc_*`, `sc0_*` to `sc2_*`), and of the client's address (`src_*`)
//! (manual 7.3.3).
//!
//! A slot that tracks nothing has no value. With a table given, the tracked key is looked up there; a key without
//! an entry counts as 0 everywhere. Numbers that the table does not store have no value.

mod look;

use super::{ArgType, Fetch, Scope, Type};
use crate::engine::stick::DataType as D;
use look::{
    clear, clear_array, increment, increment_array, key, kilobytes, read, read_array, tracked, trackers,
};

const T: &[ArgType] = &[ArgType::Table];
const I: &[ArgType] = &[ArgType::Int];
const IT: &[ArgType] = &[ArgType::Int, ArgType::Table];
const IIT: &[ArgType] = &[ArgType::Int, ArgType::Int, ArgType::Table];

/// Slots that stand for something else than their number.
const ANY: u8 = 254;
const SRC_OF: u8 = 255;

/// The rows of one slot, each under its prefix.
macro_rules! of_slot {
    ($slot:literal, $prefix:literal) => {
        &[
            row!(
                concat!($prefix, "bytes_in_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Bytes received in the last period.",
                read::<$slot, { D::BytesInRate as u8 }>
            ),
            row!(
                concat!($prefix, "bytes_out_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Bytes sent in the last period.",
                read::<$slot, { D::BytesOutRate as u8 }>
            ),
            row!(
                concat!($prefix, "clr_gpc0"),
                T,
                0,
                Sint,
                RUNTIME,
                "Clears the first counter, and what it was.",
                clear::<$slot, { D::Gpc0 as u8 }>
            ),
            row!(
                concat!($prefix, "clr_gpc1"),
                T,
                0,
                Sint,
                RUNTIME,
                "Clears the second counter, and what it was.",
                clear::<$slot, { D::Gpc1 as u8 }>
            ),
            row!(
                concat!($prefix, "conn_cnt"),
                T,
                0,
                Sint,
                RUNTIME,
                "Connections so far.",
                read::<$slot, { D::ConnCnt as u8 }>
            ),
            row!(
                concat!($prefix, "conn_cur"),
                T,
                0,
                Sint,
                RUNTIME,
                "Connections now.",
                read::<$slot, { D::ConnCur as u8 }>
            ),
            row!(
                concat!($prefix, "conn_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Connections in the last period.",
                read::<$slot, { D::ConnRate as u8 }>
            ),
            row!(
                concat!($prefix, "get_gpc0"),
                T,
                0,
                Sint,
                RUNTIME,
                "The first general counter.",
                read::<$slot, { D::Gpc0 as u8 }>
            ),
            row!(
                concat!($prefix, "get_gpc1"),
                T,
                0,
                Sint,
                RUNTIME,
                "The second general counter.",
                read::<$slot, { D::Gpc1 as u8 }>
            ),
            row!(
                concat!($prefix, "get_gpt0"),
                T,
                0,
                Sint,
                RUNTIME,
                "The first general tag.",
                read::<$slot, { D::Gpt0 as u8 }>
            ),
            row!(
                concat!($prefix, "glitch_cnt"),
                T,
                0,
                Sint,
                RUNTIME,
                "Protocol oddities so far.",
                read::<$slot, { D::GlitchCnt as u8 }>
            ),
            row!(
                concat!($prefix, "glitch_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Protocol oddities in the last period.",
                read::<$slot, { D::GlitchRate as u8 }>
            ),
            row!(
                concat!($prefix, "gpc0_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Increments of the first counter in the last period.",
                read::<$slot, { D::Gpc0Rate as u8 }>
            ),
            row!(
                concat!($prefix, "gpc1_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Increments of the second counter in the last period.",
                read::<$slot, { D::Gpc1Rate as u8 }>
            ),
            row!(
                concat!($prefix, "http_err_cnt"),
                T,
                0,
                Sint,
                RUNTIME,
                "Request errors so far.",
                read::<$slot, { D::HttpErrCnt as u8 }>
            ),
            row!(
                concat!($prefix, "http_err_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Request errors in the last period.",
                read::<$slot, { D::HttpErrRate as u8 }>
            ),
            row!(
                concat!($prefix, "http_fail_cnt"),
                T,
                0,
                Sint,
                RUNTIME,
                "Response failures so far.",
                read::<$slot, { D::HttpFailCnt as u8 }>
            ),
            row!(
                concat!($prefix, "http_fail_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Response failures in the last period.",
                read::<$slot, { D::HttpFailRate as u8 }>
            ),
            row!(
                concat!($prefix, "http_req_cnt"),
                T,
                0,
                Sint,
                RUNTIME,
                "Requests so far.",
                read::<$slot, { D::HttpReqCnt as u8 }>
            ),
            row!(
                concat!($prefix, "http_req_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Requests in the last period.",
                read::<$slot, { D::HttpReqRate as u8 }>
            ),
            row!(
                concat!($prefix, "inc_gpc0"),
                T,
                0,
                Sint,
                RUNTIME,
                "Adds one to the first counter.",
                increment::<$slot, { D::Gpc0 as u8 }>
            ),
            row!(
                concat!($prefix, "inc_gpc1"),
                T,
                0,
                Sint,
                RUNTIME,
                "Adds one to the second counter.",
                increment::<$slot, { D::Gpc1 as u8 }>
            ),
            row!(
                concat!($prefix, "kbytes_in"),
                T,
                0,
                Sint,
                RUNTIME,
                "Kilobytes received so far.",
                kilobytes::<$slot, { D::BytesInCnt as u8 }>
            ),
            row!(
                concat!($prefix, "kbytes_out"),
                T,
                0,
                Sint,
                RUNTIME,
                "Kilobytes sent so far.",
                kilobytes::<$slot, { D::BytesOutCnt as u8 }>
            ),
            row!(concat!($prefix, "key"), &[], 0, Any, RUNTIME, "The tracked key.", key::<$slot>),
            row!(
                concat!($prefix, "sess_cnt"),
                T,
                0,
                Sint,
                RUNTIME,
                "Sessions so far.",
                read::<$slot, { D::SessCnt as u8 }>
            ),
            row!(
                concat!($prefix, "sess_rate"),
                T,
                0,
                Sint,
                RUNTIME,
                "Sessions in the last period.",
                read::<$slot, { D::SessRate as u8 }>
            ),
            row!(
                concat!($prefix, "tracked"),
                T,
                0,
                Bool,
                RUNTIME,
                "Whether anything is tracked.",
                tracked::<$slot>
            ),
            row!(
                concat!($prefix, "trackers"),
                T,
                0,
                Sint,
                RUNTIME,
                "Who track the key now.",
                trackers::<$slot>
            ),
        ]
    };
}

/// Of the entry in slot 0.
pub(super) const SC0: &[Fetch] = of_slot!(0, "sc0_");
/// Of the entry in slot 1.
pub(super) const SC1: &[Fetch] = of_slot!(1, "sc1_");
/// Of the entry in slot 2.
pub(super) const SC2: &[Fetch] = of_slot!(2, "sc2_");

/// Of the entry in the slot that an argument names.
pub(super) const SC: &[Fetch] = &[
    row!(
        "sc_bytes_in_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Bytes received in the last period.",
        read::<ANY, { D::BytesInRate as u8 }>
    ),
    row!(
        "sc_bytes_out_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Bytes sent in the last period.",
        read::<ANY, { D::BytesOutRate as u8 }>
    ),
    row!(
        "sc_clr_gpc",
        IIT,
        2,
        Sint,
        RUNTIME,
        "Clears a counter of the array, and what it was.",
        clear_array::<ANY, { D::Gpc as u8 }>
    ),
    row!(
        "sc_clr_gpc0",
        IT,
        1,
        Sint,
        RUNTIME,
        "Clears the first counter, and what it was.",
        clear::<ANY, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc_clr_gpc1",
        IT,
        1,
        Sint,
        RUNTIME,
        "Clears the second counter, and what it was.",
        clear::<ANY, { D::Gpc1 as u8 }>
    ),
    row!("sc_conn_cnt", IT, 1, Sint, RUNTIME, "Connections so far.", read::<ANY, { D::ConnCnt as u8 }>),
    row!("sc_conn_cur", IT, 1, Sint, RUNTIME, "Connections now.", read::<ANY, { D::ConnCur as u8 }>),
    row!(
        "sc_conn_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Connections in the last period.",
        read::<ANY, { D::ConnRate as u8 }>
    ),
    row!("sc_get_gpc", IIT, 2, Sint, RUNTIME, "A counter of the array.", read_array::<ANY, { D::Gpc as u8 }>),
    row!("sc_get_gpc0", IT, 1, Sint, RUNTIME, "The first general counter.", read::<ANY, { D::Gpc0 as u8 }>),
    row!("sc_get_gpc1", IT, 1, Sint, RUNTIME, "The second general counter.", read::<ANY, { D::Gpc1 as u8 }>),
    row!("sc_get_gpt", IIT, 2, Sint, RUNTIME, "A tag of the array.", read_array::<ANY, { D::Gpt as u8 }>),
    row!("sc_get_gpt0", IT, 1, Sint, RUNTIME, "The first general tag.", read::<ANY, { D::Gpt0 as u8 }>),
    row!(
        "sc_glitch_cnt",
        IT,
        1,
        Sint,
        RUNTIME,
        "Protocol oddities so far.",
        read::<ANY, { D::GlitchCnt as u8 }>
    ),
    row!(
        "sc_glitch_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Protocol oddities in the last period.",
        read::<ANY, { D::GlitchRate as u8 }>
    ),
    row!(
        "sc_gpc0_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Increments of the first counter in the last period.",
        read::<ANY, { D::Gpc0Rate as u8 }>
    ),
    row!(
        "sc_gpc1_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Increments of the second counter in the last period.",
        read::<ANY, { D::Gpc1Rate as u8 }>
    ),
    row!(
        "sc_gpc_rate",
        IIT,
        2,
        Sint,
        RUNTIME,
        "Increments of a counter of the array in the last period.",
        read_array::<ANY, { D::GpcRate as u8 }>
    ),
    row!(
        "sc_http_err_cnt",
        IT,
        1,
        Sint,
        RUNTIME,
        "Request errors so far.",
        read::<ANY, { D::HttpErrCnt as u8 }>
    ),
    row!(
        "sc_http_err_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Request errors in the last period.",
        read::<ANY, { D::HttpErrRate as u8 }>
    ),
    row!(
        "sc_http_fail_cnt",
        IT,
        1,
        Sint,
        RUNTIME,
        "Response failures so far.",
        read::<ANY, { D::HttpFailCnt as u8 }>
    ),
    row!(
        "sc_http_fail_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Response failures in the last period.",
        read::<ANY, { D::HttpFailRate as u8 }>
    ),
    row!("sc_http_req_cnt", IT, 1, Sint, RUNTIME, "Requests so far.", read::<ANY, { D::HttpReqCnt as u8 }>),
    row!(
        "sc_http_req_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Requests in the last period.",
        read::<ANY, { D::HttpReqRate as u8 }>
    ),
    row!(
        "sc_inc_gpc",
        IIT,
        2,
        Sint,
        RUNTIME,
        "Adds one to a counter of the array.",
        increment_array::<ANY, { D::Gpc as u8 }>
    ),
    row!(
        "sc_inc_gpc0",
        IT,
        1,
        Sint,
        RUNTIME,
        "Adds one to the first counter.",
        increment::<ANY, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc_inc_gpc1",
        IT,
        1,
        Sint,
        RUNTIME,
        "Adds one to the second counter.",
        increment::<ANY, { D::Gpc1 as u8 }>
    ),
    row!(
        "sc_kbytes_in",
        IT,
        1,
        Sint,
        RUNTIME,
        "Kilobytes received so far.",
        kilobytes::<ANY, { D::BytesInCnt as u8 }>
    ),
    row!(
        "sc_kbytes_out",
        IT,
        1,
        Sint,
        RUNTIME,
        "Kilobytes sent so far.",
        kilobytes::<ANY, { D::BytesOutCnt as u8 }>
    ),
    row!("sc_key", I, 1, Any, RUNTIME, "The tracked key.", key::<ANY>),
    row!("sc_sess_cnt", IT, 1, Sint, RUNTIME, "Sessions so far.", read::<ANY, { D::SessCnt as u8 }>),
    row!(
        "sc_sess_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Sessions in the last period.",
        read::<ANY, { D::SessRate as u8 }>
    ),
    row!("sc_tracked", IT, 1, Bool, RUNTIME, "Whether anything is tracked.", tracked::<ANY>),
    row!("sc_trackers", IT, 1, Sint, RUNTIME, "Who track the key now.", trackers::<ANY>),
];

/// Of the entry of the client's address.
pub(super) const SRC: &[Fetch] = &[
    row!(
        "src_bytes_in_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes received in the last period.",
        read::<SRC_OF, { D::BytesInRate as u8 }>
    ),
    row!(
        "src_bytes_out_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes sent in the last period.",
        read::<SRC_OF, { D::BytesOutRate as u8 }>
    ),
    row!(
        "src_clr_gpc",
        IT,
        1,
        Sint,
        RUNTIME,
        "Clears a counter of the array, and what it was.",
        clear_array::<SRC_OF, { D::Gpc as u8 }>
    ),
    row!(
        "src_clr_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the first counter, and what it was.",
        clear::<SRC_OF, { D::Gpc0 as u8 }>
    ),
    row!(
        "src_clr_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the second counter, and what it was.",
        clear::<SRC_OF, { D::Gpc1 as u8 }>
    ),
    row!("src_conn_cnt", T, 0, Sint, RUNTIME, "Connections so far.", read::<SRC_OF, { D::ConnCnt as u8 }>),
    row!("src_conn_cur", T, 0, Sint, RUNTIME, "Connections now.", read::<SRC_OF, { D::ConnCur as u8 }>),
    row!(
        "src_conn_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Connections in the last period.",
        read::<SRC_OF, { D::ConnRate as u8 }>
    ),
    row!(
        "src_get_gpc",
        IT,
        1,
        Sint,
        RUNTIME,
        "A counter of the array.",
        read_array::<SRC_OF, { D::Gpc as u8 }>
    ),
    row!(
        "src_get_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "The first general counter.",
        read::<SRC_OF, { D::Gpc0 as u8 }>
    ),
    row!(
        "src_get_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "The second general counter.",
        read::<SRC_OF, { D::Gpc1 as u8 }>
    ),
    row!("src_get_gpt", IT, 1, Sint, RUNTIME, "A tag of the array.", read_array::<SRC_OF, { D::Gpt as u8 }>),
    row!("src_get_gpt0", T, 0, Sint, RUNTIME, "The first general tag.", read::<SRC_OF, { D::Gpt0 as u8 }>),
    row!(
        "src_glitch_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities so far.",
        read::<SRC_OF, { D::GlitchCnt as u8 }>
    ),
    row!(
        "src_glitch_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities in the last period.",
        read::<SRC_OF, { D::GlitchRate as u8 }>
    ),
    row!(
        "src_gpc0_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the first counter in the last period.",
        read::<SRC_OF, { D::Gpc0Rate as u8 }>
    ),
    row!(
        "src_gpc1_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the second counter in the last period.",
        read::<SRC_OF, { D::Gpc1Rate as u8 }>
    ),
    row!(
        "src_gpc_rate",
        IT,
        1,
        Sint,
        RUNTIME,
        "Increments of a counter of the array in the last period.",
        read_array::<SRC_OF, { D::GpcRate as u8 }>
    ),
    row!(
        "src_http_err_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors so far.",
        read::<SRC_OF, { D::HttpErrCnt as u8 }>
    ),
    row!(
        "src_http_err_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors in the last period.",
        read::<SRC_OF, { D::HttpErrRate as u8 }>
    ),
    row!(
        "src_http_fail_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures so far.",
        read::<SRC_OF, { D::HttpFailCnt as u8 }>
    ),
    row!(
        "src_http_fail_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures in the last period.",
        read::<SRC_OF, { D::HttpFailRate as u8 }>
    ),
    row!(
        "src_http_req_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Requests so far.",
        read::<SRC_OF, { D::HttpReqCnt as u8 }>
    ),
    row!(
        "src_http_req_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Requests in the last period.",
        read::<SRC_OF, { D::HttpReqRate as u8 }>
    ),
    row!(
        "src_inc_gpc",
        IT,
        1,
        Sint,
        RUNTIME,
        "Adds one to a counter of the array.",
        increment_array::<SRC_OF, { D::Gpc as u8 }>
    ),
    row!(
        "src_inc_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the first counter.",
        increment::<SRC_OF, { D::Gpc0 as u8 }>
    ),
    row!(
        "src_inc_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the second counter.",
        increment::<SRC_OF, { D::Gpc1 as u8 }>
    ),
    row!(
        "src_kbytes_in",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes received so far.",
        kilobytes::<SRC_OF, { D::BytesInCnt as u8 }>
    ),
    row!(
        "src_kbytes_out",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes sent so far.",
        kilobytes::<SRC_OF, { D::BytesOutCnt as u8 }>
    ),
    row!("src_sess_cnt", T, 0, Sint, RUNTIME, "Sessions so far.", read::<SRC_OF, { D::SessCnt as u8 }>),
    row!(
        "src_sess_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Sessions in the last period.",
        read::<SRC_OF, { D::SessRate as u8 }>
    ),
    row!(
        "src_updt_conn_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Counts a connection, and how many there were.",
        increment::<SRC_OF, { D::ConnCnt as u8 }>
    ),
];
