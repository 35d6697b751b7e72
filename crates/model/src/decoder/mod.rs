//! The one decoder: built from a [`DecoderSpec`](crate::DecoderSpec), run with observers.

mod attention;
mod batch;
mod block;
mod cache;
mod load;
mod mask;
mod mlp;
mod model;
mod norm;
mod observe;
mod positions;
mod rotary;

pub use batch::{PaddingSide, TokenBatch};
pub use cache::KvCache;
pub use load::LoadProgress;
pub use model::Decoder;
pub use observe::{NoObserver, Observer};
