//! Requests to a server that speaks the Hub's protocol.

use std::{io::Read, time::Duration};

use thiserror::Error;
use ureq::{
    Agent, Body,
    http::{Response, Uri, header},
};

use super::{HubError, HubOptions, cache, names::is_name};

/// The public Hub.
const HUB: &str = "https://huggingface.co";
/// How many redirections are followed; the Hub sends one or two.
const REDIRECTIONS: usize = 10;
/// A listing of files is far smaller.
const LARGEST_LISTING: u64 = 64 << 20;
const CONNECT: Duration = Duration::from_secs(30);

/// A request that came to nothing.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The server cannot be reached, or does not speak HTTP.
    #[error(transparent)]
    Http(#[from] Box<ureq::Error>),
    /// The connection broke, or what came cannot be kept.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The server refuses.
    #[error("the server says {0}")]
    Status(u16),
    /// It sends from one address to the next.
    #[error("the server redirects to `{0}`, which leads nowhere")]
    Redirection(String),
    /// It lacks what every answer of a Hub has.
    #[error("the answer has no `{0}` as those of a Hub have")]
    NoHub(&'static str),
    /// More or fewer bytes than were announced.
    #[error("{found} bytes came instead of {expected}")]
    Length {
        /// Bytes that came.
        found: u64,
        /// Bytes that were announced.
        expected: u64,
    },
    /// The bytes are not those that the Hub has.
    #[error("what came is not what the Hub says it is (SHA-256), and was thrown away")]
    Hash,
}

/// A server, and what it wants to see.
pub(super) struct Server {
    agent: Agent,
    /// Without a slash at its end.
    pub endpoint: String,
    token: Option<String>,
    /// Where the token comes from.
    pub token_place: Option<String>,
}

/// A file that begins to come.
pub(super) struct Answer {
    /// What its content is known by.
    pub tag: String,
    /// The commit that the revision stands for.
    pub commit: String,
    /// The first byte that comes; 0 where the server does not know ranges.
    pub from: u64,
    /// Bytes of the whole file, where the server says.
    pub total: Option<u64>,
    pub body: Body,
}

impl Server {
    /// # Errors
    /// When the endpoint is no address, or the token none that can be sent.
    pub fn of(options: &HubOptions) -> Result<Self, HubError> {
        let endpoint = options.endpoint.as_deref().unwrap_or(HUB).trim();
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        let is_address = |uri: &Uri| {
            uri.host().is_some()
                && uri
                    .scheme_str()
                    .is_some_and(|s| s == "http" || s == "https")
        };
        if !endpoint.parse::<Uri>().is_ok_and(|uri| is_address(&uri)) {
            return Err(HubError::Endpoint { endpoint });
        }
        let kept = || {
            let (token, path) = cache::token(options)?;
            Some((token, path.display().to_string()))
        };
        let given = options
            .token
            .clone()
            .map(|token| (token, "HF_TOKEN".to_owned()));
        // Files and pasted variables end in line breaks.
        let token = given
            .or_else(kept)
            .map(|(token, place)| (token.trim().to_owned(), place));
        let token = token.filter(|(token, _)| !token.is_empty());
        if let Some((token, place)) = &token
            && !token.chars().all(|c| c.is_ascii_graphic())
        {
            return Err(HubError::Token {
                place: place.clone(),
            });
        }
        let (token, token_place) = token.unzip();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("layerlab/", env!("CARGO_PKG_VERSION")));
        Ok(Self {
            agent: config.build().into(),
            endpoint,
            token,
            token_place,
        })
    }

    /// A file from byte `from` on.
    ///
    /// # Errors
    /// When the server refuses, or is no Hub.
    pub fn file(&self, address: &str, from: u64) -> Result<Answer, TransferError> {
        let mut said = Said::default();
        let response = self.followed(address, from, &mut said)?;
        let commit = said.commit.ok_or(TransferError::NoHub("X-Repo-Commit"))?;
        let tag = said.tag.ok_or(TransferError::NoHub("ETag"))?;
        let length = number(&response, header::CONTENT_LENGTH.as_str());
        let (first, total) = match response.status().as_u16() {
            206 => range(&response).ok_or(TransferError::NoHub("Content-Range"))?,
            _ => (0, length),
        };
        if first != from && first != 0 {
            return Err(TransferError::NoHub("Content-Range"));
        }
        if let (Some(found), Some(expected)) = (total, said.size)
            && found != expected
        {
            return Err(TransferError::Length { found, expected });
        }
        Ok(Answer {
            tag,
            commit,
            from: first,
            total: total.or(said.size),
            body: response.into_body(),
        })
    }

    /// A text, such as a listing of files.
    ///
    /// # Errors
    /// When the server refuses, or what comes is far too large.
    pub fn text(&self, address: &str) -> Result<Vec<u8>, TransferError> {
        let response = self.followed(address, 0, &mut Said::default())?;
        let mut text = Vec::new();
        let mut reader = response.into_body().into_reader().take(LARGEST_LISTING + 1);
        reader.read_to_end(&mut text)?;
        match text.len() as u64 > LARGEST_LISTING {
            true => Err(TransferError::Length {
                found: text.len() as u64,
                expected: LARGEST_LISTING,
            }),
            false => Ok(text),
        }
    }

    /// What the last of all redirections answers.
    fn followed(
        &self,
        address: &str,
        from: u64,
        said: &mut Said,
    ) -> Result<Response<Body>, TransferError> {
        let elsewhere =
            |address: &str| TransferError::Redirection(address.chars().take(200).collect());
        let mut at: Uri = address.parse().map_err(|_| elsewhere(address))?;
        for _ in 0..=REDIRECTIONS {
            // Compressed, its length would be another.
            let mut request = self
                .agent
                .get(at.clone())
                .header(header::ACCEPT_ENCODING, "identity");
            if from > 0 {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            if let Some(token) = self.token.as_ref().filter(|_| self.is_own(&at)) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call().map_err(Box::new)?;
            said.hear(&response);
            let status = response.status();
            let next = response.headers().get(header::LOCATION);
            match next
                .and_then(|next| next.to_str().ok())
                .filter(|_| status.is_redirection())
            {
                Some(next) => at = joined(&at, next).ok_or_else(|| elsewhere(next))?,
                None if status.is_success() => return Ok(response),
                None => return Err(TransferError::Status(status.as_u16())),
            }
        }
        Err(elsewhere(&at.to_string()))
    }

    /// Whether an address is the endpoint's own: no other server sees the token.
    fn is_own(&self, address: &Uri) -> bool {
        let origin = |uri: &Uri| Some((uri.scheme_str()?.to_owned(), uri.authority()?.to_string()));
        let own = self.endpoint.parse::<Uri>().ok();
        own.and_then(|own| origin(&own)) == origin(address)
    }
}

/// What the first answer that is a Hub's says of a file; behind it come servers that only store.
#[derive(Default)]
struct Said {
    commit: Option<String>,
    tag: Option<String>,
    size: Option<u64>,
}

impl Said {
    fn hear(&mut self, response: &Response<Body>) {
        if self.commit.is_some() {
            return;
        }
        let text = |name: &str| response.headers().get(name)?.to_str().ok();
        let Some(commit) = text("x-repo-commit").filter(|commit| is_name(commit)) else {
            return;
        };
        let tag = text("x-linked-etag").or_else(|| text("etag"));
        let tag = tag.map(|tag| tag.trim_start_matches("W/").trim_matches('"'));
        self.commit = Some(commit.to_owned());
        self.tag = tag.filter(|tag| is_name(tag)).map(str::to_owned);
        self.size = number(response, "x-linked-size");
    }
}

fn number(response: &Response<Body>, name: &str) -> Option<u64> {
    response
        .headers()
        .get(name)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// First byte and size of the whole, of `bytes 5-9/10`.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let range = response
        .headers()
        .get(header::CONTENT_RANGE)?
        .to_str()
        .ok()?;
    let (part, total) = range.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = part.split_once('-')?;
    Some((first.parse().ok()?, total.parse().ok()))
}

/// A redirection's address, which may be relative.
fn joined(from: &Uri, to: &str) -> Option<Uri> {
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    let whole = if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else if to.contains("://") {
        to.to_owned()
    } else {
        let folder = from
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{to}")
    };
    let uri: Uri = whole.parse().ok()?;
    // What was asked for in secret is not sent in the open.
    let is_open = uri.scheme_str() == Some("http");
    let is_allowed = is_open && scheme == "http" || uri.scheme_str() == Some("https");
    is_allowed.then_some(uri)
}
