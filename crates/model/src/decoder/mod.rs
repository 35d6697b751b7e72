//! The one decoder: built from a [`DecoderSpec`](crate::DecoderSpec), run with observers.

mod adapter;
mod adapters;
mod attention;
mod batch;
mod block;
mod cache;
mod likelihood;
mod load;
mod low_rank;
mod masks;
mod mlp;
mod model;
mod norm;
mod observe;
mod pass;
mod positions;
mod projection;
mod rotary;
mod save;
mod stream;
mod view;
mod weight;

pub use adapters::{AdapterShape, Adapters};
pub use batch::{PaddingSide, TokenBatch};
pub use cache::KvCache;
pub use likelihood::Target;
pub use load::{LoadProgress, WeightFormat};
pub use low_rank::LowRank;
pub use model::Decoder;
pub use observe::{NoObserver, Observer};
pub use save::StoredTensor;
pub use stream::Stream;
