//! Maps by number with keys as text, as JSON has them: other serialisers would write numbers and not read text.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

pub(super) fn serialize<T: Serialize, S: Serializer>(
    map: &BTreeMap<usize, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(key, value)| (key.to_string(), value)))
}

pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<usize, T>, D::Error> {
    let map = BTreeMap::<String, T>::deserialize(deserializer)?;
    let numbered = |(key, value): (String, T)| match key.parse() {
        Ok(key) => Ok((key, value)),
        Err(_) => Err(D::Error::custom(format!("`{key}` is no number"))),
    };
    map.into_iter().map(numbered).collect()
}
