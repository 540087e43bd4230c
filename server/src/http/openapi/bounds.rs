//! The bounds that the handlers and the rules check, written into the document from the same constants.

use hub::idempotency;
use hub::receipt_check::DETERMINISM_CLASS_MAX_CHARS;
use serde_json::{Map, Value, json};
use shared::api::admin::{LIMITS_MAX, OPEN_STATES, OPERATOR_REASON_MAX_CHARS, OUTBOX_SHOWN_MAX};
use shared::api::bids::{BID_LEVELS_MAX, BID_REFUSAL_MAX_CHARS, BIDS_LISTED_MAX};
use shared::api::bounties::{BOUNTIES_WITH_DEMAND_MAX, CLAIMS_LISTED_MAX, MODEL_NAMES_MAX, UNSERVED_LISTED_MAX};
use shared::api::exchange::{ASSETS_MAX, BOOK_DEPTH_MAX, CANCELLED_MAX, CANDLES_MAX, FILLS_ANSWERED_MAX, MARKETS_MAX};
use shared::api::jobs::EXPLAINED_MAX;
use shared::api::keys::{KEYS_PER_WALLET_MAX, LABEL_MAX_CHARS};
use shared::api::page::LIMIT_MAX;
use shared::api::search::{SEARCH_HITS_MAX, SEARCH_MAX_CHARS};
use shared::api::second_factor::{CODE_MAX_CHARS, RECOVERY_CODES};
use shared::api::sessions::{SESSIONS_PER_WALLET_MAX, SIGNATURE_MAX_BYTES};
use shared::api::stuck::{STUCK_NAMES_MAX, StuckKind};
use shared::api::webhooks::{DELIVERIES_LISTED_MAX, DELIVERY_PROBLEM_MAX_CHARS, WEBHOOK_URL_MAX_CHARS, WEBHOOKS_MAX};
use shared::api::{unservable, why_idle};
use shared::capability_bounds::{SUBJECTS_MAX, SUGGESTIONS_MAX};
use shared::device::{DEVICES_MAX, OFFERS_MAX};
use shared::exchange::{DELEGATES_MAX, TRADER_SIGNATURE_MAX_BYTES};
use shared::failure::TRIES_MAX;
use shared::hardware::{NOTES_MAX, THROTTLES_MAX};
use shared::job::JobKind;
use shared::job::image::{COUNT_MAX, PROMPT_MAX_CHARS};
use shared::job::init_image::INIT_IMAGE_MAX_BYTES;
use shared::job::request::{GPU_NAME_MAX_CHARS, MODEL_NAME_MAX_CHARS, PREFERRED_MINERS_MAX};
use shared::job::{embedding, text};
use shared::log::proof::PROOF_MAX_HASHES;
use shared::protocol::{ARTIFACT_MAX_BYTES, REASON_MAX_CHARS};
use shared::review::REVIEW_TEXT_MAX_CHARS;
use wallet::sign_in::MESSAGE_MAX_BYTES;

use crate::auth::SECRET_MAX_CHARS;
use crate::config::{BODY_MAX_BYTES, HUB_ID_MAX_CHARS};
use crate::error::ERRORS_MAX;
use crate::exchange::OPEN_ORDERS_PER_TRADER;
use crate::http::job_events;
use crate::http::openai::models::MODELS_MAX;
use crate::job_token::JOB_TOKEN_MAX_CHARS;
use crate::status;
use crate::view::{FAULTS_SHOWN_MAX, TASKS_SHOWN_MAX};

/// Longest parameter of a path, a query or a header that has no other bound: a longer one names nothing.
const PARAMETER_MAX_CHARS: usize = 300;

const COUNT: usize = COUNT_MAX as usize;

/// Longest signature in hex: 65 bytes.
const SIGNATURE_MAX_CHARS: usize = 2 + 2 * 65;

/// What a field holds at most.
#[derive(Debug, Clone, Copy)]
enum Bound {
    /// Characters of a text, or entries of a list.
    Max(usize),
    /// Characters of each entry of a list.
    EachMax(usize),
    /// `0x` and so many bytes in hex.
    Hex(usize),
    EachHex(usize),
}

use Bound::{EachHex, EachMax, Hex, Max};

/// Schema, field, bound. OpenAI's fields are bounded by what they become; those that are only read, by the body.
const BOUNDS: &[(&str, &str, Bound)] = &[
    ("CreateJob", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("Constraints", "miners", Max(PREFERRED_MINERS_MAX)),
    ("Constraints", "miners", EachHex(20)),
    ("Payment", "client", Hex(20)),
    ("SignedPaymentOrder", "signature", Max(SIGNATURE_MAX_CHARS)),
    ("PaymentOrder", "client", Hex(20)),
    ("PaymentOrder", "hub", Hex(20)),
    ("PaymentOrder", "contract", Hex(20)),
    ("SignedQuote", "signature", Max(SIGNATURE_MAX_CHARS)),
    ("JobQuote", "client", Hex(20)),
    ("JobQuote", "hub", Hex(20)),
    ("JobQuote", "contract", Hex(20)),
    ("JobQuote", "request_hash", Hex(32)),
    ("JobQuote", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("Constraints", "gpu", Max(GPU_NAME_MAX_CHARS)),
    ("ImageInput", "prompt", Max(PROMPT_MAX_CHARS)),
    ("ImageInput", "negative_prompt", Max(PROMPT_MAX_CHARS)),
    ("ImageInput", "init_image", Max(base64_chars(INIT_IMAGE_MAX_BYTES))),
    ("InitImage", "base64", Max(base64_chars(INIT_IMAGE_MAX_BYTES))),
    ("ValidImageInput", "prompt", Max(PROMPT_MAX_CHARS)),
    ("TextInput", "prompt", Max(text::INPUT_MAX_BYTES)),
    ("TextInput", "messages", Max(text::MESSAGES_MAX)),
    ("ChatMessage", "content", Max(text::INPUT_MAX_BYTES)),
    ("TextInput", "stop", Max(text::STOP_MAX)),
    ("TextInput", "stop", EachMax(text::STOP_MAX_BYTES)),
    ("ValidTextInput", "stop", Max(text::STOP_MAX)),
    ("Ask", "messages", Max(text::MESSAGES_MAX)),
    ("EmbeddingInput", "input", Max(embedding::INPUTS_MAX)),
    ("EmbeddingInput", "input", EachMax(embedding::INPUT_MAX_BYTES)),
    ("ValidEmbeddingInput", "input", Max(embedding::INPUTS_MAX)),
    ("EtherscanCall", "module", Max(PARAMETER_MAX_CHARS)),
    ("EtherscanCall", "action", Max(PARAMETER_MAX_CHARS)),
    ("NonceRequest", "address", Hex(20)),
    ("SignIn", "message", Max(MESSAGE_MAX_BYTES)),
    ("SignIn", "signature", Max(2 + 2 * SIGNATURE_MAX_BYTES)),
    ("Sessions", "sessions", Max(SESSIONS_PER_WALLET_MAX)),
    ("GivenCode", "code", Max(CODE_MAX_CHARS)),
    ("RecoveryCodes", "recovery_codes", Max(RECOVERY_CODES)),
    ("CreateKey", "label", Max(LABEL_MAX_CHARS)),
    ("ApiKeys", "keys", Max(KEYS_PER_WALLET_MAX)),
    ("BidView", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("BidView", "refusal", Max(BID_REFUSAL_MAX_CHARS)),
    ("Bids", "bids", Max(BIDS_LISTED_MAX)),
    ("BidBook", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("BidBook", "levels", Max(BID_LEVELS_MAX)),
    ("BidBooks", "books", Max(JobKind::ALL.len())),
    ("CreateWebhook", "url", Max(WEBHOOK_URL_MAX_CHARS)),
    ("WebhookView", "url", Max(WEBHOOK_URL_MAX_CHARS)),
    ("Webhooks", "webhooks", Max(WEBHOOKS_MAX)),
    ("Deliveries", "deliveries", Max(DELIVERIES_LISTED_MAX)),
    ("DeliveryView", "problem", Max(DELIVERY_PROBLEM_MAX_CHARS)),
    ("GenerateImage", "api_key", Max(SECRET_MAX_CHARS)),
    ("GenerateImage", "prompt", Max(PROMPT_MAX_CHARS)),
    ("ChatRequest", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("ChatRequest", "messages", Max(text::MESSAGES_MAX)),
    ("ChatRequest", "stop", Max(BODY_MAX_BYTES)),
    ("ChatRequest", "stop", EachMax(BODY_MAX_BYTES)),
    ("ChatRequest", "tools", Max(BODY_MAX_BYTES)),
    ("RequestMessage", "role", Max(BODY_MAX_BYTES)),
    ("RequestMessage", "content", Max(text::INPUT_MAX_BYTES)),
    ("RequestMessage", "tool_calls", Max(BODY_MAX_BYTES)),
    ("CompletionRequest", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("CompletionRequest", "prompt", Max(text::INPUT_MAX_BYTES)),
    ("CompletionRequest", "stop", Max(BODY_MAX_BYTES)),
    ("CompletionRequest", "stop", EachMax(BODY_MAX_BYTES)),
    ("CompletionRequest", "suffix", Max(BODY_MAX_BYTES)),
    ("EmbeddingsRequest", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("EmbeddingsRequest", "input", Max(embedding::INPUTS_MAX)),
    ("EmbeddingsRequest", "input", EachMax(embedding::INPUT_MAX_BYTES)),
    ("ImagesRequest", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("ImagesRequest", "prompt", Max(PROMPT_MAX_CHARS)),
    ("ImagesRequest", "size", Max(BODY_MAX_BYTES)),
    ("ResultSubmission", "artifacts", Max(COUNT)),
    ("ResultSubmission", "miner_signature", Max(SIGNATURE_MAX_CHARS)),
    ("Artifact", "media_type", Max(PARAMETER_MAX_CHARS)),
    ("Artifact", "base64", Max(base64_chars(ARTIFACT_MAX_BYTES))),
    ("JobReceipt", "client", Hex(20)),
    ("JobReceipt", "contract", Hex(20)),
    ("JobReceipt", "provider", Hex(20)),
    ("JobReceipt", "nonce", Hex(32)),
    ("JobReceipt", "determinism_class", Max(DETERMINISM_CLASS_MAX_CHARS)),
    ("JobReceipt", "hub_id", Max(HUB_ID_MAX_CHARS)),
    ("JobReceipt", "model", Max(MODEL_NAME_MAX_CHARS)),
    // Receipts of jobs that one miner served name no shares.
    ("JobReceipt", "shares", Max(0)),
    ("Share", "provider", Hex(20)),
    ("ResultSubmission", "trace_root", Hex(32)),
    // The auditor's, and a third one.
    ("AuditView", "opinions", Max(2)),
    ("AuditView", "provider", Hex(20)),
    ("AuditView", "receipt_hash", Hex(32)),
    ("AuditView", "refuted", Hex(20)),
    ("Opinion", "miner", Hex(20)),
    ("Opinion", "receipt_hash", Hex(32)),
    ("Opinion", "determinism_class", Max(DETERMINISM_CLASS_MAX_CHARS)),
    ("SignedReceipt", "attestations", Max(1)),
    ("Capability", "devices", Max(DEVICES_MAX)),
    ("Capability", "offers", Max(OFFERS_MAX)),
    ("ModelOffer", "suggestions", Max(SUGGESTIONS_MAX)),
    ("ModelOffer", "subjects", Max(SUBJECTS_MAX)),
    ("HardwareReport", "devices", Max(DEVICES_MAX)),
    ("HardwareReport", "models", Max(OFFERS_MAX)),
    ("MeasuredDevice", "notes", Max(NOTES_MAX)),
    ("Condition", "throttled_by", Max(THROTTLES_MAX)),
    ("Explanation", "miners", Max(EXPLAINED_MAX)),
    ("WhyIdle", "reasons", Max(why_idle::REASONS_MAX)),
    ("WhyIdle", "models", Max(OFFERS_MAX)),
    ("ModelDemand", "removed", Max(unservable::FILTERS_MAX)),
    ("JobView", "artifacts", Max(COUNT)),
    ("JobView", "faults", Max(FAULTS_SHOWN_MAX)),
    ("JobView", "tasks", Max(TASKS_SHOWN_MAX)),
    ("JobResult", "artifacts", Max(COUNT)),
    ("NetworkStatus", "suggestions", Max(status::SUGGESTIONS_SHOWN_MAX)),
    ("NetworkStatus", "subjects", Max(SUBJECTS_MAX)),
    ("Problem", "errors", Max(ERRORS_MAX)),
    ("Unservable", "removed", Max(unservable::FILTERS_MAX)),
    ("Unservable", "relaxations", Max(unservable::FILTERS_MAX)),
    ("Unservable", "nearest", Max(unservable::FILTERS_MAX)),
    ("Models", "data", Max(MODELS_MAX)),
    ("Embeddings", "data", Max(embedding::INPUTS_MAX)),
    ("Images", "data", Max(COUNT)),
    ("TextAnswer", "choices", Max(1)),
    ("LogSlice", "entries", Max(LIMIT_MAX as usize)),
    ("InclusionProof", "proof", Max(PROOF_MAX_HASHES)),
    ("ConsistencyProof", "proof", Max(PROOF_MAX_HASHES)),
    ("JobFailure", "tries", Max(TRIES_MAX)),
    ("FailedTry", "reason", Max(REASON_MAX_CHARS)),
    ("LoggedReceipt", "attestations", Max(1)),
    ("LoggedAudit", "opinions", Max(2)),
    ("ExchangeOrder", "trader", Hex(20)),
    ("ExchangeOrder", "base", Hex(20)),
    ("ExchangeOrder", "quote", Hex(20)),
    ("ExchangeOrder", "contract", Hex(20)),
    ("OrderCancellation", "trader", Hex(20)),
    ("OrderCancellation", "contract", Hex(20)),
    ("OrderReduction", "trader", Hex(20)),
    ("OrderReduction", "contract", Hex(20)),
    ("ExchangeWithdrawal", "trader", Hex(20)),
    ("ExchangeWithdrawal", "asset", Hex(20)),
    ("ExchangeWithdrawal", "contract", Hex(20)),
    ("SignedByTrader_ExchangeOrder", "signature", Max(2 + 2 * TRADER_SIGNATURE_MAX_BYTES)),
    ("SignedByTrader_OrderCancellation", "signature", Max(2 + 2 * TRADER_SIGNATURE_MAX_BYTES)),
    ("SignedByTrader_OrderReduction", "signature", Max(2 + 2 * TRADER_SIGNATURE_MAX_BYTES)),
    ("SignedByTrader_ExchangeWithdrawal", "signature", Max(2 + 2 * TRADER_SIGNATURE_MAX_BYTES)),
    ("OrderView", "delegate", Hex(20)),
    ("TradingKeys", "trader", Hex(20)),
    ("TradingKeys", "keys", Max(DELEGATES_MAX)),
    ("TradingKey", "delegate", Hex(20)),
    ("ExchangeView", "assets", Max(ASSETS_MAX)),
    ("ExchangeView", "markets", Max(MARKETS_MAX)),
    ("ExchangeAccount", "balances", Max(ASSETS_MAX)),
    ("BookView", "bids", Max(BOOK_DEPTH_MAX as usize)),
    ("BookView", "asks", Max(BOOK_DEPTH_MAX as usize)),
    ("Trades", "trades", Max(LIMIT_MAX as usize)),
    ("OpenOrders", "orders", Max(OPEN_ORDERS_PER_TRADER)),
    ("Candles", "candles", Max(CANDLES_MAX as usize)),
    ("PlacedOrder", "fills", Max(FILLS_ANSWERED_MAX)),
    ("CancelledOrders", "order_ids", Max(CANCELLED_MAX)),
    ("Page_OrderView", "items", Max(LIMIT_MAX as usize)),
    ("Page_FillView", "items", Max(LIMIT_MAX as usize)),
    ("Page_WithdrawalView", "items", Max(LIMIT_MAX as usize)),
    ("Page_JobView", "items", Max(LIMIT_MAX as usize)),
    ("Page_ReceiptView", "items", Max(LIMIT_MAX as usize)),
    ("Page_BountyView", "items", Max(LIMIT_MAX as usize)),
    ("BountyView", "model_names", Max(MODEL_NAMES_MAX)),
    ("BountyView", "pledger", Hex(20)),
    ("BountyDetail", "claims", Max(CLAIMS_LISTED_MAX)),
    ("BountyClaimView", "provider", Hex(20)),
    ("BountyClaimView", "receipt_hash", Hex(32)),
    ("DemandView", "unserved", Max(UNSERVED_LISTED_MAX)),
    ("DemandView", "bounties", Max(BOUNTIES_WITH_DEMAND_MAX as usize)),
    ("UnservedModel", "model", Max(MODEL_NAME_MAX_CHARS)),
    ("SearchAnswer", "items", Max(SEARCH_HITS_MAX as usize)),
    ("StuckView", "counts", Max(StuckKind::ALL.len())),
    ("StuckCount", "names", Max(STUCK_NAMES_MAX)),
    ("Page_MinerView", "items", Max(LIMIT_MAX as usize)),
    ("WriteReview", "receipt_hash", Hex(32)),
    ("WriteReview", "text", Max(REVIEW_TEXT_MAX_CHARS)),
    ("ReviewView", "text", Max(REVIEW_TEXT_MAX_CHARS)),
    ("ReviewView", "hidden_reason", Max(OPERATOR_REASON_MAX_CHARS)),
    ("Page_ReviewView", "items", Max(LIMIT_MAX as usize)),
    ("OperatorReason", "reason", Max(OPERATOR_REASON_MAX_CHARS)),
    ("KeyLimits", "reason", Max(OPERATOR_REASON_MAX_CHARS)),
    ("Amnesty", "reason", Max(OPERATOR_REASON_MAX_CHARS)),
    ("AdminHealth", "queue", Max(OPEN_STATES.len())),
    ("Outbox", "transactions", Max(OUTBOX_SHOWN_MAX)),
    ("AdminLimits", "limits", Max(LIMITS_MAX)),
    ("Page_AdminJob", "items", Max(LIMIT_MAX as usize)),
    ("Page_AdminKey", "items", Max(LIMIT_MAX as usize)),
    ("Page_OperatorChange", "items", Max(LIMIT_MAX as usize)),
];

const fn base64_chars(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Writes every bound where it belongs.
pub(super) fn write(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for (name, schema) in schemas {
            // The document repeats the fields of a list's rows in the list, and of what is signed beside its signature.
            let own = ["Page_", "SignedByTrader_"].iter().find_map(|outer| name.strip_prefix(outer)).unwrap_or(name);
            for (_, field, bound) in BOUNDS.iter().filter(|(of, ..)| of == name || *of == own) {
                in_fields(schema, field, &mut |schema| bound.write(schema));
            }
        }
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut);
    for operation in operations.flat_map(Map::values_mut) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(write_parameter);
    }
}

/// The parameters whose texts have a form.
fn write_parameter(parameter: &mut Value) {
    let bound = match parameter["name"].as_str() {
        Some("Idempotency-Key") => Max(idempotency::KEY_MAX_CHARS),
        Some("Last-Event-ID") => Max(job_events::LAST_EVENT_ID_MAX_CHARS),
        Some("X-Job-Token") => Max(JOB_TOKEN_MAX_CHARS),
        Some("q") => Max(SEARCH_MAX_CHARS),
        Some("model" | "after") => Max(MODEL_NAME_MAX_CHARS),
        Some("address" | "provider" | "client") => Hex(20),
        Some("receipt_hash" | "receipt" | "transaction") => Hex(32),
        _ => Max(PARAMETER_MAX_CHARS),
    };
    if parameter["name"] == "Idempotency-Key" {
        parameter["schema"]["pattern"] = json!("^[!-~]+$");
    }
    bound.write(&mut parameter["schema"]);
}

/// Visits the field of this name wherever it stands in a schema.
fn in_fields(schema: &mut Value, field: &str, visit: &mut impl FnMut(&mut Value)) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(|schema| in_fields(schema, field, visit)),
        Value::Object(members) => {
            if let Some(found) = members.get_mut("properties").and_then(|properties| properties.get_mut(field)) {
                visit(found);
            }
            members.values_mut().for_each(|schema| in_fields(schema, field, visit));
        }
        _ => {}
    }
}

impl Bound {
    fn write(self, schema: &mut Value) {
        let is = |schema: &Value, name: &str| match &schema["type"] {
            Value::String(only) => only == name,
            Value::Array(several) => several.iter().any(|one| one == name),
            _ => false,
        };
        match self {
            Max(max) if is(schema, "string") => schema["maxLength"] = max.into(),
            Max(max) if is(schema, "array") => schema["maxItems"] = max.into(),
            Hex(bytes) if is(schema, "string") => schema["pattern"] = hex(bytes).into(),
            EachMax(max) if is(schema, "array") => schema["items"]["maxLength"] = max.into(),
            EachHex(bytes) if is(schema, "array") => schema["items"]["pattern"] = hex(bytes).into(),
            _ => {}
        }
    }
}

fn hex(bytes: usize) -> String {
    format!("^0x[0-9a-fA-F]{{{}}}$", 2 * bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_finds_its_field() {
        let document = super::super::document();
        for (schema, field, bound) in BOUNDS {
            let mut found = 0;
            let mut count = |field: &mut Value| {
                let own = ["maxLength", "maxItems", "pattern"].iter().any(|word| !field[*word].is_null());
                found += u32::from(own);
            };
            in_fields(&mut document["components"]["schemas"][schema].clone(), field, &mut count);
            assert!(found > 0, "{schema}.{field} has no {bound:?}: it is called otherwise now");
        }
    }
}
