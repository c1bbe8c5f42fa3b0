//! The typed model in and out of YAML, and its JSON Schema; the same for both languages.
//!
//! Owns: [`dump`], [`load`], [`schema`]. Invariants: there is one vocabulary, that of the model's fields, and no
//! second parser of meaning; enumerations are maps of one entry (`errorfile: /a/b`), as JSON Schema describes
//! them, not YAML tags; unknown fields are refused with their place.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_yaml::with::singleton_map_recursive;

use crate::{
    diag::{Diagnostic, codes},
    source::{FileId, SourceMap, Span},
};

/// The model as YAML. Fails only for what YAML cannot express, such as a map keyed by a map.
pub fn dump<T: Serialize>(model: &T) -> Result<String, serde_yaml::Error> {
    let mut out = Vec::new();
    let mut serializer = serde_yaml::Serializer::new(&mut out);
    singleton_map_recursive::serialize(model, &mut serializer)?;
    drop(serializer);
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// A model from YAML text that is already among `sources`.
pub fn load<T: DeserializeOwned>(sources: &SourceMap, file: FileId) -> Result<T, Box<Diagnostic>> {
    let text = sources.file(file).map_or("", |f| f.text.as_str());
    // Told apart so that people know whether to look for a missing colon or for a wrong word.
    if let Err(e) = serde_yaml::from_str::<serde_yaml::Value>(text) {
        return Err(describe(&e, codes::YAML_SYNTAX, text, file));
    }
    singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|e| describe(&e, codes::YAML_MODEL, text, file))
}

/// The JSON Schema of the model, for editors.
pub fn schema<T: JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

fn describe(e: &serde_yaml::Error, code: codes::Code, text: &str, file: FileId) -> Box<Diagnostic> {
    let full = e.to_string();
    // The place is shown by the underline; the words need not repeat it.
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(m, _)| m);
    let d = Diagnostic::alert(code, message.to_owned());
    match e.location() {
        Some(l) => {
            let lo = l.index().min(text.len());
            let lo = (0..=lo).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
            let rest = text.get(lo..).unwrap_or("");
            let len = rest.find(['\n', ':', '#']).unwrap_or(rest.len());
            Box::new(d.at(Span::new(file, lo as u32, (lo + len) as u32), ""))
        }
        None => Box::new(d.at(Span::new(file, 0, 0), "")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema, PartialEq, Debug, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Model {
        name: String,
        kind: Option<Kind>,
    }

    #[derive(Serialize, Deserialize, JsonSchema, PartialEq, Debug)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        Plain,
        File(String),
    }

    fn load_text(text: &str) -> Result<Model, (String, String)> {
        let mut sources = SourceMap::new();
        let file = sources.add("t.yaml", text);
        load(&sources, file).map_err(|d| (d.message.clone(), sources.place(d.primary.unwrap().span)))
    }

    #[test]
    fn enumerations_are_maps_of_one_entry_both_ways() {
        let model = Model { name: "a".into(), kind: Some(Kind::File("/x".into())) };
        let text = dump(&model).unwrap();
        assert_eq!(text, "name: a\nkind:\n  file: /x\n");
        assert_eq!(load_text(&text), Ok(model));
        assert_eq!(load_text("kind: plain\n").unwrap().kind, Some(Kind::Plain));
    }

    #[test]
    fn a_wrong_word_is_named_with_its_line() {
        let (message, place) = load_text("name: a\nknid: plain\n").unwrap_err();
        assert!(message.contains("knid"), "{message}");
        assert_eq!(place, "t.yaml:2");
        assert!(load_text("name: [a\n").is_err());
    }

    #[test]
    fn the_schema_names_every_field() {
        let schema = schema::<Model>();
        assert!(schema.contains("\"name\"") && schema.contains("\"plain\""), "{schema}");
    }
}
