"""Runs lm-evaluation-harness on a model and a local file of questions with choices, on the CPU, and logs its samples.

    pip install lm_eval==0.4.13        beside PyTorch and transformers
    python tests/real/harness.py MODEL QUESTIONS.jsonl OUTPUT [LIMIT]

A line of the file is {"question": …, "choices": […], "answer": INDEX}. The question is written as LayerLab writes it
("Q: …\\nA:", a space and the choice follow), so that `layerlab eval --task QUESTIONS.jsonl --items all` asks the same.
"""

import os
import sys
from pathlib import Path

os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"


def main(model: str, questions: str, output: str, limit: str = "0") -> None:
    import lm_eval
    from lm_eval.loggers import EvaluationTracker

    name = Path(questions).stem
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(Path(questions).resolve())}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "Q: {{question}}\nA:",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{answer}}",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }
    tracker = EvaluationTracker(output_path=output)
    results = lm_eval.simple_evaluate(
        model="hf",
        model_args=f"pretrained={model},dtype=float32",
        tasks=[task],
        device="cpu",
        batch_size=8,
        limit=int(limit) or None,
        log_samples=True,
        bootstrap_iters=0,
        evaluation_tracker=tracker,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task_name, of_task in samples.items():
        tracker.save_results_samples(task_name=task_name, samples=of_task)


if __name__ == "__main__":
    main(*sys.argv[1:])
