//! A client's request for work, before and after it was checked.

use alloy_primitives::Address;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::JobKind;
use super::embedding::{EmbeddingInput, ValidEmbeddingInput};
use super::image::{ImageInput, PictureDefaults, SchedulerName, ValidImageInput};
use super::text::{TextInput, ValidTextInput};
use super::token::{self, Tokens};
use crate::amount::{Amount, MicroUnits};
use crate::commitment::Salt;
use crate::digest::PromptHash;
use crate::field_error::FieldError;
use crate::unit::UnitType;

pub const TTL_DEFAULT_SECONDS: u64 = 900;
pub const TTL_MAX_SECONDS: u64 = 86_400;
pub const MODEL_NAME_MAX_CHARS: usize = 100;
pub const PREFERRED_MINERS_MAX: usize = 32;

/// Characters of the name of a graphics card that a job asks for.
pub const GPU_NAME_MAX_CHARS: usize = 100;

/// Gigabytes of graphics memory that a job may ask for.
pub const VRAM_MAX_GB: u32 = 1_024;

/// The full reputation.
pub const REPUTATION_MAX_PER_MILLE: u16 = 1_000;

/// The fields of a picture's input that its model has defaults for.
const STEPS: &str = "steps";
const GUIDANCE: &str = "guidance";

/// The field of a picture's input that says with which of the model's settings it is drawn.
const SCHEDULER: &str = "scheduler";

/// Body of `POST /v1/jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateJob {
    pub kind: JobKind,
    /// A model's name as miners offer it for the kind, now or before; absent means the default model of the kind.
    #[serde(default)]
    pub model: Option<String>,
    /// What the kind asks for: [`ImageInput`] for `image`, [`TextInput`] for `text`, [`EmbeddingInput`] for `embedding`.
    #[cfg_attr(feature = "openapi", schema(value_type = AnyInput))]
    pub input: Value,
    #[serde(default)]
    pub constraints: Constraints,
    #[serde(default)]
    pub payment: Payment,
    /// How long the job may take in all, 1 to 86400.
    #[serde(default = "default_ttl")]
    pub ttl_seconds: u64,
}

fn default_ttl() -> u64 {
    TTL_DEFAULT_SECONDS
}

/// The inputs of all kinds, for the API's description only.
#[cfg(feature = "openapi")]
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used: `kind` decides which input is read")]
enum AnyInput {
    Image(ImageInput),
    Text(TextInput),
    Embedding(EmbeddingInput),
}

/// Which miners may serve the job. The hub measures reputations; prices, graphics cards and their memory are what miners
/// declare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Constraints {
    /// The most that the whole job may mint or cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_price: Option<Amount>,
    /// Only these miners; all where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub miners: Vec<Address>,
    /// Gigabytes (2³⁰ bytes) of memory of one graphics card, as the miner declares it, 1 to 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1024))]
    pub min_vram_gb: Option<u32>,
    /// Words of the declared name of that card: `rtx 4090`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Reputation as the miner's public profile tells it, 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub min_reputation_per_mille: Option<u16>,
}

impl Constraints {
    /// Every field that is out of its bounds.
    fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut require = |holds: bool, field: &str, bound: String, value: String| {
            if !holds {
                errors.push(FieldError::bound(format!("constraints.{field}"), bound, value));
            }
        };
        let miners = self.miners.len();
        require(
            miners <= PREFERRED_MINERS_MAX,
            "miners",
            format!("up to {PREFERRED_MINERS_MAX} addresses"),
            miners.to_string(),
        );
        let vram_gb = self.min_vram_gb.unwrap_or(1);
        require(
            (1..=VRAM_MAX_GB).contains(&vram_gb),
            "min_vram_gb",
            format!("1 to {VRAM_MAX_GB}"),
            vram_gb.to_string(),
        );
        let chars = self.gpu.as_ref().map_or(1, |gpu| gpu.chars().count());
        let bound = format!("1 to {GPU_NAME_MAX_CHARS} characters");
        require((1..=GPU_NAME_MAX_CHARS).contains(&chars), "gpu", bound, format!("{chars} characters"));
        let reputation = self.min_reputation_per_mille.unwrap_or(1);
        require(
            (1..=REPUTATION_MAX_PER_MILLE).contains(&reputation),
            "min_reputation_per_mille",
            format!("1 to {REPUTATION_MAX_PER_MILLE}"),
            reputation.to_string(),
        );
        errors
    }
}

/// Where the miner's AIT comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaymentMode {
    /// The receipt mints it; the client pays nothing.
    #[default]
    Mint,
    /// The client pays it from its deposit in the escrow.
    Escrow,
}

/// How the client wants the job paid. A quote needs `client`, a job that is paid from escrow `quote` and `order`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Payment {
    pub mode: PaymentMode,
    /// Whose deposit pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub client: Option<Address>,
    /// What the hub answered to `POST /v1/quotes`: a `SignedQuote`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub quote: Option<Value>,
    /// The quote's order, signed by the client: a `SignedPaymentOrder`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub order: Option<Value>,
}

impl Payment {
    /// Fields that minting has no use for: a client that names them means another mode.
    fn check(&self) -> Vec<FieldError> {
        if self.mode == PaymentMode::Escrow {
            return vec![];
        }
        let named = [
            ("payment.client", self.client.is_some()),
            ("payment.quote", self.quote.is_some()),
            ("payment.order", self.order.is_some()),
        ];
        let absent = |field| FieldError::bound(field, "absent where payment.mode is `mint`", "given");
        named.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| absent(field)).collect()
    }

    /// Without the price of the order, which is read where it is checked.
    const fn terms(&self) -> PaidBy {
        match self.mode {
            PaymentMode::Mint => PaidBy::Mint,
            PaymentMode::Escrow => PaidBy::Escrow { max_unit_price: Amount::from_atto(u128::MAX) },
        }
    }
}

/// How a checked job is paid, as far as it decides who may serve it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum PaidBy {
    #[default]
    Mint,
    /// The client's order pays no more than this for a whole unit.
    Escrow { max_unit_price: Amount },
}

impl PaidBy {
    pub const fn mode(self) -> PaymentMode {
        match self {
            Self::Mint => PaymentMode::Mint,
            Self::Escrow { .. } => PaymentMode::Escrow,
        }
    }

    /// The highest price of a whole unit that is paid, where the order sets one.
    pub const fn max_unit_price(self) -> Option<Amount> {
        match self {
            Self::Mint => None,
            Self::Escrow { max_unit_price } => Some(max_unit_price),
        }
    }
}

/// The work itself, checked; the tag is the job's kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", content = "input", rename_all = "snake_case")]
pub enum Work {
    Image(ValidImageInput),
    Text(ValidTextInput),
    Embedding(ValidEmbeddingInput),
}

impl Work {
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Image(_) => JobKind::Image,
            Self::Text(_) => JobKind::Text,
            Self::Embedding(_) => JobKind::Embedding,
        }
    }

    pub const fn unit_type(&self) -> UnitType {
        self.kind().unit_type()
    }

    /// The most that a receipt may claim; all of it where the work is known beforehand.
    pub fn units(&self) -> MicroUnits {
        match self {
            Self::Image(input) => input.units(),
            Self::Text(input) => input.units_max(),
            Self::Embedding(input) => input.units_max(),
        }
    }

    /// What a receipt claims for a result of `output_bytes`, of which the miner counted `tokens`.
    pub fn units_claimed(&self, tokens: Tokens, output_bytes: usize) -> MicroUnits {
        match self {
            Self::Image(input) => input.units(),
            Self::Text(input) => token::units(input.payable(tokens, output_bytes)),
            Self::Embedding(input) => token::units(input.payable(tokens)),
        }
    }

    /// Whether the work starts from a picture. Only some models can do that.
    pub fn starts_from_picture(&self) -> bool {
        match self {
            Self::Image(input) => input.init_image.is_some(),
            Self::Text(_) | Self::Embedding(_) => false,
        }
    }

    /// Only models with a setting for few steps can do that.
    pub fn is_fast(&self) -> bool {
        match self {
            Self::Image(input) => input.scheduler == Some(SchedulerName::Fast),
            Self::Text(_) | Self::Embedding(_) => false,
        }
    }

    /// What is shown of it: files that it carries are named by their digests alone.
    pub fn without_files(self) -> Self {
        match self {
            Self::Image(input) => Self::Image(input.without_file()),
            Self::Text(_) | Self::Embedding(_) => self,
        }
    }

    pub fn prompt_hash(&self) -> PromptHash {
        match self {
            Self::Image(input) => PromptHash::of(&input.prompt),
            Self::Text(input) => input.prompt_hash(),
            Self::Embedding(input) => input.prompt_hash(),
        }
    }

    /// What a person would call the job by.
    pub fn words(&self) -> &str {
        match self {
            Self::Image(input) => &input.prompt,
            Self::Text(input) => input.ask.words(),
            Self::Embedding(input) => input.words(),
        }
    }
}

/// A job within all bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidJob {
    pub model: String,
    pub work: Work,
    pub constraints: Constraints,
    pub payment: PaidBy,
    pub ttl_seconds: u64,
    /// Hides input and result in the public receipt.
    pub salt: Salt,
}

/// What is drawn at random for a job.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    /// The seed where the request names none.
    pub seed: u64,
    pub salt: Salt,
}

impl CreateJob {
    /// A picture is asked for without its steps or without its guidance.
    pub fn leaves_defaults_open(&self) -> bool {
        let is_open = |input: &Map<String, Value>| [STEPS, GUIDANCE].iter().any(|field| !input.contains_key(*field));
        self.kind == JobKind::Image && self.input.as_object().is_some_and(is_open)
    }

    /// A picture is asked for with its model's setting for few steps.
    pub fn is_fast(&self) -> bool {
        self.kind == JobKind::Image && self.input.get(SCHEDULER).is_some_and(|name| *name == SchedulerName::Fast.name())
    }

    /// Fills in missing steps and guidance, so that every view shows the values that are used. `defaults` are the
    /// model's own. A default that is out of bounds is ignored, and the general default is used.
    pub fn with_defaults(mut self, defaults: PictureDefaults) -> Self {
        if let Some(input) = self.input.as_object_mut().filter(|_| self.kind == JobKind::Image) {
            let steps = defaults.valid_steps().map(Value::from);
            let guidance = defaults.valid_guidance().map(Value::from);
            for (field, value) in [(STEPS, steps), (GUIDANCE, guidance)] {
                if let (false, Some(value)) = (input.contains_key(field), value) {
                    input.insert(field.to_owned(), value);
                }
            }
        }
        self
    }

    /// Checks every bound and reports all that fail. `default_model` the model that
    /// serves requests of this kind that name none, where there is one.
    pub fn validate(self, drawn: Drawn, default_model: Option<String>) -> Result<ValidJob, Vec<FieldError>> {
        let mut errors = Vec::new();
        let model = self.model.or(default_model).unwrap_or_else(|| {
            let bound =
                format!("named while no miner serves this hub's own model for the kind `{}`", self.kind.as_str());
            errors.push(FieldError::bound("model", bound, "none"));
            "?".to_owned()
        });
        let model_chars = model.chars().count();
        if !(1..=MODEL_NAME_MAX_CHARS).contains(&model_chars) {
            let bound = format!("1 to {MODEL_NAME_MAX_CHARS} characters");
            errors.push(FieldError::bound("model", bound, format!("{model_chars} characters")));
        }
        if !(1..=TTL_MAX_SECONDS).contains(&self.ttl_seconds) {
            let bound = format!("1 to {TTL_MAX_SECONDS}");
            errors.push(FieldError::bound("ttl_seconds", bound, self.ttl_seconds.to_string()));
        }
        errors.extend(self.payment.check());
        errors.extend(self.constraints.errors());
        let work = match validate_work(self.kind, self.input, drawn.seed) {
            Ok(work) if errors.is_empty() => work,
            Ok(_) => return Err(errors),
            Err(more) => return Err([errors, more].concat()),
        };
        Ok(ValidJob {
            model,
            work,
            constraints: self.constraints,
            payment: self.payment.terms(),
            ttl_seconds: self.ttl_seconds,
            salt: drawn.salt,
        })
    }
}

fn validate_work(kind: JobKind, input: Value, drawn_seed: u64) -> Result<Work, Vec<FieldError>> {
    match kind {
        JobKind::Image => read::<ImageInput>(input)?.validate(drawn_seed).map(Work::Image),
        JobKind::Text => read::<TextInput>(input)?.validate(drawn_seed).map(Work::Text),
        JobKind::Embedding => read::<EmbeddingInput>(input)?.validate().map(Work::Embedding),
    }
}

/// Serde would also read an array as the fields in their order. No client means that, so it is refused.
fn read<T: DeserializeOwned>(input: Value) -> Result<T, Vec<FieldError>> {
    if !input.is_object() {
        return Err(vec![FieldError::no_object("input", &input)]);
    }
    parse(input).map_err(|error| vec![error])
}

#[cfg(feature = "field-paths")]
fn parse<T: DeserializeOwned>(input: Value) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let field = match error.path().to_string().as_str() {
            "." => "input".to_owned(),
            path => format!("input.{path}"),
        };
        FieldError::form(field, &error.into_inner().to_string())
    })
}

#[cfg(not(feature = "field-paths"))]
fn parse<T: DeserializeOwned>(input: Value) -> Result<T, FieldError> {
    serde_json::from_value(input).map_err(|error| FieldError::form("input", &error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::image::{GUIDANCE_DEFAULT, STEPS_DEFAULT};

    const DRAWN: Drawn = Drawn { seed: u64::MAX, salt: Salt(alloy_primitives::B256::repeat_byte(0x73)) };

    fn validate(body: Value) -> Result<ValidJob, Vec<FieldError>> {
        serde_json::from_value::<CreateJob>(body).unwrap().validate(DRAWN, Some("scenes".to_owned()))
    }

    #[test]
    fn fills_in_the_defaults_and_draws_a_seed_that_json_can_carry() {
        let job = validate(json!({"kind": "image", "input": {"prompt": "a lake"}})).unwrap();
        let Work::Image(input) = job.work else { panic!("{:?}", job.work) };
        assert_eq!((job.model.as_str(), job.ttl_seconds), ("scenes", TTL_DEFAULT_SECONDS));
        assert_eq!((input.steps, input.width, input.height, input.count), (30, 512, 512, 1));
        assert_eq!(input.seed, (1 << 53) - 1);
        assert_eq!(input.units(), MicroUnits(512 * 512 * 30));
    }

    #[test]
    fn names_every_broken_bound_with_its_value() {
        let input = json!({"prompt": " ", "steps": 0, "guidance": 25.5, "width": 63, "height": 1032, "count": 17});
        let errors = validate(json!({"kind": "image", "input": input, "ttl_seconds": 0})).unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let expected = [
            "ttl_seconds",
            "input.prompt",
            "input.steps",
            "input.guidance",
            "input.width",
            "input.height",
            "input.count",
        ];
        assert_eq!(fields, expected);
        assert!(errors.iter().all(|error| error.bound.is_some() && error.value.is_some()), "{errors:?}");
    }

    #[test]
    fn each_constraint_has_its_bounds() {
        let errors = |constraints: Value| {
            let refused = validate(json!({"kind": "image", "input": {"prompt": "a"}, "constraints": constraints}));
            refused.err().unwrap_or_default().into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        let within = json!({"min_vram_gb": 1024, "gpu": "rtx 4090", "min_reputation_per_mille": 1000});
        assert!(errors(within).is_empty());
        let below = json!({"min_vram_gb": 0, "gpu": "", "min_reputation_per_mille": 0});
        let fields = ["constraints.min_vram_gb", "constraints.gpu", "constraints.min_reputation_per_mille"];
        assert_eq!(errors(below), fields);
        let above = json!({"min_vram_gb": 1025, "gpu": "x".repeat(101), "min_reputation_per_mille": 1001});
        assert_eq!(errors(above), fields);
    }

    #[test]
    fn what_is_left_open_is_the_models_and_what_was_named_is_kept() {
        let filled = |input: Value, steps, guidance| {
            let body = json!({"kind": "image", "input": input});
            let request = serde_json::from_value::<CreateJob>(body).unwrap();
            let request = request.with_defaults(PictureDefaults { steps, guidance });
            let Work::Image(input) = request.validate(DRAWN, Some("scenes".to_owned())).unwrap().work else { panic!() };
            (input.steps, input.guidance)
        };
        let open = || json!({"prompt": "a lake"});
        for (input, is_open) in
            [(open(), true), (json!({"steps": 1}), true), (json!({"steps": 1, "guidance": 1}), false)]
        {
            let request = json!({"kind": "image", "input": input});
            assert_eq!(serde_json::from_value::<CreateJob>(request).unwrap().leaves_defaults_open(), is_open);
        }
        assert_eq!(filled(open(), 8, 3.3), (8, 3.3));
        assert_eq!(filled(open(), 1, 0.0), (1, 0.0));
        assert_eq!(filled(open(), 100, 25.0), (100, 25.0));
        assert_eq!(filled(json!({"prompt": "a lake", "guidance": 0}), 8, 3.0), (8, 0.0));
        assert_eq!(filled(json!({"prompt": "a lake", "steps": 20}), 8, 3.0), (20, 3.0));
        for out_of_bounds in [25.5, -1.0, f32::NAN] {
            assert_eq!(filled(open(), 8, out_of_bounds), (8, GUIDANCE_DEFAULT));
        }
        for out_of_bounds in [0, 101, u32::MAX] {
            assert_eq!(filled(open(), out_of_bounds, 3.0), (STEPS_DEFAULT, 3.0));
        }
        let text = json!({"kind": "text", "input": {"prompt": "a lake"}});
        let text = serde_json::from_value::<CreateJob>(text).unwrap();
        assert_eq!(text.clone().with_defaults(PictureDefaults { steps: 8, guidance: 3.0 }), text);
    }

    #[test]
    fn only_a_picture_asks_for_the_fast_setting_and_only_by_its_name() {
        let asks = |kind: &str, scheduler: Value| {
            let body = json!({"kind": kind, "input": {"prompt": "a lake", "scheduler": scheduler}});
            serde_json::from_value::<CreateJob>(body).unwrap().is_fast()
        };
        assert!(asks("image", json!("fast")));
        for other in [json!("euler"), json!("Fast"), json!(null), json!(["fast"])] {
            assert!(!asks("image", other.clone()), "{other}");
        }
        assert!(!asks("text", json!("fast")));
        let named = validate(json!({"kind": "image", "input": {"prompt": "a", "scheduler": "fast"}})).unwrap();
        assert!(named.work.is_fast());
        assert!(!validate(json!({"kind": "image", "input": {"prompt": "a"}})).unwrap().work.is_fast());
    }

    #[test]
    fn each_kind_reads_its_own_input_and_is_stored_with_its_tag() {
        let inputs = [
            ("image", json!({"prompt": "a"}), UnitType::MegapixelStep),
            ("text", json!({"prompt": "a"}), UnitType::Token),
            ("embedding", json!({"input": ["a"]}), UnitType::Token),
        ];
        for (kind, input, unit_type) in inputs {
            let work = validate(json!({"kind": kind, "input": input})).unwrap().work;
            assert_eq!((work.kind().as_str(), work.unit_type(), work.words()), (kind, unit_type, "a"));
            let stored = serde_json::to_value(&work).unwrap();
            assert_eq!(stored["kind"], kind);
            assert_eq!(serde_json::from_value::<Work>(stored).unwrap(), work);
        }
        let foreign = validate(json!({"kind": "embedding", "input": {"prompt": "a"}})).unwrap_err();
        assert!(foreign[0].field.starts_with("input") && foreign[0].detail.contains("`prompt`"), "{foreign:?}");
        let array = validate(json!({"kind": "image", "input": ["a"]})).unwrap_err();
        assert_eq!(
            (array[0].field.as_str(), array[0].detail.as_str()),
            ("input", "`input` is an object, got an array")
        );
    }

    #[test]
    fn a_kind_that_nobody_serves_needs_a_named_model() {
        let request = |model| json!({"kind": "text", "model": model, "input": {"prompt": "a"}});
        let unnamed = serde_json::from_value::<CreateJob>(request(None::<&str>)).unwrap().validate(DRAWN, None);
        assert_eq!(unnamed.unwrap_err()[0].field, "model");
        let named = serde_json::from_value::<CreateJob>(request(Some("llama"))).unwrap().validate(DRAWN, None);
        assert_eq!(named.unwrap().model, "llama");
    }

    #[test]
    fn refuses_unknown_fields_at_every_level() {
        let unknown = [
            json!({"kind": "image", "input": {"prompt": "a"}, "color": 1}),
            json!({"kind": "image", "input": {"prompt": "a"}, "constraints": {"vram": 1}}),
            json!({"kind": "image", "input": {"prompt": "a"}, "payment": {"mode": "credit"}}),
        ];
        for body in unknown {
            assert!(serde_json::from_value::<CreateJob>(body.clone()).is_err(), "{body} was taken");
        }
        let errors = validate(json!({"kind": "image", "input": {"prompt": "a", "stepz": 1}})).unwrap_err();
        assert!(errors[0].detail.contains("stepz"), "{errors:?}");
    }
}
