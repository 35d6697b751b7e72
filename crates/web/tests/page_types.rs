//! The schema that the page's types are generated from is that of the types that cross the border.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{env, fs};

const FILE: &str = "schema/page.schema.json";

#[test]
fn the_schema_file_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&layerlab_web::types::schema()).unwrap() + "\n";
    if env::var_os("LAYERLAB_WRITE_SCHEMA").is_some() {
        fs::create_dir_all("schema").unwrap();
        fs::write(FILE, &schema).unwrap();
    }
    let same = fs::read_to_string(FILE).unwrap() == schema;
    assert!(same, "write {FILE} anew with LAYERLAB_WRITE_SCHEMA=1");
}
