//! Which columns of a large file are worth reading: published datasets have whole articles beside their questions.

use super::{Fields, forms::FORMS, names::is_same};

/// Whether a form or the user has use for a column.
pub(super) fn is_read(column: &str, said: &Fields) -> bool {
    let published = FORMS.iter().flat_map(|form| {
        let marks = form.marks.iter().copied().flatten();
        marks.chain(form.fields.iter().flat_map(|published| published.fields))
    });
    let mut fields = published.copied().chain(said.fields());
    fields.any(|field| {
        // A field may lie within the column.
        let (head, _) = field.split_once('.').unwrap_or((field, ""));
        is_same(column, field) || is_same(column, head)
    })
}
