//! The sections of a report as documents, each format in a module of its own.

mod csv;
mod html;
mod markdown;
mod terminal;

pub use terminal::Detail;

#[cfg(test)]
mod tests;
