//! Texts become sequences as documented.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use layerlab_lab::{Speech, Text, TextError, TextOptions, Tokenizer, files::Folder};
use pollster::block_on;
use proptest::prelude::*;
use support::demo;

const CONTEXT: usize = 512;

fn tokenizer() -> Tokenizer {
    block_on(Tokenizer::open(&Folder::new(demo()))).unwrap()
}

fn cut(contents: &str, length: Option<usize>, max_sequences: usize) -> Result<Text, TextError> {
    let options = TextOptions {
        sequence_length: length,
        max_sequences,
    };
    Text::new("a text", contents, &tokenizer(), CONTEXT, options)
}

fn sample() -> String {
    std::fs::read_to_string(demo().join("text.txt")).unwrap()
}

#[test]
fn sequences_hold_the_text_in_order_each_after_its_bos() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode(&sample(), false).unwrap();
    let text = cut(&sample(), Some(33), 1000).unwrap();
    assert!(text.bos);
    let bos = tokenizer.bos().unwrap();
    let mut joined: Vec<u32> = Vec::new();
    for sequence in &text.sequences {
        assert_eq!(sequence[0], bos);
        joined.extend(&sequence[1..]);
    }
    // The rest is kept from half a sequence on.
    let rest = ids.len() % 32;
    let kept = if rest >= 16 {
        ids.len()
    } else {
        ids.len() - rest
    };
    assert_eq!(joined, ids[..kept]);
    assert_eq!(text.tokens(), joined.len() + text.sequences.len());
    assert_eq!(text.bytes, sample().len() as u64);
}

#[test]
fn as_many_sequences_as_asked_and_no_more() {
    assert_eq!(cut(&sample(), Some(20), 3).unwrap().sequences.len(), 3);
    let all = cut(&sample(), None, 1000).unwrap();
    assert_eq!(all.sequence_length, 256);
}

#[test]
fn texts_that_hold_nothing_are_refused() {
    for contents in ["", " ", "\n\t\n"] {
        assert!(matches!(
            cut(contents, None, 1),
            Err(TextError::Empty { .. })
        ));
    }
    // BOS and one token are two tokens; without BOS they would be one.
    assert_eq!(cut("a", None, 1).unwrap().sequences[0].len(), 2);
    let plain = std::fs::read(demo().join("tokenizer.json")).unwrap();
    let mut plain: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    plain["post_processor"] = serde_json::Value::Null;
    let plain = Tokenizer::from_bytes(plain.to_string().as_bytes(), None).unwrap();
    let short = Text::new("a text", "a", &plain, CONTEXT, TextOptions::default());
    assert!(
        matches!(short, Err(TextError::TooShort { tokens: 1, .. })),
        "{short:?}"
    );
}

#[test]
fn lengths_out_of_range_are_refused() {
    for length in [0, 1, CONTEXT + 1] {
        let cut = cut("a text", Some(length), 1);
        assert!(matches!(cut, Err(TextError::Length { .. })), "{length}");
    }
    assert!(matches!(
        cut("a text", None, 0),
        Err(TextError::NoSequences)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_met(contents in ".{0,200}", length in 2usize..40, sequences in 1usize..5) {
        if let Ok(text) = cut(&contents, Some(length), sequences) {
            prop_assert!(text.sequences.len() <= sequences);
            for sequence in &text.sequences {
                prop_assert!((2..=length).contains(&sequence.len()));
            }
        }
    }

    /// Token by token or at once, the same is said.
    #[test]
    fn speech_says_what_was_written(contents in "[a-zäß€😀 .]{1,40}") {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode(&contents, false).unwrap();
        let mut speech = Speech::after(&tokenizer, &ids[..1]).unwrap();
        let mut said = tokenizer.decode(&ids[..1], true).unwrap();
        let is_whole = !said.contains(char::REPLACEMENT_CHARACTER);
        for id in &ids[1..] {
            said += &speech.push(*id).unwrap();
        }
        let whole = tokenizer.decode(&ids, true).unwrap();
        prop_assume!(is_whole && !whole.ends_with(char::REPLACEMENT_CHARACTER));
        prop_assert_eq!(said, whole);
    }
}

#[test]
fn what_a_text_has_in_all_is_known_or_reckoned() {
    let length = 20;
    let all = cut(&sample(), Some(length), usize::MAX).unwrap();
    let ids = tokenizer().encode(&sample(), false).unwrap();
    let payload = length - usize::from(all.bos);
    assert!(!all.whole.is_estimate);
    assert_eq!(all.whole.sequences, all.sequences.len());
    assert_eq!(
        all.whole.tokens,
        ids.len() + usize::from(all.bos) * all.sequences.len()
    );
    assert!(all.whole.tokens - all.tokens() < payload);
    // Three sequences of a text that was not read to its end.
    let long = sample().repeat(40);
    let some = cut(&long, Some(length), 3).unwrap();
    let whole = cut(&long, Some(length), usize::MAX).unwrap().whole;
    assert!(some.whole.is_estimate && !whole.is_estimate);
    let off = some.whole.tokens as f64 / whole.tokens as f64;
    assert!((0.8..1.25).contains(&off), "{off}");
    let short = cut("Two words", Some(200), 5).unwrap();
    assert_eq!(
        (short.whole.sequences, short.whole.tokens),
        (1, short.tokens())
    );
}
