//! Questions with choices under the names that people give them, and keys to them in every spelling.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use layerlab_data::{Dataset, Items, ReadOptions};

fn read(name: &str, contents: &str, fields: &str) -> Result<Dataset, String> {
    let options = ReadOptions {
        skip_bad: false,
        fields: fields.parse().map_err(|error| format!("{error}"))?,
    };
    Dataset::read_as(name, contents, &options).map_err(|error| error.to_string())
}

/// All choices of the first question with the right one in brackets, and the right ones of the others.
fn told(dataset: &Dataset) -> String {
    let Items::Choices(items) = &dataset.items else {
        panic!("{:?}", dataset.items)
    };
    let mut told = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let set = item.single.as_ref().unwrap();
        for (choice, right) in set.choices.iter().zip(&set.right) {
            match right {
                true => told.push(format!("({choice})")),
                false if place == 0 => told.push(choice.clone()),
                false => {}
            }
        }
    }
    told.join(" ")
}

#[test]
fn choices_have_many_names() {
    for line in [
        r#"{"question": "Q", "options": ["x", "y", "z"], "answer": "B"}"#,
        r#"{"question": "Q", "options": ["x", "y", "z"], "answer": "y"}"#,
        r#"{"question": "Q", "options": ["x", "y", "z"], "answer": "Y"}"#,
        r#"{"question": "Q", "options": ["x", "y", "z"], "answer": "(b)"}"#,
        r#"{"question": "Q", "options": {"A": "x", "B": "y", "C": "z"}, "answer_idx": "B", "answer": "y"}"#,
        r#"{"question": "Q", "choices": {"text": ["x", "y", "z"], "label": ["K", "L", "M"]}, "answerKey": "L"}"#,
        r#"{"question": {"stem": "Q", "choices": [{"text": "x", "label": "1"}, {"text": "y", "label": "2"}, {"text": "z", "label": "3"}]}, "answerKey": "2"}"#,
        r#"{"question": "Q", "A": "x", "B": "y", "C": "z", "answer": "B"}"#,
        r#"{"question": "Q", "A": "x", "B": "y", "C": "z", "answer": 1}"#,
        r#"{"question": "Q", "choice_a": "x", "choice_b": "y", "choice_c": "z", "correct": "b"}"#,
        r#"{"question": "Q", "choiceA": "x", "choiceB": "y", "choiceC": "z", "label": "B"}"#,
        r#"{"question": "Q", "opa": "x", "opb": "y", "opc": "z", "cop": 1}"#,
        r#"{"sentence": "Q", "option1": "x", "option2": "y", "option3": "z", "answer": "2"}"#,
        r#"{"question": "Q", "option0": "x", "option1": "y", "option2": "z", "label": 1}"#,
        r#"{"ctx": "Q", "endings": ["x", "y", "z"], "label": "1"}"#,
        r#"{"question": "Q", "choices": "['x', 'y', 'z']", "label": 1}"#,
    ] {
        let dataset = read("a.jsonl", line, "").unwrap_or_else(|error| panic!("{line}\n{error}"));
        assert_eq!(told(&dataset), "x (y) z", "{line}");
        assert_eq!(dataset.describe().first.unwrap().question, "Q");
    }
    for table in [
        "question,A,B,C,answer\nQ,x,y,z,B\n",
        "question,A,B,C,D,answer\nQ,x,y,z,,y\n",
        "question,choice_a,choice_b,choice_c,answer\nQ,x,y,z,b\n",
        "question,option1,option2,option3,answer\nQ,x,y,z,2\n",
        "question,options,answer\nQ,\"['x', 'y', 'z']\",B\n",
        "question,choices,answerKey\nQ,\"{'text': array(['x', 'y', 'z'], dtype=object), 'label': array(['A', 'B', 'C'], dtype=object)}\",B\n",
        "question;options;answer\nQ;x|y|z;1\n",
    ] {
        assert_eq!(
            told(&read("a.csv", table, "").unwrap()),
            "x (y) z",
            "{table}"
        );
    }
}

#[test]
fn wrong_answers_have_many_names() {
    for line in [
        r#"{"question": "Q", "answer": "y", "distractors": ["x", "z"]}"#,
        r#"{"question": "Q", "correct_answer": "y", "incorrect_answers": ["x", "z"]}"#,
        r#"{"Question": "Q", "Correct Answer": "y", "Incorrect Answer 1": "x", "Incorrect Answer 2": "z"}"#,
        r#"{"question": "Q", "answer": 4, "wrong_answers": [5, 6]}"#,
    ] {
        let dataset = read("a.jsonl", line, "").unwrap();
        let told = told(&dataset);
        assert!(["(y) x z", "(4) 5 6"].contains(&&*told), "{line}: {told}");
    }
}

#[test]
fn the_first_question_is_described_with_what_is_right_and_what_is_wrong() {
    let line = r#"{"question": "Q", "options": ["x", "y", "z"], "answer": "B"}"#;
    let first = read("a.jsonl", line, "").unwrap().describe().first.unwrap();
    assert_eq!(first.right, ["y"]);
    assert_eq!(first.wrong, ["x", "z"]);
}

/// Only the one role that is said is replaced; the form has the others.
#[test]
fn a_field_that_is_given_makes_a_known_form_whole() {
    let line = r#"{"inquiry": "Q", "options": ["x", "y"], "answer": "B"}"#;
    let dataset = read("a.jsonl", line, "question=inquiry").unwrap();
    assert_eq!(told(&dataset), "x (y)");
    let line = r#"{"question": "Q", "options": ["x", "y"], "reply": "B"}"#;
    let dataset = read("a.jsonl", line, "key_letter=reply").unwrap();
    assert_eq!(told(&dataset), "x (y)");
}

#[test]
fn cells_of_fields_that_are_given_hold_several_texts_between_bars() {
    let table = "q,opts,a\nQ,x|y|z,1\n";
    let dataset = read("a.csv", table, "question=q,choices=opts,key=a").unwrap();
    assert_eq!(told(&dataset), "x (y) z");
    let table = "q,good,bad\nQ,y,x|z\n";
    let dataset = read("a.csv", table, "question=q,answer=good,wrong=bad").unwrap();
    assert_eq!(told(&dataset), "(y) x z");
    let table = "q,good\nQ,y|why\n";
    let Items::Answers(items) = read("a.csv", table, "question=q,answer=good")
        .unwrap()
        .items
    else {
        panic!("not answers")
    };
    assert_eq!(items[0].answers, ["y", "why"]);
}

/// TruthfulQA's two sets do not need each other.
#[test]
fn one_set_of_targets_is_enough() {
    let sets = |line: &str, fields: &str| {
        let Items::Choices(items) = read("a.jsonl", line, fields).unwrap().items else {
            panic!("not choices")
        };
        let right = |set: &Option<layerlab_data::ChoiceSet>| Some(set.as_ref()?.right.clone());
        (right(&items[0].single), right(&items[0].multiple))
    };
    let one = Some(vec![false, true]);
    let published = r#"{"question": "Q", "mc1_targets": {"a": 0, "b": 1}}"#;
    assert_eq!(sets(published, ""), (one.clone(), None));
    let own = r#"{"q": "Q", "t": {"a": 0, "b": 1}}"#;
    assert_eq!(sets(own, "question=q,mc1=t"), (one.clone(), None));
    assert_eq!(sets(own, "question=q,mc2=t"), (None, one));
    let neither = format!(
        "{published}\n{}",
        published.replace("{\"a\": 0, \"b\": 1}", "null")
    );
    let said = read("a.jsonl", &neither, "").unwrap_err();
    assert!(
        said.contains("line 2, field `mc1_targets`: is empty"),
        "{said}"
    );
}

#[test]
fn fields_that_are_given_are_used_or_refused() {
    let line = r#"{"q": "Q", "opts": ["x", "y"], "a": "B"}"#;
    for fields in [
        "question=q,choices=opts,answer=a",
        "question=q,choices=opts,key=a",
        "question=q,choices=opts,key_letter=a",
    ] {
        assert_eq!(
            told(&read("a.jsonl", line, fields).unwrap()),
            "x (y)",
            "{fields}"
        );
    }
    let known = r#"{"question": "Q", "options": ["x", "y"], "answer": "B"}"#;
    let dataset = read("a.jsonl", known, "choices=options,answer=answer").unwrap();
    assert_eq!(told(&dataset), "x (y)");
    let dataset = read("a.jsonl", known, "question=question,answer=answer").unwrap();
    assert!(matches!(dataset.items, Items::Answers(_)));
    assert!(
        dataset
            .mapping
            .unwrap()
            .to_string()
            .ends_with("; not used: options")
    );
    for (fields, part) in [
        (
            "question=q,choices=opts,key=a,wrong=opts",
            "the role wrong has no use",
        ),
        (
            "question=q,choices=opts,key_letter=a,key_text=a",
            "only one role",
        ),
        (
            "question=q,answer=a,label=opts",
            "the role label has no use",
        ),
        ("question=q,choices=opts", "of no known kind"),
    ] {
        let said = read("a.jsonl", line, fields).unwrap_err();
        assert!(said.contains(part), "{fields}: {said}");
    }
}

/// A question whose choices stand in a field that no form has must not be asked as if it had none.
#[test]
fn choices_that_are_not_recognised_are_not_passed_over() {
    let line = r#"{"question": "Q", "alternatives": ["x", "y"], "answer": "B"}"#;
    let said = read("a.jsonl", line, "").unwrap_err();
    assert!(
        said.contains("`alternatives` seems to hold choices"),
        "{said}"
    );
    assert!(said.contains("choices=alternatives,key=answer"), "{said}");
    assert_eq!(
        told(&read("a.jsonl", line, "choices=alternatives,key=answer").unwrap()),
        "x (y)"
    );
    // Numbers are none of which a letter would be one; nor is a list that the answer names nothing of: because it is no
    // letter, because the letter lies beyond the last, or because there is nothing to choose.
    for line in [
        r#"{"question": "Q", "answer": "B", "spellings": ["1", "2"]}"#,
        r#"{"question": "Q", "answer": "Rome", "spellings": ["Roma", "Rom"]}"#,
        r#"{"question": "Q", "answer": "C", "spellings": ["vitamin C", "ascorbic acid"]}"#,
        r#"{"question": "Q", "answer": "A", "spellings": ["the letter A"]}"#,
    ] {
        let dataset = read("a.jsonl", line, "").unwrap_or_else(|error| panic!("{line}\n{error}"));
        assert!(matches!(dataset.items, Items::Answers(_)), "{line}");
    }
}

/// What the record itself calls its choices counts, whatever the keys of records without labels are.
#[test]
fn labels_of_the_record_come_before_what_fits_the_other_records() {
    let lines = [
        r#"{"question": "P", "choices": {"text": ["B", "x"], "label": ["A", "B"]}, "answer": "B"}"#,
        r#"{"question": "Q", "choices": ["y", "z"], "answer": "z"}"#,
    ];
    let dataset = read("a.jsonl", &lines.join("\n"), "").unwrap();
    assert_eq!(told(&dataset), "B (x) (z)");
}

#[test]
fn numbers_from_1_are_noticed_and_can_be_said() {
    let lines: Vec<String> = [2, 4, 1, 3]
        .iter()
        .map(|key| {
            format!(r#"{{"question": "Q{key}", "choices": ["w", "x", "y", "z"], "answer": {key}}}"#)
        })
        .collect();
    for skip_bad in [false, true] {
        let contents = lines.join("\n");
        let options = ReadOptions {
            skip_bad,
            ..Default::default()
        };
        let said = Dataset::read_as("a.jsonl", &contents, &options)
            .unwrap_err()
            .to_string();
        for part in [
            "line 2, field `answer`",
            "seem to count from 1",
            "key_number",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
    let contents = lines.join("\n");
    assert_eq!(
        told(&read("a.jsonl", &contents, "key_number=answer").unwrap()),
        "w (x) y z (z) (w) (y)"
    );
    let said = read("a.jsonl", &contents, "key_index=answer").unwrap_err();
    assert!(
        said.contains("line 2, field `answer`: \"4\" names none of the 4 choices"),
        "{said}"
    );
    // A 0 says that it is counted from 0, and that one number is wrong.
    let with_zero = format!(
        "{contents}\n{}",
        lines[0].replace("\"answer\": 2", "\"answer\": 0")
    );
    let said = read("a.jsonl", &with_zero, "").unwrap_err();
    assert!(
        said.contains("line 2") && said.contains("names none"),
        "{said}"
    );
    let said = read(
        "a.csv",
        "question,A,B,C,answer\nQ,x,y,z,3\nQ2,x,y,z,1\n",
        "",
    )
    .unwrap_err();
    assert!(said.contains("seem to count from 1"), "{said}");
    let said = read("a.jsonl", &contents, "key_number=answer")
        .unwrap()
        .mapping
        .unwrap()
        .to_string();
    assert!(said.contains("key_number <- answer"), "{said}");
}

#[test]
fn letters_and_numbers_may_be_mixed_where_each_means_one_thing() {
    let lines = [
        r#"{"question": "P", "choices": ["v", "w", "x"], "answer": "C"}"#,
        r#"{"question": "Q", "choices": ["v", "w", "x"], "answer": "0"}"#,
        r#"{"question": "R", "choices": ["v", "w", "x"], "answer": "w"}"#,
    ];
    assert_eq!(
        told(&read("a.jsonl", &lines.join("\n"), "").unwrap()),
        "v w (x) (v) (w)"
    );
    let unclear = r#"{"question": "S", "choices": ["B", "w", "x"], "answer": "B"}"#;
    let said = read("a.jsonl", &[&lines[..], &[unclear]].concat().join("\n"), "").unwrap_err();
    assert!(
        said.contains("line 4") && said.contains("different choices"),
        "{said}"
    );
}

#[test]
fn labels_match_in_another_case_if_only_one_does() {
    let line = r#"{"question": "Q", "choices": ["Paris", "Rome"], "answer": " paris"}"#;
    assert_eq!(told(&read("a.jsonl", line, "").unwrap()), "(Paris) Rome");
    let both = r#"{"question": "Q", "choices": ["PARIS", "Paris"], "answer": "paris"}"#;
    assert!(
        read("a.jsonl", both, "")
            .unwrap_err()
            .contains("names none of the 2 choices")
    );
    let exact = r#"{"question": "Q", "choices": ["PARIS", "Paris"], "answer": "Paris"}"#;
    assert_eq!(told(&read("a.jsonl", exact, "").unwrap()), "PARIS (Paris)");
}

#[test]
fn a_gap_between_choices_is_named() {
    let said = read("a.csv", "question,A,B,C,answer\nQ,x,,z,C\n", "").unwrap_err();
    assert!(said.contains("line 2, field `B`: is empty"), "{said}");
    let said = read("a.csv", "question,A,B,C,answer\nQ,x,y,,C\n", "").unwrap_err();
    assert!(said.contains("\"C\" names none of the 2 choices"), "{said}");
}

#[test]
fn a_missing_field_is_told_with_those_that_are_there() {
    let lines = "{\"question\": \"Q\", \"answer\": \"A\"}\n{\"question\": \"Q\", \"reply\": \"A\"}";
    let said = read("a.jsonl", lines, "").unwrap_err();
    assert!(
        said.contains("line 2, field `answer`: is missing; the record has question, reply"),
        "{said}"
    );
    let said = read("a.jsonl", "{\"question\": \"Q\", \"answer\": null}", "").unwrap_err();
    assert!(said.contains("`answer`: is empty"), "{said}");
}
