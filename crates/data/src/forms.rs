//! The forms in which datasets are published: which fields tell a form, and what each of its fields is for. Adding a
//! dataset adds an entry to [`FORMS`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::is_same;

/// What a field is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The question.
    Question,
    /// Answers that count as right.
    Answer,
    /// Answers that are wrong, to choose from beside the right ones.
    Wrong,
    /// The right answer to choose where only one may be (MC1).
    Best,
    /// Answers to choose from, right and wrong ones together.
    Choices,
    /// Which of the choices is right: its index, letter or text.
    Key,
    /// TruthfulQA's answers with one right, each with 0 or 1.
    Mc1,
    /// TruthfulQA's answers with several right, each with 0 or 1.
    Mc2,
    /// One of the answers to choose from, where each has a record of its own.
    Candidate,
    /// What the candidates of one question share; the question if none.
    Id,
    /// What questions that must not be parted by a split share; the question if none.
    Group,
    /// A text to classify.
    Text,
    /// The class of a text; of a candidate, whether it is right: 0 or 1.
    Label,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Question,
        Self::Answer,
        Self::Wrong,
        Self::Best,
        Self::Choices,
        Self::Key,
        Self::Mc1,
        Self::Mc2,
        Self::Candidate,
        Self::Id,
        Self::Group,
        Self::Text,
        Self::Label,
    ];

    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Wrong => "wrong",
            Self::Best => "best",
            Self::Choices => "choices",
            Self::Key => "key",
            Self::Mc1 => "mc1",
            Self::Mc2 => "mc2",
            Self::Candidate => "candidate",
            Self::Id => "id",
            Self::Group => "group",
            Self::Text => "text",
            Self::Label => "label",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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
    },
    Form {
        name: "TriviaQA",
        marks: &[&["answer.value"]],
        fields: &[
            QUESTION,
            one(Role::Answer, &["answer.value", "answer.aliases"]),
            GROUP,
        ],
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
    },
    Form {
        name: "questions with choices",
        marks: &[&["choices"]],
        fields: &[
            QUESTION,
            listed(Role::Choices, &["choices"], Lists::Cells),
            one(Role::Key, &["label", "answer"]),
            GROUP,
        ],
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
    },
    Form {
        name: "texts with labels",
        marks: &[&["text"], &["label"]],
        fields: &[one(Role::Text, &["text"]), one(Role::Label, &["label"])],
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
    let form = |form: &Form| {
        let fields = form.fields.iter().flat_map(|published| published.fields);
        let fields: Vec<&str> = fields.copied().filter(|field| *field != "group").collect();
        format!("{} ({})", form.name, fields.join(", "))
    };
    FORMS.iter().map(form).collect::<Vec<_>>().join("; ")
}
