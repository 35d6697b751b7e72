//! Tasks equal what `transformers` makes of them, on every device.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::ops::ControlFlow;

use layerlab_eval::{
    Dataset, EvalError, EvalOptions, Items, Metric, Sample, Task, dataset::Answer, evaluate, pairs,
    tokenise,
};
use layerlab_model::{GenerateOptions, Sampling, generate};
use pollster::block_on;
use support::{Model, assert_choices, assert_close, devices, file, reference, value};

#[test]
fn perplexity_equals_the_definition_at_every_stride() {
    let dataset = Dataset::of_text("text.txt", file("demo/text.txt"));
    let reference = reference();
    for device in devices() {
        let model = Model::open(&device);
        for expected in reference["perplexity"].as_array().unwrap() {
            let number = |name: &str| expected[name].as_u64().map(|number| number as usize);
            let options = EvalOptions {
                window: number("window"),
                stride: number("stride"),
                ..EvalOptions::default()
            };
            let result = model.ask(&dataset, &options).unwrap();
            let Sample::Perplexity { tokens, .. } = &result.metrics[0].sample else {
                panic!("not a perplexity");
            };
            let tokens: f64 = tokens.iter().sum();
            assert_eq!(tokens, expected["tokens"].as_f64().unwrap());
            let expected = expected["value"].as_f64().unwrap();
            assert_close(value(&result, Metric::Perplexity), expected, "perplexity");
        }
        let result = model.ask(&dataset, &EvalOptions::default()).unwrap();
        // What transformers' own loss gives over the same windows.
        let documented = reference["documented"].as_f64().unwrap();
        assert_close(
            value(&result, Metric::Perplexity),
            documented,
            "documented perplexity",
        );
    }
}

/// Where windows overlap all tokens but the first are predicted, so that the bytes are known by the record and the bits
/// by the perplexity of `transformers`.
#[test]
fn bits_per_byte_are_the_losses_over_the_bytes_they_are_of() {
    let text = file("demo/text.txt");
    let dataset = Dataset::of_text("text.txt", text.clone());
    let model = Model::cpu();
    let ids = model.tokenizer.encode_text(&text).unwrap();
    let first = match model.tokenizer.leading_bos() {
        Some(_) => 0,
        None => model.tokenizer.decode(&ids[..1], false).unwrap().len(),
    };
    let reference = reference();
    let mut overlapping = 0;
    for expected in reference["perplexity"].as_array().unwrap() {
        let number = |name: &str| expected[name].as_u64().map(|number| number as usize);
        let options = EvalOptions {
            window: number("window"),
            stride: number("stride"),
            ..EvalOptions::default()
        };
        let result = model.ask(&dataset, &options).unwrap();
        let Task::Perplexity { tokens, bytes, .. } = result.task else {
            panic!("not a perplexity");
        };
        let Sample::BitsPerByte { bits, bytes: of } =
            &result.metric(Metric::BitsPerByte).unwrap().sample
        else {
            panic!("not bits per byte");
        };
        assert_eq!(of.len(), text.len().div_ceil(1024));
        assert_eq!(of.iter().sum::<f64>(), bytes as f64);
        let perplexity = expected["value"].as_f64().unwrap();
        let total = tokens as f64 * perplexity.log2();
        assert_close(bits.iter().sum(), total, "bits");
        assert_close(
            value(&result, Metric::BitsPerByte),
            total / bytes as f64,
            "bits per byte",
        );
        if tokens == ids.len() - 1 {
            overlapping += 1;
            assert_eq!(bytes, text.len() - first);
        } else {
            assert!(bytes < text.len() - first);
        }
    }
    assert!(overlapping > 0);
}

#[test]
fn choices_are_scored_as_the_harness_scores_them() {
    let reference = reference();
    for device in devices() {
        let model = Model::open(&device);
        assert_choices(&model, &EvalOptions::default(), &reference["choices"]);
    }
}

#[test]
fn batches_do_not_change_what_is_found() {
    let model = Model::cpu();
    let dataset = Dataset::read("choices.jsonl", &file("tasks/choices.jsonl"), false).unwrap();
    let of = |batch_tokens| {
        let options = EvalOptions {
            batch_tokens,
            ..EvalOptions::default()
        };
        let result = model.ask(&dataset, &options).unwrap();
        value(&result, Metric::Ece)
    };
    assert_close(of(1), of(4096), "calibration error");
}

#[test]
fn classes_are_chosen_by_likelihood() {
    let dataset = Dataset::read("labels.csv", &file("tasks/labels.csv"), false).unwrap();
    let result = Model::cpu().ask(&dataset, &EvalOptions::default()).unwrap();
    assert_eq!(result.items, 4);
    assert_eq!(result.metrics[0].chance, Some(0.5));
    // The same as choices: classification is nothing else.
    let as_choices: Vec<String> = file("tasks/labels.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let (text, label) = line.rsplit_once(',').unwrap();
            let right = usize::from(label == "good");
            let text = text.trim_matches('"');
            serde_json::json!({"question": text, "choices": ["bad", "good"], "label": right})
                .to_string()
        })
        .collect();
    let choices = Dataset::read("labels.jsonl", &as_choices.join("\n"), false).unwrap();
    let options = EvalOptions {
        question_template: "{question}\nLabel:".into(),
        ..EvalOptions::default()
    };
    let expected = Model::cpu().ask(&choices, &options).unwrap();
    assert_eq!(result.metrics[0].sample, expected.metrics[0].sample);
}

/// Whatever the model says is right if the key says so, and its neighbours in the batch do not matter.
#[test]
fn exact_match_knows_the_models_own_answers() {
    let model = Model::cpu();
    let questions = [
        "Who?",
        "What is the name of the ship that came last?",
        "Where to?",
    ];
    let answers = questions.map(|question| {
        let prompt = model
            .tokenizer
            .encode_text(&format!("Q: {question}\nA:"))
            .unwrap();
        let options = GenerateOptions {
            max_new_tokens: 8,
            sampling: Sampling::Greedy,
            stop: model.tokenizer.stops().to_vec(),
        };
        let generated = block_on(generate(&model.decoder, &prompt, &options, &mut |_| {
            ControlFlow::Continue(())
        }));
        let text = model.tokenizer.decode(&generated.unwrap(), true).unwrap();
        text.trim_start().lines().next().unwrap_or("").to_owned()
    });
    let items = |answers: [&str; 3]| {
        let items = questions.iter().zip(answers).enumerate();
        Items::Answers(
            items
                .map(|(line, (question, answer))| Answer {
                    line,
                    group: (*question).to_owned(),
                    question: (*question).to_owned(),
                    answers: vec!["something else".to_owned(), answer.to_owned()],
                })
                .collect(),
        )
    };
    let share = |answers: [&str; 3]| {
        let dataset = Dataset {
            items: items(answers),
            ..Dataset::of_text("own", String::new())
        };
        let options = EvalOptions {
            max_new_tokens: 8,
            ..EvalOptions::default()
        };
        let result = model.ask(&dataset, &options).unwrap();
        value(&result, Metric::ExactMatch)
    };
    assert_eq!(share([&answers[0], &answers[1], &answers[2]]), 1.0);
    let found = share([&answers[0], "no such answer", &answers[2]]);
    assert!((found - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let model = Model::cpu();
    let text = Dataset::of_text("a.txt", "Some words, and some more.".into());
    let with = |change: &dyn Fn(&mut EvalOptions)| {
        let mut options = EvalOptions::default();
        change(&mut options);
        model.ask(&text, &options)
    };
    for (window, stride) in [(1, 1), (129, 129), (64, 0), (64, 65)] {
        let result = with(&|options| {
            options.window = Some(window);
            options.stride = Some(stride);
        });
        assert!(matches!(result, Err(EvalError::Window { .. })), "{window}");
    }
    let result = with(&|options| options.question_template = "Q:".into());
    assert!(matches!(
        result,
        Err(EvalError::Template {
            field: "question",
            ..
        })
    ));
    let result = with(&|options| options.batch_tokens = 0);
    assert!(matches!(result, Err(EvalError::None(_))));
    let result = with(&|options| options.confidence.level = 1.0);
    assert!(matches!(result, Err(EvalError::Confidence(_))));
    let result = with(&|options| options.confidence.resamples = 100_001);
    assert!(matches!(result, Err(EvalError::Resamples(100_001))));
    for blank in ["", " \n\t\n"] {
        let empty = Dataset::of_text("a.txt", blank.into());
        let result = model.ask(&empty, &EvalOptions::default());
        assert!(matches!(result, Err(EvalError::EmptyText { .. })));
    }
}

#[test]
fn answers_without_tokens_or_beyond_the_context_are_named() {
    let model = Model::cpu();
    let ask = |choice: &str| {
        let item =
            serde_json::json!({"question": "Which?", "choices": ["This", choice], "label": 0});
        let contents = format!("\n{item}\n");
        let dataset = Dataset::read("a.jsonl", &contents, false).unwrap();
        model.ask(&dataset, &EvalOptions::default())
    };
    let long = "longest ".repeat(200);
    match ask(&long) {
        Err(EvalError::LongAnswer { line, context, .. }) => assert_eq!((line, context), (2, 128)),
        other => panic!("{other:?}"),
    }
    // Readers refuse an empty choice; whoever puts items together by hand learns it here.
    let item = serde_json::json!({"question": "Which?", "choices": ["This", "That"], "label": 0});
    let mut dataset = Dataset::read("a.jsonl", &item.to_string(), false).unwrap();
    let Items::Choices(items) = &mut dataset.items else {
        panic!("not choices")
    };
    items[0].single.as_mut().unwrap().choices[1] = " ".into();
    let result = model.ask(&dataset, &EvalOptions::default());
    assert!(matches!(result, Err(EvalError::EmptyChoice { .. })));
    // A prompt that does not fit loses its beginning; the answer never does.
    let item = serde_json::json!({"question": long, "choices": ["This", "That"], "label": 0});
    let dataset = Dataset::read("a.jsonl", &item.to_string(), false).unwrap();
    let result = model.ask(&dataset, &EvalOptions::default()).unwrap();
    let written = serde_json::to_value(&result.task).unwrap();
    assert_eq!(written["truncated"], 2);
    // Of a pair, the last token is read as well: its hidden state is what is looked at.
    let found = pairs(&dataset, 0).unwrap();
    let context = model.decoder.spec().context;
    let (tokens, truncated) = tokenise(
        "a.jsonl",
        &found,
        &model.tokenizer,
        context,
        &EvalOptions::default(),
    )
    .unwrap();
    assert_eq!(truncated, 1);
    for (side, answer) in [
        (&tokens[0].factual, "This"),
        (&tokens[0].hallucinated, "That"),
    ] {
        let whole = format!("Q: {long}\nA: {answer}");
        let ids = model.tokenizer.encode_text(&whole).unwrap();
        assert_eq!(side.ids, ids[ids.len() - context..]);
        let prompt = model
            .tokenizer
            .encode_text(&format!("Q: {long}\nA:"))
            .unwrap();
        assert_eq!(side.ids.len() - side.start, ids.len() - prompt.len());
    }
}

#[test]
fn results_say_of_how_many_items_they_are() {
    let model = Model::cpu();
    let dataset = Dataset::read("choices.jsonl", &file("tasks/choices.jsonl"), false).unwrap();
    let all = dataset.items.len();
    let result = model
        .ask(&dataset.clone().sample(2, 0), &EvalOptions::default())
        .unwrap();
    assert_eq!(
        (result.items, result.of, result.asked()),
        (2, all, format!("2 of {all}"))
    );
    let result = model.ask(&dataset, &EvalOptions::default()).unwrap();
    assert_eq!((result.of, result.asked()), (all, all.to_string()));
    let text = Dataset::of_text("a.txt", file("demo/text.txt"));
    let asked = |max_windows| {
        let options = EvalOptions {
            window: Some(32),
            max_windows,
            ..EvalOptions::default()
        };
        let result = model.ask(&text, &options).unwrap();
        (result.items, result.of)
    };
    let (windows, of) = asked(None);
    assert_eq!(windows, of);
    assert_eq!(asked(Some(2)), (2, windows));
}

#[test]
fn an_evaluation_can_be_broken_off() {
    let model = Model::cpu();
    let dataset = Dataset::read("choices.jsonl", &file("tasks/choices.jsonl"), false).unwrap();
    let mut calls = 0;
    let mut progress = |_, _| {
        calls += 1;
        match calls {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let options = EvalOptions {
        batch_tokens: 1,
        ..EvalOptions::default()
    };
    let result = block_on(evaluate(
        &model.decoder,
        &model.tokenizer,
        &dataset,
        &options,
        &mut progress,
    ));
    assert!(matches!(result, Err(EvalError::Interrupted)));
    assert_eq!(calls, 2);
}
