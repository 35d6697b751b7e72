//! Questions whose candidates have a record each.

use std::collections::HashMap;

use super::{BadLine, Choice, ChoiceSet};

/// One of the answers to choose from.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub line: usize,
    /// What the candidates of one question share.
    pub id: String,
    pub group: String,
    pub question: String,
    pub answer: String,
    pub is_right: bool,
}

/// The questions in their order, and those among them that leave nothing to choose, by the line that they begin on.
pub(super) fn gathered(candidates: Vec<Candidate>) -> (Vec<Choice>, Vec<BadLine>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut questions: Vec<Choice> = Vec::new();
    for candidate in candidates {
        let place = *places.entry(candidate.id).or_insert(questions.len());
        if place == questions.len() {
            questions.push(Choice {
                line: candidate.line,
                group: candidate.group,
                question: candidate.question,
                single: Some(ChoiceSet {
                    choices: Vec::new(),
                    right: Vec::new(),
                }),
                multiple: None,
                truthful: false,
            });
        }
        if let Some(set) = &mut questions[place].single {
            set.choices.push(candidate.answer);
            set.right.push(candidate.is_right);
        }
    }
    let mut passed = Vec::new();
    questions.retain(|question| {
        let has = |wanted| {
            let set = question.single.as_ref();
            set.is_some_and(|set| set.right.contains(&wanted))
        };
        let missing = match (has(true), has(false)) {
            (true, true) => return true,
            (false, _) => "right",
            (_, false) => "wrong",
        };
        passed.push(BadLine {
            line: question.line,
            field: None,
            problem: format!("no candidate of {:?} is {missing}", question.question),
        });
        false
    });
    (questions, passed)
}
