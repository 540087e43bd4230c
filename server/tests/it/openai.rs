//! OpenAI's calls on real jobs: answers, streams, errors, and the receipt that each names.

use serde_json::{Value, json};
use shared::api::keys::ApiScope;
use shared::job::embedding;
use shared::job::lifecycle::Blame;
use shared::job::text::{self, FinishReason};
use shared::job::token::Tokens;
use shared::protocol::{Assignment, Piece, Progress, WorkerMessage};

use super::server::{Answer, TestServer};
use super::worker::{EMBEDDING_MODEL, MODEL, TEXT_MODEL, TestWorker, result, words_result};

async fn take(
    server: &TestServer,
    worker: &mut TestWorker,
    make: impl Fn(&TestWorker, &Assignment) -> Value,
) -> Assignment {
    let assignment = worker.assignment().await;
    let submission = make(worker, &assignment);
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assignment
}

fn writes(text: &'static str, tokens: Tokens) -> impl Fn(&TestWorker, &Assignment) -> Value {
    move |worker, assignment| {
        serde_json::to_value(words_result(&worker.key, assignment, text::MEDIA_TYPE, text, tokens)).unwrap()
    }
}

async fn receipt_of(server: &TestServer, answer: &Answer) -> Value {
    let receipt = server.get(&format!("/v1/receipts/{}", answer.header("x-receipt-id"))).await;
    assert_eq!(receipt.status, 200);
    let receipt = receipt.json();
    assert_eq!(receipt["receipt"]["job_id"], answer.header("x-job-id"));
    receipt
}

fn chat(more: &Value) -> Value {
    let mut body = json!({
        "model": TEXT_MODEL, "max_tokens": 8, "user": "somebody", "frequency_penalty": 0,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Tell of a lake"}]},
        ],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_answered_with_its_usage_and_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let client = server.client_key(ApiScope::Client, None).await;
    let bearer = format!("Bearer {}", client.secret);
    let headers = [("authorization", bearer.as_str())];
    let body = chat(&json!({"stop": "END", "seed": -5}));
    let call = server.post_with("/v1/chat/completions", &headers, &body);
    let serve = take(&server, &mut worker, writes("A lake.", Tokens { read: 9, written: 8 }));
    let (answer, assignment) = tokio::join!(call, serve);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let work = serde_json::to_value(&assignment.work).unwrap();
    let expected = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell of a lake"}]);
    assert_eq!(work["input"]["messages"], expected);
    assert_eq!((&work["input"]["stop"], &work["input"]["seed"]), (&json!(["END"]), &json!(5)));
    let completion = answer.json();
    assert_eq!(
        (completion["object"].as_str(), completion["model"].as_str()),
        (Some("chat.completion"), Some(TEXT_MODEL))
    );
    let choice = &completion["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("A lake."), &json!("length")));
    assert_eq!(completion["usage"], json!({"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}));
    let receipt = receipt_of(&server, &answer).await;
    assert_eq!(receipt["receipt"]["units"], "17000000");
    assert_eq!(receipt["receipt"]["client"].as_str(), serde_json::to_value(client.key.address).unwrap().as_str());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gives_the_text_as_it_is_written_and_names_the_receipt_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let body = chat(&json!({"stream": true, "stream_options": {"include_usage": true}}));
    let call = server.post("/v1/chat/completions", &body);
    let serve = async {
        let assignment = worker.assignment().await;
        let piece = Some(Piece { at: 0, text: "A still ".into() });
        let progress = Progress { lease_id: assignment.lease_id, step: 1, steps: 8, preview: None, piece };
        worker.send(&WorkerMessage::Progress(progress)).await;
        while server.app.hub.board().job(assignment.task.job_id).is_none_or(|job| job.text().is_empty()) {
            tokio::task::yield_now().await;
        }
        let submission = writes("A still lake.", Tokens { read: 9, written: 4 })(&worker, &assignment);
        server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await
    };
    let (answer, taken) = tokio::join!(call, serve);
    assert_eq!((answer.status, taken.status), (200, 200));
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let chunks = chunks(&answer);
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "A still lake.");
    let finished = chunks.iter().find(|chunk| chunk["choices"][0]["finish_reason"] == "stop").unwrap();
    let receipt = server.get(&format!("/v1/receipts/{}", finished["receipt_id"].as_str().unwrap())).await.json();
    assert_eq!(receipt["receipt"]["job_id"], answer.header("x-job-id"));
    assert_eq!(chunks.last().unwrap()["usage"]["total_tokens"], 13);
    server.stop().await;
}

/// The data of a stream before its `[DONE]`.
fn chunks(answer: &Answer) -> Vec<Value> {
    let body = String::from_utf8(answer.body.clone()).unwrap();
    let mut data: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{body}");
    data.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_is_gone_on_from_whole_and_as_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let body =
        json!({"model": TEXT_MODEL, "prompt": ["A still"], "max_tokens": 100_000, "stop": null, "logprobs": null});
    let tokens = Tokens { read: 2, written: 2 };
    let call = server.post("/v1/completions", &body);
    let (answer, assignment) = tokio::join!(call, take(&server, &mut worker, writes(" lake.", tokens)));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let input = serde_json::to_value(&assignment.work).unwrap()["input"].clone();
    assert_eq!((&input["prompt"], &input["max_tokens"]), (&json!("A still"), &json!(4_096)));
    let completion = answer.json();
    assert_eq!(completion["object"], "text_completion");
    let expected = json!([{"index": 0, "text": " lake.", "logprobs": null, "finish_reason": "stop"}]);
    assert_eq!(completion["choices"], expected);
    assert_eq!(completion["usage"]["total_tokens"], 4);
    receipt_of(&server, &answer).await;

    let body = json!({"model": TEXT_MODEL, "prompt": "A still", "stream": true, "stream_options": null});
    let call = server.post("/v1/completions", &body);
    let (answer, _) = tokio::join!(call, take(&server, &mut worker, writes(" lake.", tokens)));
    let chunks = chunks(&answer);
    assert!(chunks.iter().all(|chunk| chunk["object"] == "text_completion"), "{chunks:?}");
    let text: String = chunks.iter().map(|chunk| chunk["choices"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(text, " lake.");
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(chunks.last().unwrap()["receipt_id"].is_string());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_texts_end_is_what_its_miner_tells() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    // Against what a count of tokens would say: a context that is full early, and an end with the very last token.
    for (written, told) in [(2, FinishReason::Length), (8, FinishReason::Stop)] {
        let ends = |worker: &TestWorker, assignment: &Assignment| {
            let tokens = Tokens { read: 9, written };
            let mut submission = words_result(&worker.key, assignment, text::MEDIA_TYPE, "A lake.", tokens);
            submission.metering.finish_reason = Some(told);
            serde_json::to_value(submission).unwrap()
        };
        for stream in [false, true] {
            let call = chat(&json!({"stream": stream}));
            let (answer, _) =
                tokio::join!(server.post("/v1/chat/completions", &call), take(&server, &mut worker, ends));
            let last = if stream { chunks(&answer).pop().unwrap() } else { answer.json() };
            assert_eq!(last["choices"][0]["finish_reason"], told.as_str());
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_the_model_refuses_is_answered_with_400_and_asked_once() {
    const REASON: &str = "input.messages is 1 to 95 tokens for this model, got 900";
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    for (path, body) in [
        ("/v1/chat/completions", chat(&json!({}))),
        ("/v1/chat/completions", chat(&json!({"stream": true}))),
        ("/v1/completions", json!({"model": TEXT_MODEL, "prompt": "A still"})),
        ("/v1/completions", json!({"model": TEXT_MODEL, "prompt": "A still", "stream": true})),
    ] {
        let refuse = async {
            let assignment = worker.assignment().await;
            worker.send(&WorkerMessage::fail(assignment.lease_id, Blame::Input, false, REASON)).await;
        };
        let (answer, ()) = tokio::join!(server.post(path, &body), refuse);
        let error = answer.json()["error"].clone();
        assert_eq!(answer.status, 400, "{path}: {error}");
        assert!(answer.header("retry-after").is_empty(), "nobody is asked to try it again");
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("invalid_request_error"), &json!("context_length_exceeded"))
        );
        assert_eq!((&error["param"], &error["message"]), (&json!("messages"), &json!(&REASON["input.".len()..])));
    }
    let key = server.client_key(ApiScope::Client, None).await;
    let stage1 = json!({"api_key": key.secret, "prompt": "a lake"});
    let refuse = async {
        let assignment = worker.assignment().await;
        worker.send(&WorkerMessage::fail(assignment.lease_id, Blame::Input, false, "input.prompt is too long")).await;
    };
    let (answer, ()) = tokio::join!(server.post("/v1/generate-image", &stage1), refuse);
    assert_eq!(answer.problem(422)["type"], "/problems/input-refused");
    // A failure of the miner is still one that may go better.
    let fail = async {
        for _ in 0..3 {
            let assignment = worker.assignment().await;
            worker.send(&WorkerMessage::fail(assignment.lease_id, Blame::Miner, true, "the engine failed")).await;
        }
    };
    let body = chat(&json!({}));
    let (answer, ()) = tokio::join!(server.post("/v1/chat/completions", &body), fail);
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (503, Some("server_error")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_common_clients_send_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let body = json!({
        "model": TEXT_MODEL, "stream": null, "stream_options": {"include_usage": null}, "max_tokens": -1, "n": 1.0,
        "stop": "", "top_p": 0, "tools": null, "response_format": null, "seed": null, "temperature": null,
        "messages": [
            {"role": "system", "content": ""},
            {"role": "user", "content": "How warm is it?"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "warmth", "arguments": "{}"}},
            ]},
            {"role": "tool", "tool_call_id": "1", "content": "17 °C"},
        ],
    });
    let serve = take(&server, &mut worker, writes("17 °C.", Tokens { read: 9, written: 4 }));
    let (answer, assignment) = tokio::join!(server.post("/v1/chat/completions", &body), serve);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let input = serde_json::to_value(&assignment.work).unwrap()["input"].clone();
    assert_eq!((&input["max_tokens"], &input["temperature"]), (&json!(4_096), &json!(0.0)));
    let roles: Vec<&str> =
        input["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool"]);
    assert_eq!(input["messages"][2]["content"], "{\"arguments\":{},\"name\":\"warmth\"}", "no call is dropped");

    let body = json!({"model": EMBEDDING_MODEL, "input": [[1_024, 7], [5]], "encoding_format": null});
    let error = server.post("/v1/embeddings", &body).await;
    assert_eq!((error.status, &error.json()["error"]["param"]), (400, &json!("input")));
    assert!(error.json()["error"]["message"].as_str().unwrap().contains("send the text itself"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_on_all_paths_of_theirs_have_their_form_and_on_ours_have_ours() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let json_type = [("content-type", "application/json")];
    for (method, path, body, status) in [
        ("POST", "/v1/responses", "{}", 404),
        ("POST", "/v1/audio/speech", "{}", 404),
        ("GET", "/v1/files", "", 404),
        ("POST", "/v1/chat", "{}", 404),
        ("POST", "/v1/images/edits", "{}", 404),
        ("GET", "/v1/chat/completions", "", 405),
        ("DELETE", "/v1/models/a", "", 405),
        ("POST", "/v1/completions", "{", 400),
        ("POST", "/v1/completions", "[]", 400),
        ("POST", "/v1/embeddings", "{\"model\": 5, \"input\": \"a\"}", 400),
        ("POST", "/v1/embeddings", "{\"model\": \"m\", \"input\": \"a\", \"encoding_format\": 5}", 400),
    ] {
        for path in [path.to_owned(), format!("/api{path}")] {
            let answer = server.send(method, &path, &json_type, body.into()).await;
            assert_eq!(answer.status, status, "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/json", "{method} {path}");
            let error = answer.json()["error"].clone();
            assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{path}: {error}");
            assert_eq!(error["type"], "invalid_request_error", "{path}");
        }
    }
    let wrong = json!({"model": "m", "input": "a", "encoding_format": 5});
    let error = server.post("/v1/embeddings", &wrong).await.json()["error"].clone();
    assert_eq!((&error["code"], &error["param"]), (&json!("invalid_request"), &json!("encoding_format")), "{error}");
    server.get("/v1/no-such-thing").await.problem(404);
    server.send("PATCH", "/v1/jobs", &[], vec![]).await.problem(405);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn embeddings_and_pictures_have_their_forms_and_their_receipts() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let mut worker = server.connect_worker().await;
    let embeds = |worker: &TestWorker, assignment: &Assignment| {
        let tokens = Tokens { read: 4, written: 0 };
        let vectors = words_result(&worker.key, assignment, embedding::MEDIA_TYPE, "[[1,0]]", tokens);
        serde_json::to_value(vectors).unwrap()
    };
    for (format, expected) in [("float", json!([1.0, 0.0])), ("base64", json!("AACAPwAAAAA="))] {
        let body = json!({"model": EMBEDDING_MODEL, "input": "a lake", "encoding_format": format});
        let (answer, _) = tokio::join!(server.post("/v1/embeddings", &body), take(&server, &mut worker, embeds));
        let list = answer.json();
        assert_eq!((&list["data"][0]["embedding"], &list["usage"]["prompt_tokens"]), (&expected, &json!(4)));
        receipt_of(&server, &answer).await;
    }
    let draws =
        |worker: &TestWorker, assignment: &Assignment| serde_json::to_value(result(&worker.key, assignment)).unwrap();
    let body = json!({"prompt": "a lake", "size": "64x64", "quality": "high", "response_format": "b64_json"});
    let (answer, assignment) =
        tokio::join!(server.post("/v1/images/generations", &body), take(&server, &mut worker, draws));
    assert_eq!(serde_json::to_value(&assignment.work).unwrap()["input"]["steps"], 8, "the model's default");
    assert!(answer.json()["data"][0]["b64_json"].as_str().unwrap().starts_with("iVBOR"));
    receipt_of(&server, &answer).await;
    let models = server.get("/v1/models").await.json();
    let names: Vec<&str> =
        models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(names, [MODEL, EMBEDDING_MODEL, TEXT_MODEL]);
    assert_eq!(server.get(&format!("/v1/models/{TEXT_MODEL}")).await.json()["kind"], "text");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_form_and_name_the_parameter() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    let _worker = server.connect_worker().await;
    for (body, parameter) in [
        (chat(&json!({"max_tokens": 0})), json!("max_tokens")),
        (chat(&json!({"temperature": 9})), json!("temperature")),
        (chat(&json!({"n": 2})), json!("n")),
        (chat(&json!({"tools": [{"type": "function"}]})), json!("tools")),
        (
            chat(&json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]})),
            json!("messages[0].content"),
        ),
        (chat(&json!({"messages": []})), json!("messages")),
    ] {
        let answer = server.post("/v1/chat/completions", &body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, &error["param"]), (400, &parameter), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for (path, body) in [
        ("/v1/chat/completions", chat(&json!({"model": "gpt-nothing"}))),
        ("/v1/embeddings", json!({"model": TEXT_MODEL, "input": "a lake"})),
        ("/v1/images/generations", json!({"model": "x".repeat(60_000), "prompt": "a lake"})),
    ] {
        let answer = server.post(path, &body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status, error["code"].as_str()), (404, Some("not_found")), "{path}");
        assert!(error["message"].as_str().unwrap().len() < 200, "{error}");
    }
    let unknown = [("authorization", "Bearer sk-nobody")];
    let answer = server.post_with("/v1/chat/completions", &unknown, &chat(&json!({}))).await;
    assert_eq!((answer.status, answer.json()["error"]["type"].as_str()), (401, Some("authentication_error")));
    let missing = server.get("/v1/models/no/such:model").await;
    assert_eq!((missing.status, missing.json()["error"]["code"].as_str()), (404, Some("not_found")));
    server.stop().await;
}
