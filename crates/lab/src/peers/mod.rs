//! Work shared with others that hold the same model: the other workers of a page, which has no threads.

mod share;

use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use share::perform_share;
pub(crate) use share::{ExamShare, ExamTurn, PassShare, Share};

use crate::LabError;

/// What comes back for a share, sooner or later.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Unanswered>> + 'a>>;

/// Others that hold the same model, and do a share by [`perform_share`].
pub trait Peers {
    /// How many they are.
    fn count(&self) -> usize;

    /// Has one of them do a share; where all are busy, as soon as one is free.
    fn ask(&self, share: Vec<u8>) -> Answer<'_>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The caller asked to stop.
    Cancelled,
    /// The peer cannot do it, or is no more.
    Lost,
}

/// A share, or what was found for it, that is not what it should be.
#[derive(Debug, Error)]
#[error("a share of the work was garbled on its way between workers")]
pub enum GarbledShare {
    /// In the form of bytes.
    Bytes(#[from] postcard::Error),
    /// In the form of JSON.
    Json(#[from] serde_json::Error),
}

/// What peers find for shares of the work, in their order. One that gets lost is done here, by the future beside it.
pub(crate) fn shared<'a, T, F>(
    peers: &'a dyn Peers,
    work: impl Iterator<Item = (Share<'a>, F)> + 'a,
) -> impl Stream<Item = Result<T, LabError>> + 'a
where
    T: DeserializeOwned + 'a,
    F: Future<Output = Result<T, LabError>> + 'a,
{
    let answers = work.map(move |(share, here)| async move {
        let share = postcard::to_stdvec(&share).map_err(GarbledShare::from)?;
        match peers.ask(share).await {
            Ok(found) => Ok(postcard::from_bytes(&found).map_err(GarbledShare::from)?),
            Err(Unanswered::Cancelled) => Err(LabError::Cancelled),
            Err(Unanswered::Lost) => here.await,
        }
    });
    // Twice as many as there are peers, so that none waits for one that takes longer.
    stream::iter(answers).buffered(2 * peers.count().max(1))
}
