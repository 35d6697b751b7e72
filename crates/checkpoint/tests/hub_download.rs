//! Models by their Hub id, from a local server: progress, cache, resume, permission.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;
#[path = "support/hub.rs"]
mod support_hub;

use std::{collections::BTreeMap, fs, path::Path};

use layerlab_checkpoint::{
    Checkpoint, Folder,
    files::hub::{DownloadProgress, HubError, HubOptions, fetch, open},
};
use pollster::block_on;
use support::files_of;
use support_hub::Hub;
use tempfile::TempDir;

const ID: &str = "owner/model";
const WEIGHTS: &str = "model.safetensors";

/// A whole model: weights of one golden, tokenizer of another.
fn model(golden: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_of("tokenizer_metaspace");
    files.extend(files_of(golden));
    files.retain(|name, _| !name.starts_with("golden"));
    files
}

fn options(hub: &Hub, cache: &TempDir) -> HubOptions {
    HubOptions {
        endpoint: Some(hub.address.clone()),
        token: None,
        cache: Some(cache.path().to_path_buf()),
    }
}

fn fetched(options: &HubOptions) -> Result<Folder, HubError> {
    fetch(ID, options, &mut |_| ())
}

fn assert_same(folder: &Folder, files: &BTreeMap<String, Vec<u8>>) {
    for (name, contents) in files {
        assert_eq!(
            &fs::read(folder.path().join(name)).unwrap(),
            contents,
            "{name}"
        );
    }
}

#[test]
fn a_model_is_fetched_once_and_then_read_without_a_connection() {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    let options = options(&hub, &cache);
    let mut seen: BTreeMap<String, DownloadProgress> = BTreeMap::new();
    let folder = fetch(ID, &options, &mut |progress| {
        let last = seen.insert(progress.file.clone(), progress.clone());
        assert!(last.is_none_or(|last| last.bytes <= progress.bytes));
    })
    .unwrap();
    assert_same(&folder, &files);
    let weights = &seen[WEIGHTS];
    assert_eq!(weights.bytes, files[WEIGHTS].len() as u64);
    assert_eq!(weights.total, weights.bytes);
    block_on(Checkpoint::open(folder)).unwrap();

    let before = hub.requests().len();
    assert_same(&fetched(&options).unwrap(), &files);
    assert_eq!(hub.requests().len(), before);
}

#[test]
fn shards_are_fetched_by_their_index() {
    let files = model("llama_sharded");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    let folder = fetched(&options(&hub, &cache)).unwrap();
    assert_same(&folder, &files);
    let checkpoint = block_on(Checkpoint::open(folder)).unwrap();
    assert!(checkpoint.entry("model.norm.weight").is_some());
}

#[test]
fn a_broken_transfer_goes_on_where_it_stopped() {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    hub.change(|hub| hub.break_after = Some((WEIGHTS.into(), 5000)));
    let folder = fetched(&options(&hub, &cache)).unwrap();
    assert_same(&folder, &files);
    let starts: Vec<usize> = hub
        .requests()
        .iter()
        .filter(|request| request.path.ends_with(WEIGHTS) && !request.is_probe)
        .map(|request| request.range_start)
        .collect();
    assert_eq!(starts, [0, 5000]);
}

#[test]
fn what_an_earlier_session_left_is_gone_on_from() {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    let options = options(&hub, &cache);
    let folder = fetched(&options).unwrap();
    // As if the program had been killed: the beginning of the blob, under the name of a part.
    let link = folder.path().join(WEIGHTS);
    let blob = fs::canonicalize(&link).unwrap();
    fs::remove_file(&link).unwrap();
    fs::remove_file(&blob).unwrap();
    let mut part = blob.into_os_string();
    part.push(".part");
    fs::write(&part, &files[WEIGHTS][..7000]).unwrap();
    let before = hub.requests().len();
    assert_same(&fetched(&options).unwrap(), &files);
    let later = &hub.requests()[before..];
    assert!(
        later.iter().any(|request| request.range_start == 7000),
        "{later:?}"
    );
    assert!(!Path::new(&part).exists());
}

#[test]
fn permission_is_asked_for_and_used() {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    hub.change(|hub| hub.token = Some("secret".into()));
    let mut options = options(&hub, &cache);
    let error = fetched(&options).unwrap_err();
    assert!(matches!(error, HubError::Unauthorised { .. }), "{error}");
    assert!(error.to_string().contains("HF_TOKEN"));
    options.token = Some("secret".into());
    assert_same(&fetched(&options).unwrap(), &files);
}

#[test]
fn what_is_not_there_is_named() {
    let mut files = model("llama_tied");
    files.remove(WEIGHTS);
    let (hub, cache) = (Hub::serve(files), TempDir::new().unwrap());
    let options = options(&hub, &cache);
    let error = fetched(&options).unwrap_err().to_string();
    assert!(error.contains(WEIGHTS) && error.contains(ID), "{error}");
    let error = fetch("owner/other", &options, &mut |_| ()).unwrap_err();
    assert!(
        matches!(&error, HubError::NotFound { id, .. } if id == "owner/other"),
        "{error}"
    );
    for id in ["nowhere", "a/b/c", "/", "owner/", "owner/model@", ".."] {
        let error = fetch(id, &options, &mut |_| ()).unwrap_err();
        assert!(matches!(error, HubError::Id { .. }), "{id}: {error}");
    }
}

#[test]
fn no_connection_says_what_works_without_one() {
    let cache = TempDir::new().unwrap();
    let options = HubOptions {
        // Nobody listens on the discard port.
        endpoint: Some("http://127.0.0.1:9".into()),
        token: None,
        cache: Some(cache.path().to_path_buf()),
    };
    let error = fetched(&options).unwrap_err().to_string();
    assert!(error.contains("without a connection"), "{error}");
}

#[test]
fn an_index_that_names_files_elsewhere_is_refused() {
    let mut files = model("llama_sharded");
    let index = r#"{"weight_map": {"a": "../../secret.safetensors"}}"#;
    files.insert("model.safetensors.index.json".into(), index.into());
    let (hub, cache) = (Hub::serve(files), TempDir::new().unwrap());
    let error = fetched(&options(&hub, &cache)).unwrap_err();
    assert!(matches!(error, HubError::Index { .. }), "{error}");
}

#[test]
fn a_folder_is_preferred_to_an_id() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let opened = open(path, &HubOptions::default(), &mut |_| ()).unwrap();
    assert_eq!(opened.path(), folder.path());
}

#[test]
fn the_environment_sets_endpoint_token_and_cache() {
    let options = HubOptions::from_env(|name| match name {
        "HF_ENDPOINT" => Some("http://mirror.example/".into()),
        "HF_TOKEN" => Some(String::new()),
        "HF_HOME" => Some("/somewhere".into()),
        _ => None,
    });
    assert_eq!(options.endpoint.as_deref(), Some("http://mirror.example"));
    assert_eq!(options.token, None);
    assert_eq!(options.cache.as_deref(), Some(Path::new("/somewhere/hub")));
}
