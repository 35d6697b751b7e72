//! A task in one line: what was asked, how, and what to beware of.

use layerlab_eval::{ChatOptions, Metric, Task, TaskResult};

use super::words::{counted, file_name};

/// A task in one line.
pub(super) fn describe(result: &TaskResult) -> String {
    let name = file_name(&result.dataset);
    let cut = |truncated: usize| match truncated {
        0 => String::new(),
        1 => "; 1 prompt lost its beginning to fit the context".to_owned(),
        count => format!("; {count} prompts lost their beginning to fit the context"),
    };
    let mut line = match &result.task {
        Task::Perplexity {
            window,
            stride,
            bos,
            tokens,
            bytes,
            ..
        } => format!(
            "{name}: perplexity of {tokens} tokens, which stand for {bytes} bytes, in {} of {window} every \
             {stride}, {}",
            asked(result, "window"),
            if *bos { "each with BOS" } else { "without BOS" }
        ),
        Task::MultipleChoice {
            template,
            chat,
            bos,
            truncated,
        } => format!(
            "{name}: {} {}{}",
            asked(result, "question"),
            how(template, chat.as_ref(), *bos),
            cut(*truncated)
        ),
        Task::ExactMatch {
            template,
            chat,
            bos,
            truncated,
            max_new_tokens,
        } => format!(
            "{name}: {} {}, greedy answers of at most {max_new_tokens} tokens{}",
            asked(result, "question"),
            how(template, chat.as_ref(), *bos),
            cut(*truncated)
        ),
        Task::Classification {
            template,
            chat,
            bos,
            truncated,
            classes,
        } => format!(
            "{name}: {} of {} classes {}{}",
            asked(result, "text"),
            classes.len(),
            how(template, chat.as_ref(), *bos),
            cut(*truncated)
        ),
    };
    if let Some(chance) = result.metrics.iter().find_map(|metric| metric.chance) {
        line.push_str(&format!("; chance {chance:.3}"));
    }
    if length_decides(result) {
        line.push_str(
            "; accuracy is above chance and acc_norm below it, or the other way round: the length of \
             choices decides more than their content",
        );
    }
    if let Some(mapping) = &result.mapping {
        line.push_str(&format!("; read as {mapping}"));
    }
    if result.skipped > 0 {
        line.push_str(&format!(
            "; {} passed over",
            counted(result.skipped, "record")
        ));
    }
    line
}

/// How prompts were put before the model.
fn how(template: &str, chat: Option<&ChatOptions>, bos: bool) -> String {
    let bos = if bos { "with BOS" } else { "without BOS" };
    match chat {
        Some(chat) => format!("as {template:?} {}, {bos}", conversation(chat)),
        None => format!("as {template:?} {bos}"),
    }
}

/// The conversation that a prompt is part of.
pub(super) fn conversation(ChatOptions { system }: &ChatOptions) -> String {
    let by = "in a conversation by the model's chat template";
    match system {
        Some(system) => format!("{by}, where the system says {system:?}"),
        None => by.to_owned(),
    }
}

/// How many were asked, with what they are of where that is more.
fn asked(result: &TaskResult, noun: &str) -> String {
    let asked = result.asked();
    let plural = if asked == "1" { "" } else { "s" };
    format!("{asked} {noun}{plural}")
}

/// Whether accuracy and its form per character lie on two sides of chance, both for sure.
fn length_decides(result: &TaskResult) -> bool {
    let side = |metric| {
        let found = result.metric(metric)?;
        let (low, high, chance) = (found.low?, found.high?, found.chance?);
        match (low > chance, high < chance) {
            (false, false) => None,
            (above, _) => Some(above),
        }
    };
    let sides = side(Metric::Accuracy).zip(side(Metric::AccuracyNorm));
    sides.is_some_and(|(plain, norm)| plain != norm)
}
