//! Arguments of the actions that answer: `deny`, `tarpit`, `return`, `redirect`, `http-error`.

use super::Words;
use crate::{
    haproxy::{
        model::{Redirect, RedirectTo, Reply, ReplyBody, ReplyHeader},
        section::cx::Cx,
    },
    source::At,
};

/// `[status n] [content-type t] [body source] [hdr name format]…`; `deny_status` is the spelling of `deny`.
pub(crate) fn reply(words: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Reply> {
    let mut reply = Reply::default();
    while let Some(word) = words.peek() {
        match word.as_str() {
            "status" | "deny_status" => {
                let value = words.option(word, cx)?;
                let status = cx.int(value, 200..=599).and_then(|n| u16::try_from(n).ok())?;
                reply.status = Some(At::new(status, value.span));
            }
            "content-type" => reply.content_type = Some(words.option(word, cx)?.value.clone()),
            "hdr" => {
                let name = words.option(word, cx)?.clone();
                let value = words.next("the value of the header", cx)?.clone();
                reply.headers.push(ReplyHeader { name, value });
            }
            "default-errorfiles" => {
                words.next("", cx)?;
                reply.body = Some(ReplyBody::DefaultErrorfiles);
            }
            "errorfile" => reply.body = Some(ReplyBody::Errorfile(words.option(word, cx)?.clone())),
            "errorfiles" => reply.body = Some(ReplyBody::Errorfiles(words.option(word, cx)?.clone())),
            "file" => reply.body = Some(ReplyBody::File(words.option(word, cx)?.clone())),
            "lf-file" => reply.body = Some(ReplyBody::LfFile(words.option(word, cx)?.clone())),
            "string" => reply.body = Some(ReplyBody::String(words.option(word, cx)?.clone())),
            "lf-string" => reply.body = Some(ReplyBody::LfString(words.option(word, cx)?.clone())),
            _ => {
                let known = [
                    "status",
                    "deny_status",
                    "content-type",
                    "hdr",
                    "default-errorfiles",
                    "errorfile",
                    "errorfiles",
                    "file",
                    "lf-file",
                    "string",
                    "lf-string",
                    "if",
                    "unless",
                ];
                cx.bad_word(word, known);
                return None;
            }
        }
    }
    Some(reply)
}

/// `location|prefix|scheme to [code n] [options]`, in any order.
pub(crate) fn redirect(words: &mut Words<'_>, cx: &mut Cx<'_>) -> Option<Redirect> {
    let mut redirect = Redirect::default();
    let mut to = None;
    while let Some(word) = words.peek() {
        match word.as_str() {
            "location" => to = Some(RedirectTo::Location(words.option(word, cx)?.clone())),
            "prefix" => to = Some(RedirectTo::Prefix(words.option(word, cx)?.clone())),
            "scheme" => to = Some(RedirectTo::Scheme(words.option(word, cx)?.clone())),
            "code" => {
                let value = words.option(word, cx)?;
                let codes = [("301", 301), ("302", 302), ("303", 303), ("307", 307), ("308", 308)];
                redirect.code = Some(At::new(cx.one_of(value, &codes)?, value.span));
            }
            "set-cookie" => redirect.set_cookie = Some(words.option(word, cx)?.value.clone()),
            "set-cookie-fmt" => redirect.set_cookie_fmt = Some(words.option(word, cx)?.clone()),
            "clear-cookie" => redirect.clear_cookie = Some(words.option(word, cx)?.value.clone()),
            "drop-query" | "keep-query" | "append-slash" | "ignore-empty" => {
                words.next("", cx)?;
                match word.as_str() {
                    "drop-query" => redirect.drop_query = true,
                    "keep-query" => redirect.keep_query = true,
                    "append-slash" => redirect.append_slash = true,
                    _ => redirect.ignore_empty = true,
                }
            }
            _ => {
                let known = [
                    "location",
                    "prefix",
                    "scheme",
                    "code",
                    "set-cookie",
                    "set-cookie-fmt",
                    "clear-cookie",
                    "drop-query",
                    "keep-query",
                    "append-slash",
                    "ignore-empty",
                    "if",
                    "unless",
                ];
                cx.bad_word(word, known);
                return None;
            }
        }
    }
    let Some(to) = to else {
        cx.missing(&words.action, "a target: `location`, `prefix` or `scheme`");
        return None;
    };
    Some(Redirect { to, ..redirect })
}
