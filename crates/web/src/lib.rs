//! The face of the lab that a page's worker talks to.
//!
//! A [`Session`] has one device and at most one model. Everything that crosses the border is typed: the types are
//! those of [`types`], written as a JSON schema from which the page generates its own.

pub mod types;

#[cfg(target_arch = "wasm32")]
mod border;
#[cfg(target_arch = "wasm32")]
mod call;
#[cfg(target_arch = "wasm32")]
mod constructors;
#[cfg(target_arch = "wasm32")]
mod datasets;
#[cfg(target_arch = "wasm32")]
mod experiments;
#[cfg(target_arch = "wasm32")]
mod export;
#[cfg(target_arch = "wasm32")]
mod faults;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod generate;
#[cfg(target_arch = "wasm32")]
mod hallucination;
#[cfg(target_arch = "wasm32")]
mod helpers;
#[cfg(target_arch = "wasm32")]
mod opened;
#[cfg(target_arch = "wasm32")]
mod session;
#[cfg(target_arch = "wasm32")]
mod share;

#[cfg(target_arch = "wasm32")]
pub use session::Session;
