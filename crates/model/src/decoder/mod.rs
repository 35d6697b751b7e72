//! The one decoder: built from a [`DecoderSpec`](crate::DecoderSpec), run with observers.

mod attention;
mod batch;
mod block;
mod cache;
mod likelihood;
mod load;
mod mask;
mod mlp;
mod model;
mod norm;
mod observe;
mod positions;
mod rotary;
mod save;
mod stream;
mod view;

pub use batch::{PaddingSide, TokenBatch};
pub use cache::KvCache;
pub use likelihood::Target;
pub use load::LoadProgress;
pub use model::Decoder;
pub use observe::{NoObserver, Observer};
pub use save::StoredTensor;
pub use stream::Stream;
