//! The language as a whole: goldens, the YAML form, and arbitrary input.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;

fn corpus() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/keepalived")
}

fn goldens() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(corpus())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "conf"))
        .collect();
    all.sort();
    assert!(all.len() >= 15, "the corpus is there");
    all
}

fn env() -> Env {
    Env { config_id: "main".to_owned(), ..Env::default() }
}

/// What is said, line by line, then the model.
fn show(loaded: &Loaded) -> String {
    let root = format!("{}/", corpus().display());
    let mut text = String::new();
    for d in &loaded.diagnostics {
        let place = d.primary.as_ref().map_or("", |l| loaded.sources.text(l.span));
        text += &format!("{:?} {} {}", d.severity, d.code.0, one_line(d, &loaded.sources).replace(&root, ""));
        text += &format!(" <{}>\n", place.replace('\n', "\\n"));
    }
    text += &format!("fatal: {:?}\n---\n", loaded.fatal);
    text + &serde_yaml::to_string(&loaded.config).unwrap()
}

/// Each `NAME.conf` of the corpus reads as its `NAME.expect` says; `UPDATE_GOLDENS=1` writes those anew.
#[test]
fn each_golden_reads_as_expected() {
    let mut wrong = Vec::new();
    for path in goldens() {
        let got = show(&load(&path, &env()));
        let expect = path.with_extension("expect");
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            fs::write(&expect, &got).unwrap();
        } else if fs::read_to_string(&expect).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_golden_is_the_same_model_after_a_round_through_yaml() {
    for path in goldens() {
        let loaded = load(&path, &env());
        let yaml = serde_yaml::to_string(&loaded.config).unwrap();
        let mut back: model::Config = serde_yaml::from_str(&yaml).unwrap();
        assert_eq!(back, loaded.config, "{}", path.display());
        let mut diags = Diagnostics::default();
        let unusable = finish(&mut back, &mut diags);
        assert_eq!(back, loaded.config, "checking again changes {}", path.display());
        if loaded.errors() == 0 {
            assert!(!unusable && diags.count(Severity::Alert) == 0, "{}", path.display());
        }
    }
}

#[test]
fn a_yaml_file_is_read_by_its_name_and_checked_alike() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.yaml");
    let text = load(&corpus().join("usual.conf"), &env());
    fs::write(&file, serde_yaml::to_string(&text.config).unwrap()).unwrap();
    let yaml = load(&file, &env());
    assert_eq!((yaml.config, yaml.fatal), (text.config, None));

    fs::write(&file, "instances:\n- name: a\n  interface: eth0\n  virtual_router_id: 7\n  priority: 0\n")
        .unwrap();
    let low = load(&file, &env());
    assert_eq!((low.fatal, low.config.instances[0].priority), (None, None));
    assert_eq!(low.errors(), 2, "priority 0, and no address: {:?}", low.diagnostics);

    for (wrong, code) in [("instances: [", "Y001"), ("instances:\n- nam: a\n", "Y002")] {
        fs::write(&file, wrong).unwrap();
        let bad = load(&file, &env());
        assert_eq!(bad.fatal, Some(Fatal::Unusable));
        assert_eq!(bad.diagnostics.iter().map(|d| d.code.0).collect::<Vec<_>>(), [code]);
    }
    fs::write(&file, "").unwrap();
    assert_eq!(load(&file, &env()).fatal, None);
    assert_eq!(load(&dir.path().join("absent.yml"), &env()).fatal, Some(Fatal::NoFile));
}

#[test]
fn the_document_pair_reads_without_a_word() {
    for host in ["document-host1.conf", "document-host2.conf"] {
        let loaded = load(&corpus().join(host), &env());
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let instance = &loaded.config.instances[0];
        let effective = loaded.config.effective(instance);
        assert_eq!((effective.advert_int_us, effective.down_timer_adverts), (1_000_000, 3));
        assert_eq!(instance.virtual_ipaddress[0].address.to_string(), "10.224.147.208");
        assert_eq!(*loaded.config.scripts[0].command.argv, ["pkill", "-0", "haproxy"]);
        assert_eq!(loaded.config.scripts[0].timeout_us(), 2_000_000);
    }
}

#[test]
fn a_message_names_file_and_line_as_keepalived_does() {
    let loaded = parse("./k.conf", "vrrp_instance VI_1 {\n  pritority 5\n}\n", &env());
    let said: Vec<_> = loaded.diagnostics.iter().map(|d| one_line(d, &loaded.sources)).collect();
    assert_eq!(said[0], "(./k.conf: Line 2) Unknown keyword 'pritority' - did you mean `priority`?");
}

#[test]
fn a_missing_file_is_fatal_and_so_is_an_instance_without_vrid() {
    let loaded = load(&corpus().join("absent.conf"), &env());
    assert_eq!((loaded.fatal, loaded.errors()), (Some(Fatal::NoFile), 1));
    let loaded = parse("x", "vrrp_instance V {\n interface eth0\n}\n", &env());
    assert_eq!(loaded.fatal, Some(Fatal::Unusable));
    let loaded = parse("x", "", &env());
    assert_eq!((loaded.fatal, loaded.errors()), (None, 0));
}

#[test]
fn a_keyword_without_effect_is_told_once() {
    let text = "global_defs {\n enable_snmp_vrrp\n enable_snmp_vrrp\n lvs_flush\n}\n";
    let loaded = parse("x", text, &env());
    let said: Vec<_> = loaded.diagnostics.iter().map(|d| d.code.0).collect();
    assert_eq!(said, ["K011", "K004"]);
    assert_eq!(loaded.errors(), 0);
}

#[test]
fn values_left_out_come_from_global_defs_then_from_the_protocol() {
    let text = "global_defs {\n vrrp_garp_master_repeat 3\n vrrp_version 3\n vrrp_garp_master_delay 2\n}
vrrp_instance a {\n interface e\n virtual_router_id 1\n virtual_ipaddress { 10.0.0.1 }\n garp_master_repeat 7\n}
vrrp_instance b {\n interface e\n virtual_router_id 2\n virtual_ipaddress { 2001:db8::1 }\n version 2\n}\n";
    let c = parse("x", text, &env()).config;
    let (a, b) = (c.effective(&c.instances[0]), c.effective(&c.instances[1]));
    assert_eq!((a.garp.master_repeat, a.garp.lower_prio_repeat, a.garp.master_delay_us), (7, 7, 2_000_000));
    assert_eq!((b.garp.master_repeat, b.priority), (3, 100));
    assert_eq!(a.multicast_group.to_string(), "224.0.0.18");
    assert_eq!((b.multicast_group.to_string(), u8::from(b.version)), ("ff02::12".to_owned(), 3));
}

/// Words that make arbitrary text reach into every block.
fn token() -> impl Strategy<Value = String> {
    let names: Vec<String> = catalogue().iter().map(|r| r.name.to_owned()).collect();
    prop_oneof![
        4 => prop::sample::select(names),
        3 => prop::sample::select(vec!["{", "}", "\n", "{\n", "}\n", "weight", "reverse", "dev", "via", "/", "@x", "~SEQ(A,1,3)", "$A", "$A=1\\", "${A}", "\"", "'", "\\", "10.0.0.1/24", "::1", "brd", "+", "-", "#", "!"]).prop_map(str::to_owned),
        2 => "-?[0-9]{1,20}(\\.[0-9]{0,9})?",
        1 => "\\PC{0,8}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_words_are_read_without_panic_and_their_model_survives_yaml(words in prop::collection::vec(token(), 0..60)) {
        let loaded = parse("x", &words.join(" "), &env());
        for d in &loaded.diagnostics {
            let _ = one_line(d, &loaded.sources);
        }
        let yaml = serde_yaml::to_string(&loaded.config).unwrap();
        let mut back: model::Config = serde_yaml::from_str(&yaml).unwrap();
        prop_assert_eq!(&back, &loaded.config);
        finish(&mut back, &mut Diagnostics::default());
        prop_assert_eq!(&back, &loaded.config);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        parse("x", &text, &env());
    }
}

#[test]
fn a_large_configuration_is_read_and_one_without_end_is_cut() {
    let text = "$V= \\\nvrrp_instance v.${A}.${B} { \\\ninterface eth${A} \\\nvirtual_router_id ${B} \\\nvirtual_ipaddress { \\\n10.${A}.${B}.1 \\\n} \\\n}\n~SEQ(A,1,20) ~SEQ(B,1,254) $V\n";
    let loaded = parse("x", text, &env());
    assert_eq!((loaded.config.instances.len(), loaded.errors()), (20 * 254, 0));
    let endless = parse("x", "~SEQ(A,1,900000) ~SEQ(B,1,900000) @other x\n", &env());
    assert_eq!(endless.errors(), 1);
}
