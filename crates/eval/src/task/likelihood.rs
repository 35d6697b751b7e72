//! How likely a model finds given continuations.

use std::collections::HashMap;

use layerlab_model::{
    CutPass, Cuts, Decoder, ModelError, PaddingSide, Parting, Target, TokenBatch, each_part,
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

    /// Summed log-likelihood of each request, in nats, one list for each cut; and how many differ. Equal requests are computed once.
    pub async fn log_likelihoods(
        &self,
        requests: &[Continued],
        progress: &mut OnProgress<'_>,
    ) -> Result<(Vec<Vec<f64>>, usize), EvalError> {
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
        let mut found = vec![vec![0.0; distinct.len()]; self.cuts.len()];
        let mut reading = self.reading(distinct.len());
        reading.step(progress).await?;
        let parting = Parting::of(self.options.batch_tokens, &self.decoder.device());
        let mut rest = &order[..];
        while !rest.is_empty() {
            let (parts, later) = parting.next_parts(rest, |index| distinct[index].ids.len());
            rest = later;
            let of_part = |part: &&[usize]| {
                part.iter()
                    .map(|&index| distinct[index])
                    .collect::<Vec<_>>()
            };
            let requests: Vec<Vec<&Continued>> = parts.iter().map(of_part).collect();
            let read = reading.read(&requests, progress).await?;
            for (found, rows) in found.iter_mut().zip(read) {
                for (&index, tokens) in parts.iter().copied().flatten().zip(rows) {
                    found[index] = tokens.iter().sum();
                }
            }
        }
        let of_requests = |found: Vec<f64>| place.iter().map(|&place| found[place]).collect();
        Ok((found.into_iter().map(of_requests).collect(), distinct.len()))
    }

    /// Begins to read `requests` requests.
    pub fn reading(&self, requests: usize) -> Reading<'_> {
        Reading {
            asked: self,
            done: 0,
            total: requests * self.cuts.len(),
        }
    }
}

/// Log-likelihood of each token asked for, row by row.
type Rows = Vec<Vec<f64>>;

/// Requests that are read by every cut.
pub(super) struct Reading<'a> {
    asked: &'a Asked<'a>,
    /// Pairs of a request and a cut.
    done: usize,
    total: usize,
}

impl Reading<'_> {
    /// Reports how far it has come.
    pub async fn step(&self, progress: &mut OnProgress<'_>) -> Result<(), EvalError> {
        step(progress, self.done, self.total).await
    }

    /// Reads parts of the requests at once, each in one batch. The rows of all parts, for each cut.
    pub async fn read(
        &mut self,
        parts: &[Vec<&Continued>],
        progress: &mut OnProgress<'_>,
    ) -> Result<Vec<Rows>, EvalError> {
        let Asked { decoder, cuts, .. } = *self.asked;
        let device = decoder.device();
        let parts = parts.iter().map(|part| Batch::begin(decoder, cuts, part));
        let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
        let mut found = vec![Vec::new(); cuts.len()];
        for cut in cuts.order() {
            let rows = each_part(&device, &mut parts, async |part| {
                part.advance(decoder).await
            });
            found[cut] = rows.await?.into_iter().flatten().collect();
            self.done += found[cut].len();
            self.step(progress).await?;
        }
        Ok(found)
    }
}

/// Requests in one batch, on their way through every cut.
struct Batch<'a> {
    pass: CutPass<'a>,
    rows: usize,
    targets: Vec<Target>,
}

impl<'a> Batch<'a> {
    fn begin(
        decoder: &'a Decoder,
        cuts: &'a Cuts,
        requests: &[&Continued],
    ) -> Result<Self, ModelError> {
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
        Ok(Self {
            pass: CutPass::begin(decoder, cuts, &batch)?,
            rows: requests.len(),
            targets,
        })
    }

    /// Passes the next cut.
    async fn advance(&mut self, decoder: &Decoder) -> Result<Rows, ModelError> {
        let mut rows = vec![Vec::new(); self.rows];
        let Some(hidden) = self.pass.advance()? else {
            return Ok(rows);
        };
        if let Some(found) = decoder.log_likelihoods(hidden, &self.targets) {
            let found = found.into_data_async().await?;
            for (target, value) in self.targets.iter().zip(found.iter::<f32>()) {
                rows[target.row].push(f64::from(value));
            }
        }
        Ok(rows)
    }
}
