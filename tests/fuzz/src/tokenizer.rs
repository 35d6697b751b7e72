//! A tokenizer, and which of its tokens are special.

use layerlab_checkpoint::{
    ChatTemplate, MemoryFiles, Tokenizer,
    chat::{Message, Role},
};
use pollster::block_on;

/// Nine words, two of which frame every text.
const SMALL: &[u8] = include_bytes!("../small_tokenizer.json");

/// Texts with words, special tokens, line breaks and what no vocabulary has.
const TEXTS: [&str; 4] = [
    "",
    "the cat",
    "<s> a\n\tdog </s><pad>",
    "É\u{301}漢字\u{1f600}\0",
];

/// `tokenizer_config.json` beside the small tokenizer.
pub fn config(bytes: &[u8]) {
    open(SMALL, Some(bytes));
}

/// `tokenizer.json` itself.
pub fn tokenizer(bytes: &[u8]) {
    open(bytes, None);
}

/// A chat template.
pub fn chat(bytes: &[u8]) {
    let Ok(source) = str::from_utf8(bytes) else {
        return;
    };
    let tokens = ["bos_token", "eos_token"].map(|role| (role.to_owned(), format!("<{role}>")));
    let Ok(template) = ChatTemplate::new("fuzzed", source, tokens) else {
        return;
    };
    let said = [
        Message::new(Role::System, "Be brief."),
        Message::new(Role::User, "Who?\n"),
        Message::new(Role::Assistant, "<think>É</think> The cat."),
        Message::new(Role::User, ""),
    ];
    for messages in [&said[1..2], &said] {
        let _ = template.render(messages);
    }
}

fn opened(tokenizer: &[u8], config: Option<&[u8]>) -> Option<Tokenizer> {
    let files = [
        Some(("tokenizer.json", tokenizer)),
        config.map(|config| ("tokenizer_config.json", config)),
    ];
    let files = files.into_iter().flatten();
    let files = files.map(|(name, contents)| (name.to_owned(), contents.to_vec()));
    block_on(Tokenizer::open(&MemoryFiles::new("memory", files))).ok()
}

fn open(tokenizer: &[u8], config: Option<&[u8]>) {
    let Some(opened_once) = opened(tokenizer, config) else {
        return;
    };
    let again = opened(tokenizer, config).expect("accepted, then refused");
    for text in TEXTS {
        let Ok(ids) = opened_once.encode(text, true) else {
            continue;
        };
        let same = again.encode(text, true).expect("encoded, then refused");
        assert_eq!(ids, same, "{text:?}");
        let _ = opened_once.decode(&ids, true);
        if let Ok(plain) = opened_once.encode(text, false) {
            let expected: Vec<u32> = opened_once.leading_bos().into_iter().chain(plain).collect();
            let continued = opened_once
                .encode_text(text)
                .expect("encoded, then refused");
            assert_eq!(continued, expected, "{text:?}");
        }
    }
    assert!(opened_once.stops().is_sorted());
}
