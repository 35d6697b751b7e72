//! Models by their Hub id, from a local server: progress, cache, resume, permission.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;
#[path = "support/hub.rs"]
mod support_hub;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use layerlab_checkpoint::{
    Checkpoint, Folder,
    files::hub::{DownloadProgress, HubError, HubOptions, fetch, open},
};
use pollster::block_on;
use support::files_of;
use support_hub::{Hub, Manner};
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
fn a_repository_of_gguf_files_alone_says_how_to_name_one() {
    let named = ["README.md", "model-Q4_K_M.gguf", "model-Q8_0.gguf"];
    let files = named.map(|name| (name.to_owned(), vec![1]));
    let (hub, cache) = (Hub::serve(files.into()), TempDir::new().unwrap());
    // A server without such a list is none the worse for it.
    let error = fetched(&options(&hub, &cache)).unwrap_err();
    assert!(matches!(error, HubError::NotFound { .. }), "{error}");
    hub.change(|server| server.listing = Some("/api/models/owner/model/revision/main".into()));
    let error = fetched(&options(&hub, &cache)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "owner/model has no config.json, but GGUF files: name one of them, such as owner/model:model-Q4_K_M.gguf (2 in all)"
    );
    hub.change(|server| server.files.retain(|name, _| name == "README.md"));
    let error = fetched(&options(&hub, &cache)).unwrap_err();
    assert!(matches!(error, HubError::NotFound { .. }), "{error}");
}

/// Nothing else of its repository is asked for: such a repository often holds a dozen of one model.
#[test]
fn a_gguf_file_is_fetched_alone_and_a_split_one_with_all_parts() {
    let gguf = |name: &str| fs::read(support::goldens().join("gguf").join(name)).unwrap();
    let parts: Vec<String> = (1..=3)
        .map(|part| format!("qwen2-{part:05}-of-00003.gguf"))
        .collect();
    let mut files = BTreeMap::from([
        ("demo.gguf".to_owned(), gguf("demo.gguf")),
        ("other.gguf".to_owned(), gguf("llama.gguf")),
    ]);
    files.extend(
        parts
            .iter()
            .map(|part| (format!("split/{part}"), gguf(part))),
    );
    let (hub, cache) = (Hub::serve(files), TempDir::new().unwrap());
    let options = options(&hub, &cache);
    let split = format!("split/{}", parts[1]);
    for (file, layers, requests) in [("demo.gguf", 6, 1), (split.as_str(), 1, 3)] {
        let before = hub.requests().len();
        let id = format!("{ID}:{file}");
        let open_it = || open(&id, &options, &mut |_| ()).unwrap();
        let checkpoint = block_on(Checkpoint::open(open_it())).unwrap();
        let spec = block_on(checkpoint.inventory()).unwrap().spec().clone();
        assert_eq!(spec.layers(), layers, "{file}");
        let asked: BTreeSet<String> = hub.requests()[before..]
            .iter()
            .map(|request| request.path.clone())
            .collect();
        assert_eq!(asked.len(), requests, "{asked:?}");
        // Then it is read without a connection.
        let before = hub.requests().len();
        open_it();
        assert_eq!(hub.requests().len(), before);
    }
    let missing = open(&format!("{ID}:none.gguf"), &options, &mut |_| ());
    assert!(
        matches!(&missing, Err(HubError::NotFound { .. })),
        "{missing:?}"
    );
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
        .filter(|request| request.path.ends_with(WEIGHTS))
        .map(|request| request.range_start)
        .collect();
    // Only an answer says which content it is, hence how much of it is here.
    assert_eq!(starts, [0, 0, 5000]);
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

/// A server with a model that behaves in this manner, what is fetched of it, and the cache's folder.
fn fetched_in_manner(
    manner: Manner,
) -> (
    Result<Folder, HubError>,
    BTreeMap<String, Vec<u8>>,
    TempDir,
    Hub,
) {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    hub.change(|hub| hub.manner = manner);
    let folder = fetched(&options(&hub, &cache));
    (folder, files, cache, hub)
}

#[test]
fn redirections_are_followed_and_the_token_stays() {
    let (other, cache) = (Hub::serve(BTreeMap::new()), TempDir::new().unwrap());
    let files = model("llama_tied");
    other.change(|hub| {
        hub.files = files.clone();
        hub.manner = Manner::StoredAt(String::new());
    });
    for place in ["/stored/".to_owned(), format!("{}/stored/", other.address)] {
        let hub = Hub::serve(files.clone());
        hub.change(|hub| {
            hub.manner = Manner::StoredAt(place.clone());
            hub.token = Some("secret".into());
        });
        let cache = TempDir::new_in(cache.path()).unwrap();
        let mut options = options(&hub, &cache);
        options.token = Some("secret".into());
        assert_same(&fetched(&options).unwrap(), &files);
        let own = hub.requests();
        assert!(own.iter().all(|request| request.authorization.is_some()));
    }
    let asked = other.requests();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|request| request.authorization.is_none()),
        "{asked:?}"
    );
}

#[test]
fn a_server_that_knows_no_ranges_sends_all_again() {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    hub.change(|hub| {
        hub.manner = Manner::NoRanges;
        hub.break_after = Some((WEIGHTS.into(), 5000));
    });
    assert_same(&fetched(&options(&hub, &cache)).unwrap(), &files);
}

#[test]
fn what_is_no_hub_is_named() {
    let (folder, _, _cache, hub) = fetched_in_manner(Manner::Page);
    let error = folder.unwrap_err();
    assert!(matches!(error, HubError::NoHub { .. }), "{error}");
    assert!(error.to_string().contains(&hub.address), "{error}");
}

#[test]
fn a_circle_of_redirections_ends() {
    let (folder, _, _cache, hub) = fetched_in_manner(Manner::Circle);
    assert!(matches!(folder.unwrap_err(), HubError::Download { .. }));
    assert!(hub.requests().len() < 40, "{}", hub.requests().len());
}

#[test]
fn other_lengths_than_announced_are_refused() {
    let size = model("llama_tied")["config.json"].len();
    for manner in [
        Manner::Announces(size + 5),
        Manner::Announces(size - 5),
        Manner::Endless,
    ] {
        let (folder, _, _cache, _hub) = fetched_in_manner(manner.clone());
        let error = folder.unwrap_err();
        assert!(
            matches!(error, HubError::Download { .. }),
            "{manner:?}: {error}"
        );
    }
}

#[test]
fn what_a_server_calls_its_files_never_leads_out_of_the_cache() {
    let outside = TempDir::new().unwrap();
    let elsewhere = outside.path().join("written").display().to_string();
    for name in [elsewhere.as_str(), "../../../written", "..", "a/b"] {
        for manner in [
            Manner::Tag(name.to_owned()),
            Manner::Commit(name.to_owned()),
        ] {
            let (folder, _, cache, _hub) = fetched_in_manner(manner.clone());
            assert!(
                matches!(folder.unwrap_err(), HubError::NoHub { .. }),
                "{manner:?}"
            );
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
            assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        }
    }
}

/// Large files are known by their SHA-256.
#[test]
fn content_that_is_not_what_it_is_called_is_thrown_away() {
    let (folder, _, cache, _hub) = fetched_in_manner(Manner::Tag("0".repeat(64)));
    let HubError::Download { source, .. } = folder.unwrap_err() else {
        panic!("downloaded");
    };
    assert!(source.to_string().contains("SHA-256"), "{source}");
    let blobs = cache.path().join("models--owner--model/blobs");
    let left: Vec<_> = fs::read_dir(blobs)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        left.iter()
            .all(|name| name.to_string_lossy().ends_with(".lock")),
        "{left:?}"
    );
}

/// Reported of other programs: a token that was written to a file, or pasted, with its line break.
#[test]
fn a_token_is_trimmed_and_a_bad_one_named() {
    let files = model("llama_tied");
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    hub.change(|hub| hub.token = Some("hf_notarealtoken0000".into()));
    let home = cache.path().display().to_string();
    let with = |token: Option<&str>| {
        HubOptions::from_env(|name| match name {
            "HF_ENDPOINT" => Some(format!("  {}/ \n", hub.address)),
            "HF_TOKEN" => token.map(str::to_owned),
            "HF_HOME" => Some(home.clone()),
            _ => None,
        })
    };
    for bad in ["hf_not a token", "hf_not\na token", "hf_n\u{f6}t"] {
        let error = fetched(&with(Some(bad))).unwrap_err();
        assert!(matches!(error, HubError::Token { .. }), "{bad:?}: {error}");
        assert!(error.to_string().contains("HF_TOKEN") && !error.to_string().contains(bad));
    }
    let wrong = fetched(&with(Some("hf_another"))).unwrap_err().to_string();
    assert!(wrong.contains("HF_TOKEN"), "{wrong}");
    // The file that signing in leaves beside the cache.
    fs::write(cache.path().join("token"), "hf_n\u{f6}t\n").unwrap();
    let error = fetched(&with(None)).unwrap_err().to_string();
    assert!(error.contains(&home), "{error}");
    fs::write(cache.path().join("token"), "hf_notarealtoken0000\n").unwrap();
    assert_same(&fetched(&with(None)).unwrap(), &files);
    let other = TempDir::new().unwrap();
    let options = HubOptions {
        cache: Some(other.path().to_path_buf()),
        ..with(Some("hf_notarealtoken0000\r\n"))
    };
    assert_same(&fetched(&options).unwrap(), &files);
}

#[test]
fn an_endpoint_that_is_no_address_is_named() {
    for endpoint in ["huggingface.co", "ftp://mirror.example", "http://a b", "/"] {
        let options = HubOptions {
            endpoint: Some(endpoint.into()),
            cache: Some(TempDir::new().unwrap().path().to_path_buf()),
            ..HubOptions::default()
        };
        let error = fetched(&options).unwrap_err();
        assert!(
            matches!(error, HubError::Endpoint { .. }),
            "{endpoint}: {error}"
        );
    }
}

#[test]
fn a_tokenizer_of_two_files_is_fetched() {
    let mut files = model("llama_tied");
    files.remove("tokenizer.json");
    for name in [
        "vocab.json",
        "merges.txt",
        "added_tokens.json",
        "generation_config.json",
    ] {
        files.insert(name.into(), b"{}".to_vec());
    }
    let (hub, cache) = (Hub::serve(files.clone()), TempDir::new().unwrap());
    let options = options(&hub, &cache);
    assert_same(&fetched(&options).unwrap(), &files);
    let before = hub.requests().len();
    assert_same(&fetched(&options).unwrap(), &files);
    assert_eq!(hub.requests().len(), before);
}
