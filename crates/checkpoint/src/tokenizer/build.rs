//! The tokenizer that `transformers` 5 makes of a model's files: vocabulary and merges, the way of cutting text that the class
//! brings along, added tokens, and what is put around a text.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokenizers::{
    AddedToken, DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper,
    PreTokenizerWrapper, Tokenizer, models::bpe::BPE,
};

use super::{
    CONFIG, MERGES, TOKENIZER, TokenizerError, VOCABULARY,
    class::{Class, Pipeline},
    error::{failed, malformed},
    settings::{Settings, Token},
    unknown::unknown_token,
};

/// A tokenizer, and what should be told of how it was read.
pub(super) struct Built {
    pub tokenizer: Tokenizer,
    pub notes: Vec<String>,
}

/// From the contents of `tokenizer.json`.
///
/// # Errors
/// When they cannot be used.
pub(super) fn from_tokenizer_json(
    contents: &[u8],
    class: &Class,
    settings: &mut Settings,
) -> Result<Built, TokenizerError> {
    check_merges(contents)?;
    let mut tokenizer =
        Tokenizer::from_bytes(contents).map_err(|error| malformed(TOKENIZER, error))?;
    if let Some(padding) = tokenizer.get_padding().filter(|_| settings.pad_is_open) {
        let pad = Token::Text(padding.pad_token.clone());
        settings.named.push(("pad_token".into(), pad));
    }
    // Some files carry settings of their training run, which would cut or fill every text.
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(failed)?;
    let own: BTreeMap<u64, Token> = tokenizer
        .get_added_tokens_decoder()
        .into_iter()
        .map(|(id, token)| (u64::from(id), Token::from(token)))
        .collect();
    let mut listed = settings.added.clone();
    if !settings.is_complete {
        listed.extend(own);
    }
    let mut notes = Vec::new();
    match class.pipeline(settings.add_prefix_space, settings.legacy) {
        Some(pipeline) => {
            let unknown = settings.named.iter().find(|(role, _)| role == "unk_token");
            let unknown = unknown.map(|(_, token)| token.content());
            notes.extend(take_over(&mut tokenizer, class, pipeline, unknown)?);
        }
        None => notes.extend(unknown(class)),
    }
    add_tokens(&mut tokenizer, class, settings, &listed, &mut notes)?;
    // This class alone makes its own, which adds nothing.
    if *class == Class::GptNeoX {
        tokenizer.with_post_processor(None::<PostProcessorWrapper>);
    }
    Ok(Built { tokenizer, notes })
}

/// From the contents of `vocab.json` and `merges.txt`, for a class that reads them.
///
/// # Errors
/// When they cannot be used.
pub(super) fn from_vocabulary(
    vocabulary: &[u8],
    merges: &[u8],
    class: &Class,
    settings: &Settings,
) -> Result<Built, TokenizerError> {
    let vocabulary: HashMap<String, u32> =
        serde_json::from_slice(vocabulary).map_err(|error| malformed(VOCABULARY, error))?;
    let merges = std::str::from_utf8(merges).map_err(|error| malformed(MERGES, error))?;
    let mut pairs = Vec::new();
    for (line, merge) in merges.lines().enumerate() {
        if merge.starts_with("#version") {
            continue;
        }
        let pair = merge.split_once(' ').filter(|(_, b)| !b.contains(' '));
        let (a, b) = pair.ok_or_else(|| {
            malformed(
                MERGES,
                format!("line {} is not two tokens with a space between", line + 1),
            )
        })?;
        if !vocabulary.contains_key(&format!("{a}{b}")) {
            let problem = format!(
                "line {} merges to `{a}{b}`, which vocab.json does not have",
                line + 1
            );
            return Err(malformed(MERGES, problem));
        }
        pairs.push((a.to_owned(), b.to_owned()));
    }
    let vocabulary: Vec<(String, u32)> = vocabulary.into_iter().collect();
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary
                .into_iter()
                .collect::<tokenizers::models::bpe::Vocab>(),
            pairs,
        )
        .build()
        .map_err(|error| malformed(MERGES, error))?;
    let mut tokenizer = Tokenizer::new(model);
    if let Some(pipeline) = class.pipeline(settings.add_prefix_space, settings.legacy) {
        set(&mut tokenizer, pipeline)?;
    }
    let mut notes = Vec::new();
    add_tokens(&mut tokenizer, class, settings, &settings.added, &mut notes)?;
    let around = around_text(&tokenizer, settings);
    tokenizer.with_post_processor(Some(made::<PostProcessorWrapper>(around)?));
    Ok(Built { tokenizer, notes })
}

/// The library indexes without looking where a merge is longer than every token of the vocabulary.
fn check_merges(contents: &[u8]) -> Result<(), TokenizerError> {
    #[derive(Deserialize)]
    struct File {
        model: Model,
    }
    #[derive(Deserialize)]
    struct Model {
        vocab: HashMap<String, serde::de::IgnoredAny>,
        merges: Vec<Merge>,
        continuing_subword_prefix: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Merge {
        Pair(String, String),
        Text(String),
    }
    // What is not of this form has no merges, or is refused by the library.
    let Ok(File { model }) = serde_json::from_slice(contents) else {
        return Ok(());
    };
    let prefix = model.continuing_subword_prefix.unwrap_or_default();
    for merge in &model.merges {
        let (a, b) = match merge {
            Merge::Pair(a, b) => (a.as_str(), b.as_str()),
            Merge::Text(text) => text.split_once(' ').unwrap_or((text, "")),
        };
        let merged = b.get(prefix.len()..).map(|b| format!("{a}{b}"));
        if !merged.is_some_and(|merged| model.vocab.contains_key(&merged)) {
            let problem =
                format!("it merges `{a}` and `{b}` to a token that its vocabulary does not have");
            return Err(malformed(TOKENIZER, problem));
        }
    }
    Ok(())
}

/// What the class brings along takes the place of what the file says; a note where texts may be cut otherwise for it.
fn take_over(
    tokenizer: &mut Tokenizer,
    class: &Class,
    pipeline: Pipeline,
    unknown: Option<&str>,
) -> Result<Option<String>, TokenizerError> {
    let is_empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
    let mut model = match tokenizer.get_model() {
        ModelWrapper::BPE(bpe)
            if is_empty(&bpe.continuing_subword_prefix) && is_empty(&bpe.end_of_word_suffix) =>
        {
            bpe.clone()
        }
        _ => {
            return Ok(Some(format!(
                "transformers would read this tokenizer as {}, which has no place for a model of this kind; \
                 {TOKENIZER} is read as it stands",
                class.name()
            )));
        }
    };
    let before = cutting(tokenizer)?;
    model.dropout = None;
    model.unk_token = match pipeline.has_unknown {
        true => unknown_token(tokenizer, class, unknown)?,
        false => None,
    };
    model.fuse_unk = pipeline.by_sentence_piece;
    model.byte_fallback = pipeline.by_sentence_piece;
    model.ignore_merges = false;
    tokenizer.with_model(model);
    set(tokenizer, pipeline)?;
    tokenizer.with_added_vocabulary(tokenizers::AddedVocabulary::new());
    let is_same = cutting(tokenizer)? == before;
    Ok((!is_same).then(|| {
        format!(
            "the tokenizer is read as {}, as transformers 5 does: its way of cutting text takes the place of \
             that of {TOKENIZER}",
            class.name()
        )
    }))
}

/// Normaliser and pre-tokenizer, without what only moves offsets.
fn cutting(tokenizer: &Tokenizer) -> Result<Value, TokenizerError> {
    fn without_offsets(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("trim_offsets");
                fields.values_mut().for_each(without_offsets);
            }
            Value::Array(list) => list.iter_mut().for_each(without_offsets),
            _ => {}
        }
    }
    let mut found = json!([
        serde_json::to_value(tokenizer.get_normalizer()).map_err(failed)?,
        serde_json::to_value(tokenizer.get_pre_tokenizer()).map_err(failed)?,
    ]);
    without_offsets(&mut found);
    Ok(found)
}

fn set(tokenizer: &mut Tokenizer, pipeline: Pipeline) -> Result<(), TokenizerError> {
    let Pipeline {
        normalizer,
        pre_tokenizer,
        decoder,
        ..
    } = pipeline;
    tokenizer
        .with_normalizer(made::<Option<NormalizerWrapper>>(normalizer)?)
        .map_err(failed)?;
    tokenizer.with_pre_tokenizer(Some(made::<PreTokenizerWrapper>(pre_tokenizer)?));
    tokenizer.with_decoder(Some(made::<DecoderWrapper>(decoder)?));
    Ok(())
}

fn made<T: DeserializeOwned>(part: Value) -> Result<T, TokenizerError> {
    serde_json::from_value(part).map_err(failed)
}

fn unknown(class: &Class) -> Option<String> {
    match class {
        Class::Other(name) => Some(format!(
            "the tokenizer's class {name} is not known here; {TOKENIZER} is read as it stands"
        )),
        _ => None,
    }
}

/// Adds what is listed and what has a role and is not there yet, with the ids that `transformers` gives
/// (`TokenizersBackend.__init__`).
fn add_tokens(
    tokenizer: &mut Tokenizer,
    class: &Class,
    settings: &Settings,
    listed: &BTreeMap<u64, Token>,
    notes: &mut Vec<String>,
) -> Result<(), TokenizerError> {
    tokenizer.set_encode_special_tokens(settings.split_special);
    let there: Vec<AddedToken> = tokenizer.get_added_tokens_decoder().into_values().collect();
    let has_role = |content: &str| {
        settings
            .named
            .iter()
            .any(|(_, named)| named.content() == content)
    };
    let mut adding: Vec<AddedToken> = Vec::new();
    for token in listed.values() {
        if !there.contains(&token.added(false)) {
            adding.push(token.added(has_role(token.content())));
        }
    }
    let special = settings
        .named
        .iter()
        .map(|(_, token)| token)
        .chain(&settings.more);
    let known: HashSet<&str> = there
        .iter()
        .chain(&adding)
        .map(|token| token.content.as_str())
        .collect();
    let mut new: Vec<&Token> = Vec::new();
    for token in special.clone() {
        if !known.contains(token.content()) && !new.contains(&token) {
            new.push(token);
        }
    }
    let new: Vec<AddedToken> = new
        .into_iter()
        .map(|token| token.added(has_role(token.content())))
        .collect();
    adding.extend(new);
    let absent: Vec<&(String, Token)> = settings
        .named
        .iter()
        .filter(|(_, token)| tokenizer.token_to_id(token.content()).is_none())
        .collect();
    tokenizer.add_tokens(adding).map_err(failed)?;
    if *class == Class::Qwen2 {
        let plain = special.map(|token| AddedToken::from(token.content(), true));
        tokenizer
            .add_tokens(plain.collect::<Vec<_>>())
            .map_err(failed)?;
    }
    for (id, token) in &settings.added {
        let content = token.content();
        match tokenizer.token_to_id(content) {
            Some(found) if u64::from(found) != *id => notes.push(format!(
                "`{content}` has the id {found}, as in transformers, though the files beside the vocabulary say {id}"
            )),
            _ => {}
        }
    }
    for (role, token) in absent {
        let content = token.content();
        let is_listed = settings
            .added
            .values()
            .any(|listed| listed.content() == content);
        if let Some(id) = tokenizer.token_to_id(content).filter(|_| !is_listed) {
            notes.push(format!(
                "the vocabulary does not have the {role} `{content}`; it gets the id {id}, as in transformers"
            ));
        }
    }
    Ok(())
}

/// What `add_bos_token` and `add_eos_token` put around a text, where no `tokenizer.json` says it.
fn around_text(tokenizer: &Tokenizer, settings: &Settings) -> Value {
    let token = |role: &str, add: Option<bool>| {
        let mut named = settings.named.iter();
        let (_, token) = named.find(|(name, _)| name == role && add == Some(true))?;
        Some((
            token.content().to_owned(),
            tokenizer.token_to_id(token.content())?,
        ))
    };
    let (bos, eos) = (
        token("bos_token", settings.add_bos),
        token("eos_token", settings.add_eos),
    );
    let piece =
        |(content, _): &(String, u32)| json!({"SpecialToken": {"id": content, "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    let single: Vec<Value> = bos
        .iter()
        .map(piece)
        .chain([text("A")])
        .chain(eos.iter().map(piece))
        .collect();
    let special: serde_json::Map<String, Value> = bos
        .iter()
        .chain(&eos)
        .map(|(content, id)| {
            (
                content.clone(),
                json!({"id": content, "ids": [id], "tokens": [content]}),
            )
        })
        .collect();
    json!({
        "type": "TemplateProcessing", "single": single, "pair": [text("A"), text("B")],
        "special_tokens": special,
    })
}

/// What is said of adding BOS and EOS and not followed, since `tokenizer.json` decides.
pub(super) fn contradictions(settings: &Settings, adds_bos: bool, adds_eos: bool) -> Vec<String> {
    let sides = [
        ("add_bos_token", settings.add_bos, adds_bos),
        ("add_eos_token", settings.add_eos, adds_eos),
    ];
    sides
        .into_iter()
        .filter(|(_, said, does)| said.is_some_and(|said| said != *does))
        .map(|(name, _, does)| {
            let does = if does { "adds one" } else { "adds none" };
            format!("`{name}` of {CONFIG} is not followed, as in transformers 5: {TOKENIZER} {does}, and decides")
        })
        .collect()
}
