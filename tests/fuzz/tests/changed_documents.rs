//! A report or a shard of which any one thing is changed is refused, or used to the end: bytes alone seldom change one so that it is
//! still one.
#![cfg(feature = "device")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use layerlab_fuzz::run;
use serde_json::{Value, json};

/// Where the values of a document are; of long lists the first two and the last.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                if index < 2 || index + 1 == values.len() {
                    places(value, &format!("{at}/{index}"), found);
                }
            }
        }
        _ => {}
    }
}

/// What takes the place of a value: other kinds, extremes, and lists that are longer or shorter than they were.
fn others(value: &Value) -> Vec<Value> {
    let mut others = match value {
        Value::Number(_) => vec![
            json!(0),
            json!(-1),
            json!(1),
            json!(1e300),
            json!(-1e300),
            json!(5e-324),
            json!(u64::MAX),
            json!(u32::MAX),
            json!(1_000_000),
        ],
        Value::String(_) => vec![json!(""), json!("|<a>\n`é"), json!("last_k")],
        Value::Array(values) => {
            let (twice, half) = (
                [&values[..], &values[..]].concat(),
                &values[..values.len() / 2],
            );
            let rest = values.get(1..).unwrap_or_default();
            vec![json!([]), json!(twice), json!(half), json!(rest)]
        }
        Value::Object(_) => vec![json!({})],
        Value::Bool(value) => vec![json!(!value)],
        Value::Null => vec![json!(0), json!(1.5), json!("")],
    };
    others.push(Value::Null);
    others
}

/// Changes every document of a target's seeds at every place, and tells which changes broke its reader.
fn met_badly(target: &str) -> (usize, Vec<String>) {
    let (mut count, mut met_badly) = (0, Vec::new());
    for entry in fs::read_dir(format!("seeds/{target}")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let whole: Value = serde_json::from_slice(&bytes).unwrap();
        let mut found = Vec::new();
        places(&whole, "", &mut found);
        for place in found {
            for other in others(whole.pointer(&place).unwrap()) {
                let mut changed = whole.clone();
                *changed.pointer_mut(&place).unwrap() = other.clone();
                let broken =
                    std::panic::catch_unwind(|| run(target, changed.to_string().as_bytes()));
                if broken.is_err() {
                    let other: String = other.to_string().chars().take(40).collect();
                    met_badly.push(format!("{place} is {other}"));
                }
                count += 1;
            }
        }
    }
    (count, met_badly)
}

#[test]
fn a_report_with_one_thing_changed_is_met() {
    let (count, met_badly) = met_badly("report");
    assert!(count > 1000, "{count}");
    assert!(met_badly.is_empty(), "{met_badly:#?}");
}

#[test]
fn a_shard_with_one_thing_changed_is_met() {
    let (count, met_badly) = met_badly("shard");
    assert!(count > 1000, "{count}");
    assert!(met_badly.is_empty(), "{met_badly:#?}");
}

/// Statistics are packed as bytes.
#[test]
fn a_shard_whose_statistics_are_changed_is_met() {
    let (mut count, mut met_badly) = (0, Vec::new());
    for (seed, place) in [("score", "/found/measured"), ("locate", "/found/pairs")] {
        let bytes = fs::read(format!("seeds/shard/{seed}")).unwrap();
        let mut whole: Value = serde_json::from_slice(&bytes).unwrap();
        let packed = STANDARD.decode(whole.pointer(place).unwrap().as_str().unwrap());
        let packed = packed.unwrap();
        // Numbers of eight bytes and lengths of one: an odd step meets both.
        for index in (0..packed.len()).step_by(23) {
            for value in [0, 0x7f, 0xff] {
                let mut changed = packed.clone();
                changed[index] = value;
                *whole.pointer_mut(place).unwrap() = STANDARD.encode(changed).into();
                let document = whole.to_string();
                let broken = std::panic::catch_unwind(|| run("shard", document.as_bytes()));
                if broken.is_err() {
                    met_badly.push(format!("byte {index} of {seed} is {value}"));
                }
                count += 1;
            }
        }
    }
    assert!(count > 1000, "{count}");
    assert!(met_badly.is_empty(), "{met_badly:#?}");
}
