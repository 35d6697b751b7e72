//! The forms in which datasets are published: which fields tell a form, and what each of its fields is for. Adding a
//! dataset adds an entry to [`FORMS`].

use super::{names::is_same, role::Role};

/// How several texts lie in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// They do not.
    No,
    /// In the cells of tables, between bars.
    Cells,
    /// Between semicolons, in whatever file.
    Semicolons,
}

/// Fields that serve one role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub role: Role,
    /// Their names, with dots where they lie within others. Case, spaces and underscores make no difference.
    pub fields: &'static [&'static str],
    pub lists: Lists,
}

/// A published form.
#[derive(Debug)]
pub(super) struct Form {
    pub name: &'static str,
    /// A record that has all fields of one of these sets is of this form, unless it is of an earlier one.
    pub marks: &'static [&'static [&'static str]],
    pub fields: &'static [Published],
    /// Whether the fields of a role stand for each other: those that the first record has are used. A record is of such a
    /// form only if it has a field for each role without which nothing can be asked.
    pub is_open: bool,
}

const fn one(role: Role, fields: &'static [&'static str]) -> Published {
    let lists = Lists::No;
    Published {
        role,
        fields,
        lists,
    }
}

const fn listed(role: Role, fields: &'static [&'static str], lists: Lists) -> Published {
    Published {
        role,
        fields,
        lists,
    }
}

const QUESTION: Published = one(Role::Question, &["question"]);
const GROUP: Published = one(Role::Group, &["group"]);

/// What asks, in questions with choices.
const ASKED: Published = one(
    Role::Question,
    &[
        "question.stem",
        "question",
        "question_stem",
        "query",
        "prompt",
        "sentence",
        "goal",
        "ctx",
        "stem",
    ],
);
/// Which choice is right.
const KEY: Published = one(
    Role::Key,
    &[
        "label",
        "answer",
        "answer_key",
        "answer_index",
        "answer_idx",
        "correct_answer",
        "correct_option",
        "correct_choice",
        "correct",
        "gold",
        "target",
        "cop",
    ],
);
/// What is right where wrong answers stand beside it.
const RIGHT: Published = listed(
    Role::Answer,
    &[
        "correct_answer",
        "right_answer",
        "correct_answers",
        "answer",
        "answers",
        "correct",
    ],
    Lists::Cells,
);

/// Questions with choices in one field or in several.
macro_rules! choices {
    ($($field:literal),+) => {
        Form {
            name: "questions with choices",
            marks: &[first_two(&[$($field),+])],
            fields: &[ASKED, listed(Role::Choices, &[$($field),+], Lists::Cells), KEY, GROUP],
            is_open: true,
        }
    };
}

/// Questions with right answers, and wrong ones in one field or in several.
macro_rules! sides {
    ($($field:literal),+) => {
        Form {
            name: "questions with right and wrong answers",
            marks: &[first_two(&[$($field),+])],
            fields: &[ASKED, RIGHT, listed(Role::Wrong, &[$($field),+], Lists::Cells), GROUP],
            is_open: true,
        }
    };
}

/// What tells a form whose later fields may not be there.
const fn first_two<'a>(fields: &'a [&'static str]) -> &'a [&'static str] {
    match fields {
        [_, _, _, ..] => fields.split_at(2).0,
        _ => fields,
    }
}

/// Every form, those with more to tell them first.
pub(super) const FORMS: &[Form] = &[
    Form {
        name: "TruthfulQA, multiple choice",
        marks: &[&["mc1_targets"], &["mc2_targets"]],
        fields: &[
            QUESTION,
            one(Role::Mc1, &["mc1_targets"]),
            one(Role::Mc2, &["mc2_targets"]),
            GROUP,
        ],
        is_open: false,
    },
    Form {
        name: "TruthfulQA",
        marks: &[&["best_answer", "incorrect_answers"]],
        fields: &[
            QUESTION,
            one(Role::Best, &["best_answer"]),
            listed(Role::Answer, &["correct_answers"], Lists::Semicolons),
            listed(Role::Wrong, &["incorrect_answers"], Lists::Semicolons),
            GROUP,
        ],
        is_open: false,
    },
    Form {
        name: "SciQ",
        marks: &[&["correct_answer", "distractor1"]],
        fields: &[
            QUESTION,
            one(Role::Answer, &["correct_answer"]),
            one(Role::Wrong, &["distractor1", "distractor2", "distractor3"]),
            GROUP,
        ],
        is_open: false,
    },
    Form {
        name: "HaluEval",
        marks: &[&["right_answer"]],
        fields: &[
            QUESTION,
            one(Role::Answer, &["right_answer"]),
            one(Role::Wrong, &["hallucinated_answer"]),
            GROUP,
        ],
        is_open: false,
    },
    Form {
        name: "TriviaQA",
        marks: &[&["answer.value"]],
        fields: &[
            QUESTION,
            one(Role::Answer, &["answer.value", "answer.aliases"]),
            GROUP,
        ],
        is_open: false,
    },
    Form {
        name: "WikiQA",
        marks: &[&["question_id", "document_title", "answer", "label"]],
        fields: &[
            QUESTION,
            one(Role::Candidate, &["answer"]),
            one(Role::Label, &["label"]),
            one(Role::Id, &["question_id"]),
        ],
        is_open: false,
    },
    Form {
        name: "WikiQA",
        marks: &[&["QuestionID", "Sentence", "Label"]],
        fields: &[
            QUESTION,
            one(Role::Candidate, &["Sentence"]),
            one(Role::Label, &["Label"]),
            one(Role::Id, &["QuestionID"]),
        ],
        is_open: false,
    },
    choices!("choices"),
    choices!("options"),
    choices!("answer_choices"),
    choices!("endings"),
    choices!("question.choices"),
    choices!("A", "B", "C", "D", "E", "F", "G", "H", "I", "J"),
    choices!(
        "choice_a", "choice_b", "choice_c", "choice_d", "choice_e", "choice_f"
    ),
    choices!(
        "option_a", "option_b", "option_c", "option_d", "option_e", "option_f"
    ),
    choices!("answer_a", "answer_b", "answer_c", "answer_d", "answer_e"),
    choices!("opa", "opb", "opc", "opd", "ope"),
    choices!(
        "choice0", "choice1", "choice2", "choice3", "choice4", "choice5"
    ),
    choices!(
        "choice1", "choice2", "choice3", "choice4", "choice5", "choice6"
    ),
    choices!(
        "option0", "option1", "option2", "option3", "option4", "option5"
    ),
    choices!(
        "option1", "option2", "option3", "option4", "option5", "option6"
    ),
    choices!("ending0", "ending1", "ending2", "ending3"),
    choices!("sol1", "sol2"),
    sides!("distractors"),
    sides!("distractor"),
    sides!("distractor1", "distractor2", "distractor3", "distractor4"),
    sides!("incorrect_answers"),
    sides!("wrong_answers"),
    sides!("false_answers"),
    sides!("incorrect_answer"),
    sides!("wrong_answer"),
    sides!("false_answer"),
    sides!(
        "incorrect_answer_1",
        "incorrect_answer_2",
        "incorrect_answer_3"
    ),
    sides!("wrong"),
    Form {
        name: "SQuAD",
        marks: &[&["question", "answers.text"]],
        fields: &[QUESTION, one(Role::Answer, &["answers.text"]), GROUP],
        is_open: false,
    },
    Form {
        name: "questions with answers, as NQ-open",
        marks: &[&["question"]],
        fields: &[
            QUESTION,
            one(Role::Answer, &["answer"]),
            listed(Role::Answer, &["answers", "aliases"], Lists::Cells),
            GROUP,
        ],
        is_open: false,
    },
    Form {
        name: "texts with labels",
        marks: &[&["text"], &["label"]],
        fields: &[one(Role::Text, &["text"]), one(Role::Label, &["label"])],
        is_open: false,
    },
];

/// Columns of tables with tabs whose quotes are those of their texts, some of which begin with one that never ends.
const UNQUOTED: &[&[&str]] = &[&["QuestionID", "Sentence"]];

/// Whether a table with these columns is published without quotes around its cells.
pub(super) fn is_unquoted(columns: &[&str]) -> bool {
    let has = |wanted: &&str| columns.iter().any(|column| is_same(column, wanted));
    UNQUOTED.iter().any(|columns| columns.iter().all(has))
}

/// The forms and the fields that they are told by, for who has another.
pub(super) fn known() -> String {
    let mut forms: Vec<(&str, Vec<&str>)> = Vec::new();
    for form in FORMS {
        let fields = form.fields.iter().flat_map(|published| published.fields);
        let fields = fields.copied().filter(|field| *field != "group");
        match forms.iter_mut().find(|(name, _)| *name == form.name) {
            // Of forms that differ in one field alone, the first stands for all.
            Some(_) => {}
            None => forms.push((form.name, fields.collect())),
        }
    }
    let forms = forms
        .iter()
        .map(|(name, fields)| format!("{name} ({})", fields.join(", ")));
    forms.collect::<Vec<_>>().join("; ")
}
