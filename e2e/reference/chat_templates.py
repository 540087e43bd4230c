"""Chat templates of the usual shapes, and what `transformers` makes of conversations with them.

    python chat_templates.py ../../gpu-worker/crates/inference/tests/vectors/chat_templates.json

Needs the packages of `requirements-words.txt`.
"""

import json
import sys
from pathlib import Path

import jinja2
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

MARKED = """\
{%- if messages[0]['role'] != 'system' -%}
{{ '<|im_start|>system\\nYou answer questions.<|im_end|>\\n' }}
{%- endif -%}
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\\n' + message.content | trim + '<|im_end|>' + '\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

HEADERS = """\
{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'].strip() %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "There are tools.\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if message.role == 'user' or message.role == 'assistant' %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif not message.tool_calls is defined %}
        {{- raise_exception('Only the roles user and assistant follow') }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

LINES = """\
{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}
"""

BRACKETS = """\
{%- set ns = namespace(system='') -%}
{%- if messages[0]['role'] == 'system' -%}
    {%- set ns.system = messages[0]['content'] -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{{- bos_token -}}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{- raise_exception('user and assistant take turns') -}}
    {%- endif -%}
    {%- if message['role'] == 'user' -%}
        {%- set said = ns.system ~ '\\n\\n' ~ message['content'] if loop.first and ns.system else message['content'] -%}
        {{- '[INST] ' ~ said.strip() ~ ' [/INST]' -}}
    {%- else -%}
        {{- ' ' + message['content'].strip() + eos_token -}}
    {%- endif -%}
{%- endfor -%}
"""

TURNS = """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('it takes no system message') }}{% endif %}\
{% for message in messages %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}\
{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}
"""

REASONING = """\
{%- set ns = namespace(last_query=messages|length - 1, found=false) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if not ns.found and message.role == "user" and message.content is string %}
        {%- set ns.found = true %}
        {%- set ns.last_query = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == "assistant" and '</think>' in content and loop.index0 < ns.last_query %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

TRAINED = """\
{% macro said(message) %}
{{ message | tojson }}
{% endmacro %}
{% for message in messages %}
{% if message.role == "assistant" %}
<assistant>
{% generation %}
{{ message.content }}{{ eos_token }}
{% endgeneration %}

{% else %}
{% if message.role == "system" and not loop.first %}{% continue %}{% endif %}
{{ said(message) }}
{% endif %}
{% endfor %}
{% for key, value in {"turns": messages | length, "roles": messages | map(attribute="role") | join(", ")}.items() %}
{{ "%s=%s" | format(key, value) }}{{ "" if loop.last else ";" }}
{% endfor %}
{% if add_generation_prompt %}<assistant>{% endif %}

"""

OURS = """\
{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}\
"""

TEMPLATES = {
    "ours": OURS, "marked": MARKED, "headers": HEADERS, "lines": LINES, "brackets": BRACKETS, "turns": TURNS,
    "reasoning": REASONING, "trained": TRAINED,
}

CONVERSATIONS = [
    [("user", "Where is the harbour?")],
    [("system", "  Answer in one word.\n"), ("user", "  Where is the harbour? ")],
    [("user", "Hi"), ("assistant", "<think>\nA greeting.\n</think>\n\nHello."), ("user", "\"Øre\" <b>&amp;</b> \U0001f9ea\n\tтак?")],
    [("system", "Be brief."), ("user", "One"), ("assistant", " Two "), ("user", "Three"), ("assistant", "Four"), ("user", "Five")],
    [("user", "One"), ("user", "Two")],
    [("user", "One"), ("system", "Be brief."), ("user", "Two")],
]


def answer(tokenizer, messages):
    try:
        return {"text": tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)}
    except jinja2.exceptions.TemplateError as error:
        return {"raised": str(error)}


def main():
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    words = Tokenizer(models.WordLevel({token: index for index, token in enumerate(tokens.values())}, unk_token="<unk>"))
    vectors = []
    for name, template in TEMPLATES.items():
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, chat_template=template, **tokens)
        chats = [[{"role": role, "content": content} for role, content in chat] for chat in CONVERSATIONS]
        told = [{"messages": messages, **answer(tokenizer, messages)} for messages in chats]
        vectors.append({"name": name, "template": template, "conversations": told})
    text = json.dumps({"tokens": tokens, "templates": vectors}, ensure_ascii=False, indent=1)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
