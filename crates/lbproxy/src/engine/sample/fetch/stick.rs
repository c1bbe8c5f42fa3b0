//! What stick tables hold: of tracked entries (`sc_*`, `sc0_*` to `sc2_*`), and of the client's address (`src_*`)
//! (manual 7.3.3).
//!
//! A slot that tracks nothing has no value. With a table given, the tracked key is looked up there; a key without
//! an entry counts as 0 everywhere. Numbers that the table does not store have no value.

use std::sync::Arc;

use super::{ArgType, Args, Ctx, Cursor, Fetch, Scope, Type, Value};
use crate::engine::{
    sample::Arg,
    stick::{DataType as D, Entry, Key, Table},
};

const T: &[ArgType] = &[ArgType::Table];
const I: &[ArgType] = &[ArgType::Int];
const IT: &[ArgType] = &[ArgType::Int, ArgType::Table];
const IIT: &[ArgType] = &[ArgType::Int, ArgType::Int, ArgType::Table];

/// Slots that stand for something else than their number.
const ANY: u8 = 254;
const SRC_OF: u8 = 255;

/// Of the entry in slot 0.
pub(super) const SC0: &[Fetch] = &[
    row!(
        "sc0_bytes_in_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes received in the last period.",
        read::<0, { D::BytesInRate as u8 }>
    ),
    row!(
        "sc0_bytes_out_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes sent in the last period.",
        read::<0, { D::BytesOutRate as u8 }>
    ),
    row!(
        "sc0_clr_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the first counter, and what it was.",
        clear::<0, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc0_clr_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the second counter, and what it was.",
        clear::<0, { D::Gpc1 as u8 }>
    ),
    row!("sc0_conn_cnt", T, 0, Sint, RUNTIME, "Connections so far.", read::<0, { D::ConnCnt as u8 }>),
    row!("sc0_conn_cur", T, 0, Sint, RUNTIME, "Connections now.", read::<0, { D::ConnCur as u8 }>),
    row!(
        "sc0_conn_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Connections in the last period.",
        read::<0, { D::ConnRate as u8 }>
    ),
    row!("sc0_get_gpc0", T, 0, Sint, RUNTIME, "The first general counter.", read::<0, { D::Gpc0 as u8 }>),
    row!("sc0_get_gpc1", T, 0, Sint, RUNTIME, "The second general counter.", read::<0, { D::Gpc1 as u8 }>),
    row!("sc0_get_gpt0", T, 0, Sint, RUNTIME, "The first general tag.", read::<0, { D::Gpt0 as u8 }>),
    row!(
        "sc0_glitch_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities so far.",
        read::<0, { D::GlitchCnt as u8 }>
    ),
    row!(
        "sc0_glitch_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities in the last period.",
        read::<0, { D::GlitchRate as u8 }>
    ),
    row!(
        "sc0_gpc0_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the first counter in the last period.",
        read::<0, { D::Gpc0Rate as u8 }>
    ),
    row!(
        "sc0_gpc1_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the second counter in the last period.",
        read::<0, { D::Gpc1Rate as u8 }>
    ),
    row!(
        "sc0_http_err_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors so far.",
        read::<0, { D::HttpErrCnt as u8 }>
    ),
    row!(
        "sc0_http_err_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors in the last period.",
        read::<0, { D::HttpErrRate as u8 }>
    ),
    row!(
        "sc0_http_fail_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures so far.",
        read::<0, { D::HttpFailCnt as u8 }>
    ),
    row!(
        "sc0_http_fail_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures in the last period.",
        read::<0, { D::HttpFailRate as u8 }>
    ),
    row!("sc0_http_req_cnt", T, 0, Sint, RUNTIME, "Requests so far.", read::<0, { D::HttpReqCnt as u8 }>),
    row!(
        "sc0_http_req_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Requests in the last period.",
        read::<0, { D::HttpReqRate as u8 }>
    ),
    row!(
        "sc0_inc_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the first counter.",
        increment::<0, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc0_inc_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the second counter.",
        increment::<0, { D::Gpc1 as u8 }>
    ),
    row!(
        "sc0_kbytes_in",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes received so far.",
        kilobytes::<0, { D::BytesInCnt as u8 }>
    ),
    row!(
        "sc0_kbytes_out",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes sent so far.",
        kilobytes::<0, { D::BytesOutCnt as u8 }>
    ),
    row!("sc0_key", &[], 0, Any, RUNTIME, "The tracked key.", key::<0>),
    row!("sc0_sess_cnt", T, 0, Sint, RUNTIME, "Sessions so far.", read::<0, { D::SessCnt as u8 }>),
    row!(
        "sc0_sess_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Sessions in the last period.",
        read::<0, { D::SessRate as u8 }>
    ),
    row!("sc0_tracked", T, 0, Bool, RUNTIME, "Whether anything is tracked.", tracked::<0>),
    row!("sc0_trackers", T, 0, Sint, RUNTIME, "Who track the key now.", trackers::<0>),
];

/// Of the entry in slot 1.
pub(super) const SC1: &[Fetch] = &[
    row!(
        "sc1_bytes_in_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes received in the last period.",
        read::<1, { D::BytesInRate as u8 }>
    ),
    row!(
        "sc1_bytes_out_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes sent in the last period.",
        read::<1, { D::BytesOutRate as u8 }>
    ),
    row!(
        "sc1_clr_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the first counter, and what it was.",
        clear::<1, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc1_clr_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the second counter, and what it was.",
        clear::<1, { D::Gpc1 as u8 }>
    ),
    row!("sc1_conn_cnt", T, 0, Sint, RUNTIME, "Connections so far.", read::<1, { D::ConnCnt as u8 }>),
    row!("sc1_conn_cur", T, 0, Sint, RUNTIME, "Connections now.", read::<1, { D::ConnCur as u8 }>),
    row!(
        "sc1_conn_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Connections in the last period.",
        read::<1, { D::ConnRate as u8 }>
    ),
    row!("sc1_get_gpc0", T, 0, Sint, RUNTIME, "The first general counter.", read::<1, { D::Gpc0 as u8 }>),
    row!("sc1_get_gpc1", T, 0, Sint, RUNTIME, "The second general counter.", read::<1, { D::Gpc1 as u8 }>),
    row!("sc1_get_gpt0", T, 0, Sint, RUNTIME, "The first general tag.", read::<1, { D::Gpt0 as u8 }>),
    row!(
        "sc1_glitch_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities so far.",
        read::<1, { D::GlitchCnt as u8 }>
    ),
    row!(
        "sc1_glitch_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities in the last period.",
        read::<1, { D::GlitchRate as u8 }>
    ),
    row!(
        "sc1_gpc0_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the first counter in the last period.",
        read::<1, { D::Gpc0Rate as u8 }>
    ),
    row!(
        "sc1_gpc1_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the second counter in the last period.",
        read::<1, { D::Gpc1Rate as u8 }>
    ),
    row!(
        "sc1_http_err_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors so far.",
        read::<1, { D::HttpErrCnt as u8 }>
    ),
    row!(
        "sc1_http_err_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors in the last period.",
        read::<1, { D::HttpErrRate as u8 }>
    ),
    row!(
        "sc1_http_fail_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures so far.",
        read::<1, { D::HttpFailCnt as u8 }>
    ),
    row!(
        "sc1_http_fail_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures in the last period.",
        read::<1, { D::HttpFailRate as u8 }>
    ),
    row!("sc1_http_req_cnt", T, 0, Sint, RUNTIME, "Requests so far.", read::<1, { D::HttpReqCnt as u8 }>),
    row!(
        "sc1_http_req_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Requests in the last period.",
        read::<1, { D::HttpReqRate as u8 }>
    ),
    row!(
        "sc1_inc_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the first counter.",
        increment::<1, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc1_inc_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the second counter.",
        increment::<1, { D::Gpc1 as u8 }>
    ),
    row!(
        "sc1_kbytes_in",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes received so far.",
        kilobytes::<1, { D::BytesInCnt as u8 }>
    ),
    row!(
        "sc1_kbytes_out",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes sent so far.",
        kilobytes::<1, { D::BytesOutCnt as u8 }>
    ),
    row!("sc1_key", &[], 0, Any, RUNTIME, "The tracked key.", key::<1>),
    row!("sc1_sess_cnt", T, 0, Sint, RUNTIME, "Sessions so far.", read::<1, { D::SessCnt as u8 }>),
    row!(
        "sc1_sess_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Sessions in the last period.",
        read::<1, { D::SessRate as u8 }>
    ),
    row!("sc1_tracked", T, 0, Bool, RUNTIME, "Whether anything is tracked.", tracked::<1>),
    row!("sc1_trackers", T, 0, Sint, RUNTIME, "Who track the key now.", trackers::<1>),
];

/// Of the entry in slot 2.
pub(super) const SC2: &[Fetch] = &[
    row!(
        "sc2_bytes_in_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes received in the last period.",
        read::<2, { D::BytesInRate as u8 }>
    ),
    row!(
        "sc2_bytes_out_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Bytes sent in the last period.",
        read::<2, { D::BytesOutRate as u8 }>
    ),
    row!(
        "sc2_clr_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the first counter, and what it was.",
        clear::<2, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc2_clr_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Clears the second counter, and what it was.",
        clear::<2, { D::Gpc1 as u8 }>
    ),
    row!("sc2_conn_cnt", T, 0, Sint, RUNTIME, "Connections so far.", read::<2, { D::ConnCnt as u8 }>),
    row!("sc2_conn_cur", T, 0, Sint, RUNTIME, "Connections now.", read::<2, { D::ConnCur as u8 }>),
    row!(
        "sc2_conn_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Connections in the last period.",
        read::<2, { D::ConnRate as u8 }>
    ),
    row!("sc2_get_gpc0", T, 0, Sint, RUNTIME, "The first general counter.", read::<2, { D::Gpc0 as u8 }>),
    row!("sc2_get_gpc1", T, 0, Sint, RUNTIME, "The second general counter.", read::<2, { D::Gpc1 as u8 }>),
    row!("sc2_get_gpt0", T, 0, Sint, RUNTIME, "The first general tag.", read::<2, { D::Gpt0 as u8 }>),
    row!(
        "sc2_glitch_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities so far.",
        read::<2, { D::GlitchCnt as u8 }>
    ),
    row!(
        "sc2_glitch_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Protocol oddities in the last period.",
        read::<2, { D::GlitchRate as u8 }>
    ),
    row!(
        "sc2_gpc0_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the first counter in the last period.",
        read::<2, { D::Gpc0Rate as u8 }>
    ),
    row!(
        "sc2_gpc1_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Increments of the second counter in the last period.",
        read::<2, { D::Gpc1Rate as u8 }>
    ),
    row!(
        "sc2_http_err_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors so far.",
        read::<2, { D::HttpErrCnt as u8 }>
    ),
    row!(
        "sc2_http_err_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Request errors in the last period.",
        read::<2, { D::HttpErrRate as u8 }>
    ),
    row!(
        "sc2_http_fail_cnt",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures so far.",
        read::<2, { D::HttpFailCnt as u8 }>
    ),
    row!(
        "sc2_http_fail_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Response failures in the last period.",
        read::<2, { D::HttpFailRate as u8 }>
    ),
    row!("sc2_http_req_cnt", T, 0, Sint, RUNTIME, "Requests so far.", read::<2, { D::HttpReqCnt as u8 }>),
    row!(
        "sc2_http_req_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Requests in the last period.",
        read::<2, { D::HttpReqRate as u8 }>
    ),
    row!(
        "sc2_inc_gpc0",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the first counter.",
        increment::<2, { D::Gpc0 as u8 }>
    ),
    row!(
        "sc2_inc_gpc1",
        T,
        0,
        Sint,
        RUNTIME,
        "Adds one to the second counter.",
        increment::<2, { D::Gpc1 as u8 }>
    ),
    row!(
        "sc2_kbytes_in",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes received so far.",
        kilobytes::<2, { D::BytesInCnt as u8 }>
    ),
    row!(
        "sc2_kbytes_out",
        T,
        0,
        Sint,
        RUNTIME,
        "Kilobytes sent so far.",
        kilobytes::<2, { D::BytesOutCnt as u8 }>
    ),
    row!("sc2_key", &[], 0, Any, RUNTIME, "The tracked key.", key::<2>),
    row!("sc2_sess_cnt", T, 0, Sint, RUNTIME, "Sessions so far.", read::<2, { D::SessCnt as u8 }>),
    row!(
        "sc2_sess_rate",
        T,
        0,
        Sint,
        RUNTIME,
        "Sessions in the last period.",
        read::<2, { D::SessRate as u8 }>
    ),
    row!("sc2_tracked", T, 0, Bool, RUNTIME, "Whether anything is tracked.", tracked::<2>),
    row!("sc2_trackers", T, 0, Sint, RUNTIME, "Who track the key now.", trackers::<2>),
];

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

/// A table, and the entry there if the key has one.
type Found = (Arc<Table>, Option<Arc<Entry>>);

/// Where a fetch looks: its table and entry. `make`: an address that is not there yet gets an entry.
fn find(c: &Ctx<'_>, a: Args<'_>, slot: u8, before: usize, make: bool) -> Option<Found> {
    if slot == SRC_OF {
        let table = table(a, before)?;
        let key = Key::of_ip(table.spec.key, c.txn.src(c.conn).ip()?)?;
        let entry = match make {
            true => table.find_or_make(key, c.now_ms),
            false => table.find(&key, c.now_ms),
        };
        return Some((table, entry));
    }
    let (slot, next) = match slot {
        ANY => (usize::try_from(a.int(before)?).ok()?, before + 1),
        n => (usize::from(n), before),
    };
    let (own, entry) = c.txn.tracked.get(&c.conn.tracked, slot)?;
    match table(a, next) {
        Some(other) if !Arc::ptr_eq(&other, &own) => {
            let entry = other.find(&entry.key, c.now_ms);
            Some((other, entry))
        }
        _ => Some((own, Some(entry))),
    }
}

fn table(a: Args<'_>, at: usize) -> Option<Arc<Table>> {
    match a.get(at)? {
        Arg::Table(t) => Some(t.clone()),
        _ => None,
    }
}

fn what(index: u8) -> D {
    D::ALL.get(usize::from(index)).map_or(D::ServerId, |r| r.0)
}

fn number(n: u64) -> Option<Value<'static>> {
    Some(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}

fn get(c: &Ctx<'_>, found: Found, what: D, index: usize) -> Option<u64> {
    match found {
        (table, Some(e)) => table.read(&e, what, index, c.now_ms),
        (_, None) => Some(0),
    }
}

fn index(a: Args<'_>) -> Option<usize> {
    usize::try_from(a.int(0)?).ok()
}

fn read<'c, const S: u8, const W: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    number(get(c, find(c, a, S, 0, false)?, what(W), 0)?)
}

fn read_array<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    number(get(c, find(c, a, S, 1, false)?, what(W), index(a)?)?)
}

fn kilobytes<'c, const S: u8, const W: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    number(get(c, find(c, a, S, 0, false)?, what(W), 0)? >> 10)
}

fn clear<'c, const S: u8, const W: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 0, true)?;
    number(table.set(&*entry?, what(W), 0, 0, c.now_ms)?)
}

fn clear_array<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 1, true)?;
    number(table.set(&*entry?, what(W), index(a)?, 0, c.now_ms)?)
}

fn increment<'c, const S: u8, const W: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 0, true)?;
    number(table.count_up(&*entry?, what(W), 0, 1, c.now_ms)?)
}

fn increment_array<'c, const S: u8, const W: u8>(
    c: &'c Ctx<'_>,
    a: Args<'c>,
    _: &mut Cursor,
) -> Option<Value<'c>> {
    let (table, entry) = find(c, a, S, 1, true)?;
    number(table.count_up(&*entry?, what(W), index(a)?, 1, c.now_ms)?)
}

fn key<'c, const S: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    find(c, a, S, 0, false)?.1.map(|e| e.key.value())
}

fn tracked<'c, const S: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    Some(Value::Bool(find(c, a, S, 0, false).is_some_and(|f| f.1.is_some())))
}

fn trackers<'c, const S: u8>(c: &'c Ctx<'_>, a: Args<'c>, _: &mut Cursor) -> Option<Value<'c>> {
    let (_, entry) = find(c, a, S, 0, false)?;
    number(entry.map_or(0, |e| u64::from(e.trackers())))
}
