//! Tasks asked in conversations equal what `transformers` makes of them, on every device.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;

use burn::tensor::Device;
use layerlab_eval::{
    ChatOptions, Dataset, EvalError, EvalOptions, Items, Task, dataset::Answer, generate_answers,
    pairs, tokenise,
};
use layerlab_model::{
    GenerateOptions,
    chat::{ChatError, Message, Role},
    generate_batch,
    tokenizer::TokenizerError,
};
use pollster::block_on;
use serde_json::Value;
use support::{GOLDENS, Model, assert_choices, devices, file, reference};
use tempfile::TempDir;

/// The demo model with a chat template of the goldens, or any other.
fn chat_model(template: &str, device: &Device) -> Model {
    let folder = TempDir::new().unwrap();
    for file in fs::read_dir(format!("{GOLDENS}/demo")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    fs::write(folder.path().join("chat_template.jinja"), template).unwrap();
    Model::of(folder.path(), device)
}

fn bars() -> String {
    file("chat/bars.jinja")
}

fn options() -> EvalOptions {
    EvalOptions {
        chat: Some(ChatOptions {
            system: Some("Be brief.".into()),
        }),
        ..EvalOptions::default()
    }
}

fn ids(found: &Value) -> Vec<u32> {
    serde_json::from_value(found.clone()).unwrap()
}

#[test]
fn choices_are_scored_within_the_conversation() {
    let reference = reference();
    for device in devices() {
        let model = chat_model(&bars(), &device);
        assert_choices(&model, &options(), &reference["chat_choices"]);
    }
}

#[test]
fn an_answer_is_what_the_model_says_next() {
    let reference = reference();
    let expected = &reference["chat_answer"];
    let prompt = expected["prompt"].as_str().unwrap();
    for device in devices() {
        let model = chat_model(&bars(), &device);
        let chat = options().chat.unwrap();
        let asked = model.tokenizer.encode_chat(&chat.messages(prompt)).unwrap();
        assert_eq!(asked, ids(&expected["asked"]));
        let answers = block_on(generate_batch(
            &model.decoder,
            &[asked],
            &GenerateOptions::greedy(12, model.tokenizer.stops()),
            &mut |_| false,
            &mut || std::ops::ControlFlow::Continue(()),
        ));
        assert_eq!(answers.unwrap().unwrap(), [ids(&expected["answer"])]);
    }
}

#[test]
fn free_answers_and_their_confidence_are_of_the_conversation() {
    let model = chat_model(&bars(), &Device::flex());
    let items = [Answer {
        line: 1,
        group: String::new(),
        question: "Who is it?".into(),
        answers: vec!["nobody".into()],
    }];
    let dataset = Dataset::of_text("answers", String::new());
    let answered = |chat: Option<ChatOptions>| {
        let options = EvalOptions {
            chat,
            max_new_tokens: 12,
            ..EvalOptions::default()
        };
        let mut progress = |_, _| std::ops::ControlFlow::Continue(());
        let answers = generate_answers(
            &model.decoder,
            &model.tokenizer,
            &dataset,
            &items,
            &options,
            &mut progress,
        );
        block_on(answers).unwrap().remove(0)
    };
    let (plain, chat) = (answered(None), answered(options().chat));
    assert_ne!(plain.text, chat.text);
    assert!(chat.confidence > 0.0 && chat.confidence <= 1.0, "{chat:?}");
}

#[test]
fn what_was_asked_says_so() {
    let model = chat_model(&bars(), &Device::flex());
    let dataset = Dataset::read("choices.jsonl", &file("tasks/choices.jsonl"), false).unwrap();
    let asking = |options: &EvalOptions| match model.ask(&dataset, options).unwrap().task {
        Task::MultipleChoice { chat, bos, .. } => (chat, bos),
        other => panic!("{other:?}"),
    };
    let plain = (None, model.tokenizer.leading_bos().is_some());
    assert_eq!(asking(&EvalOptions::default()), plain);
    // This template writes no BOS, whatever the tokenizer adds to a text.
    assert_eq!(asking(&options()), (options().chat, false));
    let with_bos = chat_model("{{ bos_token }}{{ messages[0].content }}", &Device::flex());
    let result = with_bos.ask(&dataset, &options()).unwrap();
    let Task::MultipleChoice { bos, .. } = result.task else {
        panic!("{:?}", result.task)
    };
    assert!(bos);
}

#[test]
fn pairs_are_read_within_the_conversation() {
    let model = chat_model(&bars(), &Device::flex());
    let dataset = Dataset::read("choices.jsonl", &file("tasks/choices.jsonl"), false).unwrap();
    let pairs = pairs(&dataset, 0).unwrap();
    let (tokens, _) = tokenise("d", &pairs, &model.tokenizer, 1024, &options()).unwrap();
    for (pair, tokens) in pairs.iter().zip(tokens) {
        let said = [
            Message::new(Role::System, "Be brief."),
            Message::new(Role::User, format!("Q: {}\nA:", pair.question)),
        ];
        let text = model.tokenizer.chat().unwrap().render(&said).unwrap();
        for (continued, answer) in [
            (tokens.factual, &pair.factual),
            (tokens.hallucinated, &pair.hallucinated),
        ] {
            let whole = model.tokenizer.encode(&(text.clone() + answer), false);
            assert_eq!(continued.ids, whole.unwrap());
            let asked = model.tokenizer.encode_chat(&said).unwrap();
            assert_eq!(continued.ids[..continued.start], asked);
        }
    }
}

#[test]
fn what_a_model_cannot_be_asked_is_refused_at_once() {
    let dataset = Dataset::read("choices.jsonl", &file("tasks/choices.jsonl"), false).unwrap();
    let refused = |model: &Model| match model.ask(&dataset, &options()) {
        Err(EvalError::Tokenizer(TokenizerError::Chat(error))) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&Model::cpu()), ChatError::Missing);
    let turns = chat_model(&file("chat/turns.jinja"), &Device::flex());
    let said = "System role not supported".to_owned();
    assert_eq!(refused(&turns), ChatError::Refused(said));
    // A text is asked nothing, but what was wanted cannot be had.
    let text = Dataset::of_text("a.txt", file("demo/text.txt"));
    assert!(matches!(text.items, Items::Text(_)));
    assert!(Model::cpu().ask(&text, &options()).is_err());
}
