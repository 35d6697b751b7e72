//! How likely a model finds given continuations.

use std::collections::HashMap;

use layerlab_model::{
    Decoder, ModelError, NoObserver, PaddingSide, Parting, Target, TokenBatch, each_part,
};

use super::{Asked, OnProgress, step};
use crate::{Continued, EvalError, prompt::Continuation};

/// Requests with their prompts, and how many prompts were cut.
#[derive(Default)]
pub(super) struct Requests {
    pub requests: Vec<Continued>,
    pub truncated: usize,
}

impl Asked<'_> {
    /// Adds a prompt with a choice to what is asked.
    pub fn request(
        &self,
        continuation: Continuation<'_>,
        requests: &mut Requests,
    ) -> Result<(), EvalError> {
        let (continued, cut) = self.prompting().continued(continuation)?;
        requests.truncated += usize::from(cut);
        requests.requests.push(continued);
        Ok(())
    }

    /// Summed log-likelihood of each request, in nats. Equal requests are computed once.
    pub async fn log_likelihoods(
        &self,
        requests: &[Continued],
        progress: &mut OnProgress<'_>,
    ) -> Result<Vec<f64>, EvalError> {
        let mut places: HashMap<&Continued, usize> = HashMap::new();
        let mut distinct: Vec<&Continued> = Vec::new();
        let place: Vec<usize> = requests
            .iter()
            .map(|request| {
                *places.entry(request).or_insert_with(|| {
                    distinct.push(request);
                    distinct.len() - 1
                })
            })
            .collect();
        // Neighbours in length waste little on padding; the longest first, so that memory runs out at once
        // or not at all.
        let mut order: Vec<usize> = (0..distinct.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(distinct[index].ids.len()));
        let mut found = vec![0.0; distinct.len()];
        let mut done = 0;
        step(progress, done, distinct.len()).await?;
        let device = self.decoder.device();
        let parting = Parting::of(self.options.batch_tokens, &device);
        while done < order.len() {
            let (mut parts, rest) =
                parting.next_parts(&order[done..], |index| distinct[index].ids.len());
            let sums = each_part(&device, &mut parts, async |part| {
                let requests: Vec<&Continued> = part.iter().map(|&index| distinct[index]).collect();
                batch_sums(self.decoder, &requests).await
            })
            .await?;
            for (part, sums) in parts.iter().zip(sums) {
                for (&index, sum) in part.iter().zip(sums) {
                    found[index] = sum;
                }
            }
            done = order.len() - rest.len();
            step(progress, done, distinct.len()).await?;
        }
        Ok(place.into_iter().map(|place| found[place]).collect())
    }
}

/// Summed log-likelihood of the tokens asked for, row by row, in float64.
async fn batch_sums(decoder: &Decoder, requests: &[&Continued]) -> Result<Vec<f64>, ModelError> {
    let rows = token_log_likelihoods(decoder, requests).await?;
    Ok(rows.iter().map(|tokens| tokens.iter().sum()).collect())
}

/// Log-likelihood of each token asked for, row by row.
pub(super) async fn token_log_likelihoods(
    decoder: &Decoder,
    requests: &[&Continued],
) -> Result<Vec<Vec<f64>>, ModelError> {
    let read: Vec<&[u32]> = requests
        .iter()
        .map(|request| &request.ids[..request.ids.len() - 1])
        .collect();
    let mut targets = Vec::new();
    for (row, request) in requests.iter().enumerate() {
        let predicted = request.ids.iter().enumerate().skip(request.start);
        targets.extend(predicted.map(|(place, &token)| Target {
            row,
            position: place - 1,
            token,
        }));
    }
    let batch = TokenBatch::new(&read, PaddingSide::Right)?;
    let vocab_size = decoder.spec().vocab_size;
    if let Some(target) = targets
        .iter()
        .find(|target| target.token as usize >= vocab_size)
    {
        let id = target.token;
        return Err(ModelError::TokenOutsideVocabulary { id, vocab_size });
    }
    let hidden = decoder.hidden_states(&batch, None, &mut NoObserver)?;
    let mut rows = vec![Vec::new(); requests.len()];
    if let Some(found) = decoder.log_likelihoods(hidden, &targets) {
        let found = found.into_data_async().await?;
        for (target, value) in targets.iter().zip(found.iter::<f32>()) {
            rows[target.row].push(f64::from(value));
        }
    }
    Ok(rows)
}
