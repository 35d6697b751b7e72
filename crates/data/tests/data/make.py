"""Writes the samples in this folder as the Hub has their datasets: Parquet with the columns of the dataset cards.

    pip install -r requirements.txt && python make.py

The samples are in the shapes in which the datasets are published; every question in them is invented here.
"""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
TEXT, TEXTS = pa.string(), pa.list_(pa.string())
TARGETS = pa.struct({"choices": TEXTS, "labels": pa.list_(pa.int32())})


def lines(name):
    return [json.loads(line) for line in (HERE / name).read_text().splitlines()]


def write(name, rows, columns, **options):
    schema = pa.schema(list(columns.items()))
    pq.write_table(pa.Table.from_pylist(rows, schema), HERE / f"{name}.parquet", **options)


def trivia(article):
    answer = article["Answer"]
    return {
        "question": article["Question"],
        "question_id": article["QuestionId"],
        "question_source": article["QuestionSource"],
        "entity_pages": {"doc_source": [], "filename": [], "title": [], "wiki_context": []},
        "search_results": {"rank": [], "search_context": []},
        "answer": {
            "aliases": answer["Aliases"],
            "normalized_aliases": answer["NormalizedAliases"],
            "matched_wiki_entity_name": answer.get("MatchedWikiEntityName", ""),
            "normalized_matched_wiki_entity_name": answer.get("NormalizedMatchedWikiEntityName", ""),
            "normalized_value": answer["NormalizedValue"],
            "type": answer["Type"],
            "value": answer["Value"],
        },
    }


def split(cell):
    # As the Hub's script does: an end after the last separator is an entry.
    return [entry.strip() for entry in cell.strip().split(";")]


def generation(row):
    return {
        "type": row["Type"],
        "category": row["Category"],
        "question": row["Question"],
        "best_answer": row["Best Answer"],
        "correct_answers": split(row["Correct Answers"]),
        "incorrect_answers": split(row["Incorrect Answers"]),
        "source": row["Source"],
    }


def multiple_choice(row):
    right = [entry for entry in row["correct_answers"] if entry]
    wrong = [entry for entry in row["incorrect_answers"] if entry]

    def targets(right):
        return {"choices": right + wrong, "labels": [1] * len(right) + [0] * len(wrong)}

    return {
        "question": row["question"],
        "mc1_targets": targets([row["best_answer"]]),
        "mc2_targets": targets(right),
    }


def candidate(row):
    return {
        "question_id": row["QuestionID"],
        "question": row["Question"],
        "document_title": row["DocumentTitle"],
        "answer": row["Sentence"],
        "label": int(row["Label"]),
    }


write("nq_open", lines("nq_open.jsonl"), {"question": TEXT, "answer": TEXTS})
sciq = ["question", "distractor3", "distractor1", "distractor2", "correct_answer", "support"]
# Two row groups, so that the way from one to the next is gone.
write("sciq", lines("sciq.jsonl"), {name: TEXT for name in sciq}, row_group_size=2)
articles = json.loads((HERE / "triviaqa.json").read_text())["Data"]
answer = ["normalized_aliases", "matched_wiki_entity_name", "normalized_matched_wiki_entity_name"]
answer = {name: TEXTS if name.endswith("aliases") else TEXT for name in ["aliases", *answer]}
answer |= {name: TEXT for name in ["normalized_value", "type", "value"]}
pages = {name: TEXTS for name in ["doc_source", "filename", "title", "wiki_context"]}
results = {"rank": pa.list_(pa.int32()), "search_context": TEXTS}
columns = {name: TEXT for name in ["question", "question_id", "question_source"]}
columns |= {"entity_pages": pa.struct(pages), "search_results": pa.struct(results)}
columns |= {"answer": pa.struct(answer)}
write("triviaqa", [trivia(article) for article in articles], columns, compression="zstd")
with (HERE / "truthfulqa.csv").open(newline="") as file:
    rows = [generation(row) for row in csv.DictReader(file)]
columns = {name: TEXT for name in ["type", "category", "question", "best_answer"]}
columns |= {"correct_answers": TEXTS, "incorrect_answers": TEXTS, "source": TEXT}
write("truthfulqa_generation", rows, columns, compression="gzip")
columns = {"question": TEXT, "mc1_targets": TARGETS, "mc2_targets": TARGETS}
write("truthfulqa_multiple_choice", [multiple_choice(row) for row in rows], columns)
with (HERE / "wikiqa.tsv").open(newline="") as file:
    rows = [candidate(row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
columns = {name: TEXT for name in ["question_id", "question", "document_title", "answer"]}
write("wikiqa", rows, columns | {"label": pa.int64()})
# Choices in a column that no published form has, beside one that is no text.
rows = [
    {"question": "Which keeps the lamp?", "alternatives": ["the keeper", "the miller"], "answer": "A", "picture": b"\xff\xd8\xff"},
    {"question": "Which sells eels?", "alternatives": ["his aunt", "his sister"], "answer": "B", "picture": b"\xff"},
]
columns = {"question": TEXT, "alternatives": TEXTS, "answer": TEXT, "picture": pa.binary()}
write("alternatives", rows, columns)
