//! The sections of a report as documents, each format in a module of its own.

mod csv;
mod html;
mod markdown;
mod terminal;

pub(super) use html::page;
pub(super) use markdown::draw as draw_markdown;
pub use terminal::Detail;
pub(super) use terminal::draw as draw_terminal;

#[cfg(test)]
mod tests;
