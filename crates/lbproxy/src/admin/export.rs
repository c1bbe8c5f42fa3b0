//! Rows of `show stat` and lines of `show info` as CSV, typed text and JSON.
//!
//! Owns the forms and nothing of what the values mean. Every form is written from the same rows.

use std::fmt::Write;

use super::columns::{COLUMNS, Kind};

/// One value with the type that the typed forms name.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    U32(u32),
    S32(i32),
    U64(u64),
    Str(String),
}

impl Value {
    const fn type_word(&self) -> &'static str {
        match self {
            Value::U32(_) => "u32",
            Value::S32(_) => "s32",
            Value::U64(_) => "u64",
            Value::Str(_) => "str",
        }
    }

    fn text(&self) -> String {
        match self {
            Value::U32(n) => n.to_string(),
            Value::S32(n) => n.to_string(),
            Value::U64(n) => n.to_string(),
            Value::Str(s) => s.clone(),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Value::U32(n) => (*n).into(),
            Value::S32(n) => (*n).into(),
            Value::U64(n) => (*n).into(),
            Value::Str(s) => s.clone().into(),
        }
    }
}

/// One row of `show stat`: a value or nothing for each of [`COLUMNS`].
#[derive(Clone, Debug)]
pub struct Row {
    pub kind: Kind,
    /// Ids of the proxy and of the server or listener in it.
    pub iid: u32,
    pub sid: u32,
    pub values: Vec<Option<Value>>,
}

/// Columns before this one have a place of their own in every version; a `-` parts them from what the protocols add.
const FIRST_PROTOCOL_COLUMN: &str = "h2_headers_rcvd";

/// The header line of the CSV form, with its `# ` and line end.
pub fn csv_header() -> String {
    let mut out = String::from("# ");
    for c in COLUMNS {
        if c.name == FIRST_PROTOCOL_COLUMN {
            out.push_str("-,");
        }
        out.push_str(c.name);
        out.push(',');
    }
    out.push('\n');
    out
}

/// One row in CSV. Text with a comma, a quote or a line break is quoted (RFC 4180).
pub fn csv_row(row: &Row, out: &mut String) {
    for (c, v) in COLUMNS.iter().zip(&row.values) {
        if c.name == FIRST_PROTOCOL_COLUMN {
            out.push_str("-,");
        }
        if let Some(v) = v {
            csv_text(&v.text(), out);
        }
        out.push(',');
    }
    out.push('\n');
}

fn csv_text(text: &str, out: &mut String) {
    if !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for ch in text.chars() {
        if ch == '"' {
            out.push('"');
        }
        out.push(ch);
    }
    out.push('"');
}

/// One row in typed form: a line for each value (management guide 9.2).
pub fn typed_row(row: &Row, desc: bool, out: &mut String) {
    for (pos, (c, v)) in COLUMNS.iter().zip(&row.values).enumerate() {
        let Some(v) = v else { continue };
        let _ = write!(
            out,
            "{}.{}.{}.{pos}.{}.1:{}:{}:{}",
            row.kind.letter(),
            row.iid,
            row.sid,
            c.name,
            c.tags,
            v.type_word(),
            v.text()
        );
        describe(desc.then_some(c.doc), out);
    }
}

/// Ends a line, with its meaning in quotes if that is wanted.
fn describe(doc: Option<&str>, out: &mut String) {
    let _ = match doc {
        Some(doc) => writeln!(out, ":\"{doc}\""),
        None => writeln!(out),
    };
}

/// All rows as one JSON array of arrays, without line end.
pub fn json_rows(rows: &[Row]) -> String {
    let all: Vec<serde_json::Value> = rows.iter().map(json_row).collect();
    serde_json::Value::from(all).to_string()
}

fn json_row(row: &Row) -> serde_json::Value {
    let fields = COLUMNS.iter().zip(&row.values).enumerate().filter_map(|(pos, (c, v))| {
        let v = v.as_ref()?;
        Some(serde_json::json!({
            "objType": row.kind.word(),
            "proxyId": row.iid,
            "id": row.sid,
            "field": {"pos": pos, "name": c.name},
            "processNum": 1,
            "tags": tags(c.tags),
            "value": {"type": v.type_word(), "value": v.json()},
        }))
    });
    serde_json::Value::from(fields.collect::<Vec<_>>())
}

/// The words of the first three letters of the typed form.
fn tags(letters: &str) -> serde_json::Value {
    let mut it = letters.chars();
    let origin = match it.next() {
        Some('M') => "Metric",
        Some('S') => "Status",
        Some('K') => "Key",
        Some('C') => "Config",
        Some('P') => "Product",
        _ => "Unknown",
    };
    let nature = match it.next() {
        Some('A') => "Age",
        Some('a') => "Avg",
        Some('C') => "Counter",
        Some('D') => "Duration",
        Some('G') => "Gauge",
        Some('L') => "Limit",
        Some('M') => "Max",
        Some('m') => "Min",
        Some('N') => "Name",
        Some('O') => "Output",
        Some('R') => "Rate",
        Some('T') => "Time",
        _ => "Unknown",
    };
    let scope = match it.next() {
        Some('C') => "Cluster",
        Some('P') => "Process",
        Some('S') => "Service",
        Some('s') => "System",
        _ => "Unknown",
    };
    serde_json::json!({"origin": origin, "nature": nature, "scope": scope})
}

/// One line of `show info`.
#[derive(Clone, Debug)]
pub struct InfoLine {
    pub pos: u32,
    pub name: &'static str,
    pub tags: &'static str,
    pub doc: &'static str,
    pub value: Value,
}

/// `show info`, with each line's meaning if `desc`.
pub fn info_text(lines: &[InfoLine], desc: bool) -> String {
    let mut out = String::new();
    for l in lines {
        let _ = write!(out, "{}: {}", l.name, l.value.text());
        describe(desc.then_some(l.doc), &mut out);
    }
    out
}

/// `show info typed`.
pub fn info_typed(lines: &[InfoLine], desc: bool) -> String {
    let mut out = String::new();
    for l in lines {
        let _ = write!(out, "{}.{}.1:{}:{}:{}", l.pos, l.name, l.tags, l.value.type_word(), l.value.text());
        describe(desc.then_some(l.doc), &mut out);
    }
    out
}

/// `show info json`, without line end.
pub fn info_json(lines: &[InfoLine]) -> String {
    let all: Vec<serde_json::Value> = lines
        .iter()
        .map(|l| {
            serde_json::json!({
                "field": {"pos": l.pos, "name": l.name},
                "processNum": 1,
                "tags": tags(l.tags),
                "value": {"type": l.value.type_word(), "value": l.value.json()},
            })
        })
        .collect();
    serde_json::Value::from(all).to_string()
}

/// The JSON Schema (draft 4) of the two JSON forms.
pub fn schema() -> String {
    use serde_json::json;
    let refer = |name: &str| json!({"$ref": format!("#/definitions/{name}")});
    let number = |word: &str, min: i64, max: i64| {
        json!({"type": "object", "required": ["type", "value"], "properties": {
            "type": {"type": "string", "enum": [word]},
            "value": {"type": "integer", "minimum": min, "maximum": max},
        }})
    };
    // Readers that hold numbers as doubles are exact up to here.
    const EXACT_MAX: i64 = 9_007_199_254_740_991;
    let item = json!({
        "field": refer("field"), "processNum": refer("processNum"),
        "tags": refer("tags"), "value": refer("typedValue"),
    });
    let mut stat = item.clone();
    stat["objType"] = json!({"enum": ["Frontend", "Backend", "Listener", "Server", "Unknown"]});
    stat["proxyId"] = json!({"type": "integer", "minimum": 0});
    stat["id"] = json!({"type": "integer", "minimum": 0});
    let common = ["field", "processNum", "tags", "value"];
    let of_stat = ["objType", "proxyId", "id", "field", "processNum", "tags", "value"];
    json!({
        "$schema": "http://json-schema.org/draft-04/schema#",
        "oneOf": [
            {"title": "Info", "type": "array", "items": {
                "title": "InfoItem", "type": "object", "properties": item, "required": common}},
            {"title": "Stat", "type": "array", "items": {"type": "array", "items": {
                "title": "StatItem", "type": "object", "properties": stat, "required": of_stat}}},
        ],
        "definitions": {
            "field": {"type": "object", "required": ["pos", "name"], "properties": {
                "pos": {"type": "integer", "minimum": 0}, "name": {"type": "string"}}},
            "processNum": {"type": "integer", "minimum": 1},
            "tags": {"type": "object", "required": ["origin", "nature", "scope"], "properties": {
                "origin": {"enum": ["Metric", "Status", "Key", "Config", "Product", "Unknown"]},
                "nature": {"enum": ["Age", "Avg", "Counter", "Duration", "Gauge", "Limit", "Max", "Min", "Name",
                    "Output", "Rate", "Time", "Unknown"]},
                "scope": {"enum": ["Cluster", "Process", "Service", "System", "Unknown"]}}},
            "typedValue": {"oneOf": [
                number("s32", i32::MIN.into(), i32::MAX.into()),
                number("s64", -EXACT_MAX, EXACT_MAX),
                number("u32", 0, u32::MAX.into()),
                number("u64", 0, EXACT_MAX),
                {"type": "object", "required": ["type", "value"], "properties": {
                    "type": {"type": "string", "enum": ["str"]}, "value": {"type": "string"}}},
            ]},
        },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let mut values = vec![None; COLUMNS.len()];
        values[0] = Some(Value::Str("a,\"b\"".into()));
        values[7] = Some(Value::U64(5));
        Row { kind: Kind::Server, iid: 3, sid: 1, values }
    }

    #[test]
    fn the_csv_header_and_rows_have_as_many_columns_and_a_dash_before_those_of_the_protocols() {
        let mut line = String::new();
        csv_row(&row(), &mut line);
        let header = csv_header();
        assert!(header.starts_with("# pxname,svname,qcur,"), "{header}");
        assert!(header.ends_with(",h1_spliced_bytes_out,\n"), "{header}");
        assert!(header.contains(",cache_hint_hits,-,h2_headers_rcvd,"), "{header}");
        let quoted = line.strip_prefix("\"a,\"\"b\"\"\",").expect("the name is quoted");
        assert_eq!(quoted.matches(',').count() + 1, header.matches(',').count());
    }

    #[test]
    fn the_typed_form_has_a_line_per_value_with_its_position_and_tags() {
        let mut out = String::new();
        typed_row(&row(), false, &mut out);
        assert_eq!(out, "S.3.1.0.pxname.1:KNSV:str:a,\"b\"\nS.3.1.7.stot.1:MCPP:u64:5\n");
    }

    #[test]
    fn the_json_form_names_type_field_and_tags() {
        let v: serde_json::Value = serde_json::from_str(&json_rows(&[row()])).expect("JSON");
        assert_eq!(v[0][1]["field"]["name"], "stot");
        assert_eq!(v[0][1]["value"]["value"], 5);
        assert_eq!(v[0][1]["tags"]["nature"], "Counter");
        assert_eq!(v[0][0]["objType"], "Server");
    }
}
