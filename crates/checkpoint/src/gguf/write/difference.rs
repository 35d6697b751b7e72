//! Two descriptions of a decoder, held against each other.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::DecoderSpec;

/// Where two decoders differ, as a path of names; none where they do not. Numbers may differ as single precision does.
pub(super) fn difference(one: &DecoderSpec, other: &DecoderSpec) -> Option<String> {
    // Plain values always have a JSON form.
    let values = [one, other].map(|spec| serde_json::to_value(spec).unwrap_or_default());
    let [one, other] = values.each_ref().map(|value| {
        let mut leaves = BTreeMap::new();
        flatten(value, "", &mut leaves);
        leaves
    });
    let close = |one: &Value, other: &Value| match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-6 * one.abs(),
        _ => one == other,
    };
    let mut places = one.keys().chain(other.keys());
    let differs = |place: &&String| match (one.get(*place), other.get(*place)) {
        (Some(one), Some(other)) => !close(one, other),
        _ => true,
    };
    let place = places.find(differs)?;
    let of = |leaves: &BTreeMap<String, Value>| {
        let value = leaves.get(place);
        value.map_or("nothing".to_owned(), ToString::to_string)
    };
    let (is, would_be) = (of(&one), of(&other));
    Some(format!("{place} is {is} and would be {would_be}"))
}

fn flatten(value: &Value, place: &str, leaves: &mut BTreeMap<String, Value>) {
    let name = |part: &str| match place {
        "" => part.to_owned(),
        place => format!("{place}.{part}"),
    };
    match value {
        Value::Object(fields) => {
            for (part, value) in fields {
                flatten(value, &name(part), leaves);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(value, &name(&index.to_string()), leaves);
            }
        }
        leaf => {
            leaves.insert(place.to_owned(), leaf.clone());
        }
    }
}
