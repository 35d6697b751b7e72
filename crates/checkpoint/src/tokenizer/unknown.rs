//! What stands for pieces of text that no token has.

use tokenizers::Tokenizer;

use super::{TOKENIZER, TokenizerError, class::Class, error::malformed};

/// What stands for unknown pieces; none where the vocabulary has a token for each byte, so that nothing is unknown.
pub(super) fn unknown_token(
    tokenizer: &Tokenizer,
    class: &Class,
    named: Option<&str>,
) -> Result<Option<String>, TokenizerError> {
    let vocabulary = tokenizer.get_vocab(false);
    let has_all_bytes =
        (0..=u8::MAX).all(|byte| vocabulary.contains_key(&format!("<0x{byte:02X}>")));
    match named.filter(|token| vocabulary.contains_key(*token)) {
        Some(token) => Ok(Some(token.to_owned())),
        None if has_all_bytes => Ok(None),
        None => Err(malformed(
            TOKENIZER,
            format!(
                "as {} it would need {} in its vocabulary for what has no token",
                class.name(),
                named.map_or("an unk_token".to_owned(), |token| format!("`{token}`"))
            ),
        )),
    }
}
