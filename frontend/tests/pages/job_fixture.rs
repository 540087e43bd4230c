//! What jobs of the pages' tests ask for.

use serde_json::json;
use shared::job::JobKind;

pub(crate) fn input(kind: JobKind, prompt: &str) -> serde_json::Value {
    match kind {
        JobKind::Image => json!({"prompt": prompt, "negative_prompt": "", "steps": 8, "guidance": 5.0, "width": 512,
            "height": 512, "seed": 1, "count": 1, "scheduler": null}),
        JobKind::Text => json!({"messages": [{"role": "user", "content": prompt}], "max_tokens": 64,
            "temperature": 0.5, "top_p": 1.0, "seed": 1, "stop": ["\n\n"]}),
        JobKind::Embedding => json!({"input": [prompt, "another text"]}),
    }
}
