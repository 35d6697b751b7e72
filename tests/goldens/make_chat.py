"""What `transformers` makes of conversations by chat templates: `chat/rendered.json`.

The templates in `chat` are ours, each in the manner of a family of models, and together they use what templates in the wild use.
Run: `python tests/goldens/make_chat.py`, with the packages of `requirements.txt`.
"""

import json
from pathlib import Path

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

FOLDER = Path(__file__).parent / "chat"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def said(*turns):
    return [{"role": role, "content": content} for role, content in turns]


CONVERSATIONS = {
    "question": said(("user", "What is the capital of France?")),
    "system": said(("system", "Answer with one word. /no_think"), ("user", "What is 2 + 2?")),
    "turns": said(
        ("user", "  Hi there!\n"),
        ("assistant", "<think>\nA greeting.\n</think>\n\nHello, \"friend\"."),
        ("user", "Once more: 'Hi' {{ messages }} {% if %} <|im_end|> é 日本 🦙\\n"),
    ),
    "long": said(
        ("system", ""),
        ("user", "One\n  two\n\nthree"),
        ("assistant", "four"),
        ("user", ""),
    ),
    "twice": said(("user", "a"), ("user", "b")),
    "answered": said(("user", "a"), ("assistant", "<think>x</think>b")),
}


def rendered(template, messages):
    try:
        (text,), _ = render_jinja_template(
            [messages], chat_template=template, add_generation_prompt=True, **TOKENS
        )
        return {"text": text}
    except TemplateError as error:
        return {"refused": str(error)}


def main():
    templates = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.jinja"))}
    found = {
        "tokens": TOKENS,
        "conversations": CONVERSATIONS,
        "templates": {
            name: {title: rendered(template, messages) for title, messages in CONVERSATIONS.items()}
            for name, template in templates.items()
        },
    }
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / "rendered.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
