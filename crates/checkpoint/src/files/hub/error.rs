//! What can go wrong on the way from the Hub.

use thiserror::Error;

use super::TransferError;

/// A model or a dataset that could not be fetched.
#[derive(Debug, Error)]
pub enum HubError {
    /// Not `owner/name`, `owner/name@revision` or `owner/name:file.gguf`.
    #[error(
        "`{id}` is neither a folder or a GGUF file nor a model id such as owner/name, owner/name@revision or owner/name:file.gguf"
    )]
    Id {
        /// What was given.
        id: String,
    },
    /// Not `owner/name`.
    #[error("`{id}` is not a dataset id such as owner/name")]
    DatasetId {
        /// What was given.
        id: String,
    },
    /// There is no such dataset, or the Hub has no Parquet files of it.
    #[error(
        "there is no file {id}, and the Hub has no dataset of that id as Parquet files; is it right? Those of a dataset \
         that its viewer cannot show must be downloaded by hand"
    )]
    NoDataset {
        /// The dataset.
        id: String,
    },
    /// There is no such model, or it lacks a file that is needed.
    #[error("there is no folder {id}, and no {file} under that id on the Hub; is it right?")]
    NotFound {
        /// The model.
        id: String,
        /// The file.
        file: String,
    },
    /// It is an adapter, which changes a model, and not a model.
    #[error(
        "{id} is an adapter of {base} (adapter_config.json), not a model: give that model, or merge the adapter into it \
         and save the result"
    )]
    Adapter {
        /// The repository.
        id: String,
        /// The model that it changes.
        base: String,
    },
    /// It has no weights that are read by the repository's name alone, but GGUF files.
    #[error(
        "{id} has no {file}, but GGUF files: name one of them, such as {id}:{first} ({count} in all)"
    )]
    OnlyGguf {
        /// The repository.
        id: String,
        /// What is missing.
        file: String,
        /// The first of its GGUF files.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// It is private or gated; or not there, which the public Hub tells only those who are
    /// signed in.
    #[error("{id} may not be read: if it exists, it is private or gated; {}", advice(token.as_deref()))]
    Unauthorised {
        /// The model.
        id: String,
        /// Where the token that was sent comes from.
        token: Option<String>,
    },
    /// The token holds what no token has.
    #[error(
        "the token in {place} has blanks, line breaks or other characters within that no token has"
    )]
    Token {
        /// `HF_TOKEN`, or a file.
        place: String,
    },
    /// The server's address cannot be used.
    #[error("HF_ENDPOINT is `{endpoint}`, which is no address such as https://huggingface.co")]
    Endpoint {
        /// What was given.
        endpoint: String,
    },
    /// A server answers, but not as a Hub does.
    #[error(
        "{endpoint} is no Hub: it answers for {file} of {id} with something else; is HF_ENDPOINT right, and is there no \
         page to sign in at between?"
    )]
    NoHub {
        /// The server.
        endpoint: String,
        /// The model or dataset.
        id: String,
        /// What was asked for.
        file: String,
    },
    /// A file's name would lead out of the folder that it belongs to.
    #[error("{id} names a file `{name}`, which would not lie in its folder")]
    Name {
        /// The model or dataset.
        id: String,
        /// The name, escaped.
        name: String,
    },
    /// The index of shards cannot be used.
    #[error("{id}: model.safetensors.index.json is malformed")]
    Index {
        /// The model.
        id: String,
    },
    /// There is nowhere to keep downloads.
    #[error("there is no home directory to keep downloads in; set HF_HOME to a folder")]
    NoHome,
    /// The server cannot be reached.
    #[error(
        "cannot reach the Hub for {file} of {id}; \
         without a connection, give a folder or file of your own, or what was downloaded before"
    )]
    Offline {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// What the client says.
        #[source]
        source: TransferError,
    },
    /// Anything else, such as a connection that breaks again and again, or a full disk.
    #[error("cannot download {file} of {id}; what has come so far is kept for the next try")]
    Download {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// What the client says.
        #[source]
        source: TransferError,
    },
    /// It was replaced by a newer revision in the meantime.
    #[error("{id} changed on the Hub while it was downloaded; try again")]
    Changed {
        /// The model.
        id: String,
    },
}

fn advice(token: Option<&str>) -> String {
    match token {
        Some(place) => format!("the token in {place} is unknown there, or may not read it"),
        None => "set HF_TOKEN to a token that may read it".to_owned(),
    }
}
