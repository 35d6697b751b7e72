//! Datasets by their Hub id, from a local server.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../checkpoint/tests/support/hub.rs"]
mod hub;

use std::{collections::BTreeMap, fs, path::Path};

use hub::Hub;
use layerlab_checkpoint::files::hub::{HubError, HubOptions};
use layerlab_data::{
    Dataset, ReadOptions,
    hub::{HubDatasetError, read},
};
use tempfile::TempDir;

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(folder.join(name)).unwrap()
}

/// A server with these files, each a sample under its name on the Hub, and a cache.
fn served(files: &[(&str, &str)]) -> (Hub, TempDir) {
    let files = files
        .iter()
        .map(|(name, sample)| ((*name).to_owned(), file(sample)));
    (
        Hub::serve_dataset(files.collect::<BTreeMap<_, _>>()),
        TempDir::new().unwrap(),
    )
}

fn options(hub: &Hub, cache: &TempDir) -> HubOptions {
    HubOptions {
        endpoint: Some(hub.address.clone()),
        token: None,
        cache: Some(cache.path().to_path_buf()),
    }
}

fn fetched(id: &str, options: &HubOptions) -> Result<Dataset, HubDatasetError> {
    read(&id.parse()?, options, &ReadOptions::default(), &mut |_| ())
}

const SCIQ: &str = "default/validation/0000.parquet";

#[test]
fn a_dataset_is_fetched_once_and_then_read_without_a_connection() {
    let (hub, cache) = served(&[
        ("default/test/0000.parquet", "nq_open.parquet"),
        ("default/train/0000.parquet", "nq_open.parquet"),
        (SCIQ, "sciq.parquet"),
    ]);
    let options = options(&hub, &cache);
    let mut bytes = 0;
    let id = "owner/set".parse().unwrap();
    let dataset = read(&id, &options, &ReadOptions::default(), &mut |progress| {
        bytes = progress.bytes
    });
    let dataset = dataset.unwrap();
    assert_eq!(dataset.name, "owner/set:default@validation");
    assert_eq!(dataset.mapping.unwrap().form, "SciQ");
    assert_eq!(bytes, file("sciq.parquet").len() as u64);
    let before = hub.requests().len();
    assert_eq!(fetched("owner/set", &options).unwrap().items.len(), 3);
    assert_eq!(hub.requests().len(), before);
    // Another split is not there yet.
    let test = fetched("owner/set:default@test", &options).unwrap();
    assert_eq!(test.name, "owner/set:default@test");
    assert!(hub.requests().len() > before);
}

#[test]
fn files_of_a_split_are_read_one_after_the_other() {
    let (hub, cache) = served(&[
        ("default/partial-train/0001.parquet", "sciq.parquet"),
        ("default/partial-train/0000.parquet", "sciq.parquet"),
    ]);
    let dataset = fetched("owner/set", &options(&hub, &cache)).unwrap();
    assert_eq!(dataset.name, "owner/set:default@train (its beginning)");
    assert_eq!(dataset.items.len(), 6);
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    let (hub, cache) = served(&[(SCIQ, "sciq.parquet")]);
    hub.change(|hub| hub.break_after = Some((SCIQ.into(), 1000)));
    let dataset = fetched("owner/set", &options(&hub, &cache)).unwrap();
    assert_eq!(dataset.items.len(), 3);
    let requests = hub.requests();
    let starts = requests
        .iter()
        .filter(|request| request.path.ends_with(SCIQ));
    assert_eq!(
        starts
            .map(|request| request.range_start)
            .collect::<Vec<_>>(),
        [0, 0, 1000],
        "only an answer says which content it is, hence how much of it is here"
    );
}

#[test]
fn what_must_be_chosen_is_listed() {
    let (hub, cache) = served(&[
        (
            "generation/validation/0000.parquet",
            "truthfulqa_generation.parquet",
        ),
        (
            "multiple_choice/validation/0000.parquet",
            "truthfulqa_multiple_choice.parquet",
        ),
        ("odd/one/0000.parquet", "sciq.parquet"),
        ("odd/other/0000.parquet", "sciq.parquet"),
        ("README.md", "sciq.jsonl"),
    ]);
    let options = options(&hub, &cache);
    let said = fetched("owner/set", &options).unwrap_err().to_string();
    assert!(
        said.contains("owner/set:generation, owner/set:multiple_choice, owner/set:odd"),
        "{said}"
    );
    let said = fetched("owner/set:nothing", &options)
        .unwrap_err()
        .to_string();
    assert!(said.contains("owner/set:generation"), "{said}");
    let said = fetched("owner/set:odd", &options).unwrap_err().to_string();
    assert!(
        said.contains("owner/set:odd@one, owner/set:odd@other"),
        "{said}"
    );
    assert_eq!(
        fetched("owner/set:odd@other", &options)
            .unwrap()
            .items
            .len(),
        3
    );
    let (one, other) = (
        fetched("owner/set:generation", &options).unwrap(),
        fetched("owner/set:multiple_choice@validation", &options).unwrap(),
    );
    assert_eq!(one.items, other.items);
}

#[test]
fn permission_is_asked_for_and_used() {
    let (hub, cache) = served(&[(SCIQ, "sciq.parquet")]);
    hub.change(|hub| hub.token = Some("secret".into()));
    let mut options = options(&hub, &cache);
    let error = fetched("owner/set", &options).unwrap_err();
    assert!(error.to_string().contains("HF_TOKEN"), "{error}");
    options.token = Some("secret".into());
    assert_eq!(fetched("owner/set", &options).unwrap().items.len(), 3);
}

#[test]
fn what_is_not_there_is_named() {
    let (hub, cache) = served(&[(SCIQ, "sciq.parquet")]);
    let mut options = options(&hub, &cache);
    let error = fetched("owner/other", &options).unwrap_err();
    assert!(
        matches!(&error, HubDatasetError::Hub(HubError::NoDataset { id }) if id == "owner/other"),
        "{error}"
    );
    for id in [
        "nowhere",
        "a/b/c",
        "/",
        "owner/",
        "owner/set@",
        "owner/set:@test",
        "../set",
    ] {
        let error = fetched(id, &options).unwrap_err().to_string();
        assert!(
            error.contains("a dataset id such as owner/name"),
            "{id}: {error}"
        );
    }
    // Nobody listens on the discard port.
    options.endpoint = Some("http://127.0.0.1:9".into());
    let said = fetched("owner/set", &options).unwrap_err().to_string();
    assert!(said.contains("without a connection"), "{said}");
}

/// Whatever a server calls its files: none is written outside of the cache.
#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "default/train/../../../../written.parquet",
        "/default/train/0000.parquet",
        "default/train/..\\..\\written.parquet",
        "C:/train/0000.parquet",
        "default/train/\u{7}0000.parquet",
    ] {
        let (hub, cache) = served(&[(name, "sciq.parquet")]);
        let error = fetched("owner/set", &options(&hub, &cache)).unwrap_err();
        let is_named = matches!(&error, HubDatasetError::Hub(HubError::Name { .. }));
        let is_unknown = matches!(&error, HubDatasetError::Split(_));
        assert!(is_named || is_unknown, "{name:?}: {error}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0, "{name:?}");
    }
}

#[test]
fn a_page_in_place_of_a_listing_is_no_hub() {
    let (hub, cache) = served(&[(SCIQ, "sciq.parquet")]);
    hub.change(|hub| hub.listing_page = true);
    let error = fetched("owner/set", &options(&hub, &cache)).unwrap_err();
    assert!(
        matches!(&error, HubDatasetError::Hub(HubError::NoHub { .. })),
        "{error}"
    );
    assert!(error.to_string().contains(&hub.address), "{error}");
}
