//! Chat templates: what `transformers` makes of conversations, where templates are found, and bad ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use layerlab_checkpoint::{
    ChatError, ChatTemplate, MemoryFiles, Tokenizer,
    chat::{Message, Role},
    tokenizer::TokenizerError,
};
use serde::Deserialize;
use serde_json::{Value, json};

const CHATML: &str =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}";

#[derive(Deserialize)]
struct Rendered {
    tokens: BTreeMap<String, String>,
    conversations: BTreeMap<String, Vec<Said>>,
    templates: BTreeMap<String, BTreeMap<String, Outcome>>,
}

#[derive(Deserialize)]
struct Said {
    role: String,
    content: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Text(String),
    Refused(String),
}

fn goldens() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

fn messages(said: &[Said]) -> Vec<Message> {
    let role = |role: &str| match role {
        "system" => Role::System,
        "user" => Role::User,
        _ => Role::Assistant,
    };
    said.iter()
        .map(|said| Message::new(role(&said.role), said.content.as_str()))
        .collect()
}

#[test]
fn conversations_are_written_as_transformers_writes_them() {
    let folder = goldens().join("chat");
    let rendered = fs::read_to_string(folder.join("rendered.json")).unwrap();
    let rendered: Rendered = serde_json::from_str(&rendered).unwrap();
    let mut different = Vec::new();
    let mut compared = 0;
    for (name, outcomes) in &rendered.templates {
        let source = fs::read_to_string(folder.join(format!("{name}.jinja"))).unwrap();
        let template = ChatTemplate::new(name, source, rendered.tokens.clone()).unwrap();
        for (title, expected) in outcomes {
            let found = match template.render(&messages(&rendered.conversations[title])) {
                Ok(text) => Outcome::Text(text),
                Err(ChatError::Refused(said)) => Outcome::Refused(said),
                Err(error) => panic!("{name}, {title}: {error}"),
            };
            compared += 1;
            if found != *expected {
                different.push(format!("{name}, {title}:\n{found:?}\n{expected:?}"));
            }
        }
    }
    assert_eq!(compared, 72);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The tokenizer of a folder with these files beside a small `tokenizer.json`.
fn tokenizer(config: &Value, template: Option<&[u8]>) -> Tokenizer {
    let golden = goldens().join("tokenizer_bytelevel/tokenizer.json");
    let mut files = vec![
        ("tokenizer.json".to_owned(), fs::read(golden).unwrap()),
        (
            "tokenizer_config.json".to_owned(),
            config.to_string().into_bytes(),
        ),
    ];
    files.extend(template.map(|template| ("chat_template.jinja".to_owned(), template.to_vec())));
    let files = MemoryFiles::new("memory", files);
    pollster::block_on(Tokenizer::open(&files)).unwrap()
}

fn question() -> Vec<Message> {
    vec![Message::new(Role::User, "Why?")]
}

#[test]
fn a_file_of_its_own_goes_before_the_configuration() {
    let config = json!({"eos_token": "<|end|>", "chat_template": "configured"});
    let both = tokenizer(&config, Some(CHATML.as_bytes()));
    let chat = both.chat().unwrap();
    assert_eq!(chat.place(), "chat_template.jinja");
    assert_eq!(chat.render(&question()).unwrap(), "<|user|>Why?<|end|>");
    let configured = tokenizer(&config, None);
    let chat = configured.chat().unwrap();
    assert_eq!(chat.place(), "tokenizer_config.json");
    assert_eq!(chat.render(&question()).unwrap(), "configured");
}

#[test]
fn of_several_templates_the_default_is_taken() {
    let several = |names: &[&str]| {
        let several = names
            .iter()
            .map(|name| json!({"name": name, "template": name}));
        tokenizer(&json!({"chat_template": several.collect::<Vec<_>>()}), None)
    };
    let found = several(&["tool_use", "default"]);
    assert_eq!(
        found.chat().unwrap().render(&question()).unwrap(),
        "default"
    );
    let none = several(&["tool_use", "rag"]).chat().unwrap_err();
    assert!(
        none.to_string()
            .contains("(tool_use, rag) none is called `default`"),
        "{none}"
    );
}

#[test]
fn a_conversation_is_encoded_without_what_is_put_around_a_text() {
    let tokenizer = tokenizer(&json!({"chat_template": CHATML}), None);
    let text = tokenizer.chat().unwrap().render(&question()).unwrap();
    assert_eq!(
        tokenizer.encode_chat(&question()).unwrap(),
        tokenizer.encode(&text, false).unwrap()
    );
}

#[test]
fn a_model_without_a_template_says_so_only_when_asked() {
    let tokenizer = tokenizer(&json!({}), None);
    assert!(!tokenizer.encode("text", true).unwrap().is_empty());
    let error = tokenizer.encode_chat(&question()).unwrap_err();
    assert!(
        matches!(error, TokenizerError::Chat(ChatError::Missing)),
        "{error}"
    );
}

#[test]
fn what_cannot_be_used_is_named_with_its_place() {
    for (config, template, cause) in [
        (
            json!({"chat_template": 3}),
            None,
            "neither a text nor a list",
        ),
        (
            json!({"chat_template": [{"name": "default"}]}),
            None,
            "without `name` and `template`",
        ),
        (
            json!({"chat_template": "{% if %}"}),
            None,
            "line 1 of the template",
        ),
        (json!({}), Some(&b"\xff"[..]), "no text in UTF-8"),
    ] {
        let error = tokenizer(&config, template).chat().unwrap_err();
        assert!(matches!(error, ChatError::Malformed { .. }), "{error:?}");
        assert!(error.to_string().contains(cause), "{error}");
    }
}

#[test]
fn templates_end_whatever_they_ask_for() {
    let nested = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    let deep = format!("{{{{ {nested} }}}}");
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    let endless = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
    let grown = "{% set ns = namespace(x=[]) %}{% for a in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}";
    for source in [
        deep.as_str(),
        loops,
        endless,
        grown,
        "{{ missing.field }}",
        "{{ 1 / 0 }}",
    ] {
        let rendered =
            ChatTemplate::new("here", source, []).and_then(|chat| chat.render(&question()));
        let error = rendered.unwrap_err();
        assert!(matches!(error, ChatError::Malformed { .. }), "{error:?}");
    }
}

#[test]
fn the_date_is_that_of_today() {
    let chat = ChatTemplate::new("here", "{{ strftime_now('%Y-%m-%d') }}", []).unwrap();
    assert!(chat.may_write_date());
    let written = chat.render(&question()).unwrap();
    let [year, month, day] = written.split('-').collect::<Vec<_>>()[..] else {
        panic!("{written}")
    };
    assert!(year.parse::<u32>().unwrap() >= 2026, "{written}");
    assert!(
        (1..=12).contains(&month.parse::<u32>().unwrap()),
        "{written}"
    );
    assert!((1..=31).contains(&day.parse::<u32>().unwrap()), "{written}");
    let wrong = ChatTemplate::new("here", "{{ strftime_now('%') }}", []).unwrap();
    assert!(wrong.render(&question()).is_err());
}
