//! How much an assignment may ask. A miner does not trust its hub: it checks the work again by the rules that made it from
//! a client's request, so that no number from outside reaches an engine unchecked.

use crate::canonical::WHOLE_NUMBER_MAX;
use crate::field_error::FieldError;
use crate::job::embedding::{self, EmbeddingInput, ValidEmbeddingInput};
use crate::job::image::{self, ImageInput};
use crate::job::request::{MODEL_NAME_MAX_CHARS, Work};
use crate::job::task::TaskRole;
use crate::job::text::{TextInput, ValidTextInput};
use crate::protocol::{Assignment, ReceiptTerms};

/// No job has more parts: each of them makes a picture or a text of its own.
const PARTS_MAX: usize =
    if image::COUNT_MAX as usize > embedding::INPUTS_MAX { image::COUNT_MAX as usize } else { embedding::INPUTS_MAX };

impl Assignment {
    /// Every field that is out of its bounds. Who sent it does not matter.
    pub fn broken_bounds(&self) -> Vec<FieldError> {
        let mut errors = self.work.broken_bounds();
        let chars = self.model.chars().count();
        if !(1..=MODEL_NAME_MAX_CHARS).contains(&chars) {
            let bound = format!("1 to {MODEL_NAME_MAX_CHARS} characters");
            errors.push(FieldError::bound("model", bound, format!("{chars} characters")));
        }
        if let TaskRole::Shard(number) = self.task.role.audited().unwrap_or(self.task.role)
            && usize::from(number) >= PARTS_MAX
        {
            let bound = format!("a part below {PARTS_MAX}");
            errors.push(FieldError::bound("task.role", bound, self.task.role.to_string()));
        }
        errors.extend(self.terms.broken_bounds());
        errors
    }
}

impl ReceiptTerms {
    /// Terms whose receipt would have no canonical form, or no price: the work would be for nothing.
    fn broken_bounds(&self) -> Vec<FieldError> {
        let Self { units, unit_price, expires_at, chain_id, .. } = self;
        let numbers = [("terms.units", units.0), ("terms.expires_at", expires_at.0), ("terms.chain_id", *chain_id)];
        let too_large = numbers.into_iter().filter(|(_, number)| *number > WHOLE_NUMBER_MAX);
        let mut errors: Vec<_> = too_large
            .map(|(field, number)| FieldError::bound(field, format!("0 to {WHOLE_NUMBER_MAX}"), number.to_string()))
            .collect();
        if unit_price.times(*units).is_none() {
            let bound = "such that units × unit_price is below 2^128 attoAIT";
            errors.push(FieldError::bound("terms.unit_price", bound, format!("{unit_price} for {units} units")));
        }
        errors
    }
}

impl Work {
    /// Every field that no request could have had: the request of this work is checked once more, and gives this work.
    pub fn broken_bounds(&self) -> Vec<FieldError> {
        let again = match self {
            Self::Image(input) => ImageInput::from(input.clone()).validate(input.seed).map(Self::Image),
            Self::Text(input) => TextInput::from(input.clone()).validate(input.seed).map(Self::Text),
            Self::Embedding(input) => EmbeddingInput::from(input.clone()).validate().map(Self::Embedding),
        };
        match again {
            Ok(again) if again == *self => Vec::new(),
            // What a file's digest says, and what is given together with it.
            Ok(_) => vec![FieldError::new(
                "input",
                "`input` is what its own request gives, but its fields contradict each other",
            )],
            Err(errors) => errors,
        }
    }
}

impl From<ValidTextInput> for TextInput {
    /// The request that would be validated to this.
    fn from(input: ValidTextInput) -> Self {
        let (prompt, messages) = input.ask.into_request();
        let ValidTextInput { max_tokens, temperature, top_p, seed, stop, .. } = input;
        Self { prompt, messages, max_tokens, temperature, top_p, seed: Some(seed), stop }
    }
}

impl From<ValidEmbeddingInput> for EmbeddingInput {
    /// The request that would be validated to this.
    fn from(input: ValidEmbeddingInput) -> Self {
        Self { input: input.input }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::amount::{Amount, MicroUnits};
    use crate::commitment::Salt;
    use crate::id::{JobId, LeaseId};
    use crate::job::request::{CreateJob, Drawn};
    use crate::job::task::Task;
    use crate::time::{UnixMillis, UnixSeconds};

    fn work(kind: &str, input: Value) -> Work {
        let request: CreateJob = serde_json::from_value(json!({"kind": kind, "input": input})).unwrap();
        request.validate(Drawn { seed: 7, salt: Salt(B256::ZERO) }, Some("m".into())).unwrap().work
    }

    fn assignment(work: Work) -> Assignment {
        let terms = ReceiptTerms {
            client: Address::ZERO,
            units: work.units(),
            unit_type: work.unit_type(),
            unit_price: Amount::from_ait(1),
            expires_at: UnixSeconds(4_000_000_000),
            hub_id: "hub".into(),
            chain_id: 1,
            contract: Address::ZERO,
        };
        Assignment {
            lease_id: LeaseId::from_random(1),
            task: Task { job_id: JobId::from_random(1), role: TaskRole::Serve },
            model: "m".into(),
            work,
            salt: Salt(B256::ZERO),
            terms,
            deadline_unix_ms: UnixMillis(1),
            watched: false,
        }
    }

    fn of_each_kind() -> [Assignment; 3] {
        [
            assignment(work("image", json!({"prompt": "a lake"}))),
            assignment(work("text", json!({"messages": [{"role": "user", "content": "Hi"}], "stop": ["."]}))),
            assignment(work("embedding", json!({"input": ["a", "b"]}))),
        ]
    }

    fn fields(assignment: &Assignment) -> Vec<String> {
        assignment.broken_bounds().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn what_a_request_gave_is_within_its_bounds() {
        for assignment in of_each_kind() {
            assert_eq!(assignment.broken_bounds(), [], "{assignment:?}");
        }
    }

    #[test]
    fn every_number_and_text_of_the_work_is_bounded_and_named() {
        let lies = [
            (0, "width", json!(0), "input.width"),
            (0, "height", json!(u32::MAX), "input.height"),
            (0, "width", json!(65), "input.width"),
            (0, "steps", json!(0), "input.steps"),
            (0, "steps", json!(u32::MAX), "input.steps"),
            (0, "count", json!(0), "input.count"),
            (0, "count", json!(17), "input.count"),
            (0, "guidance", json!(-1), "input.guidance"),
            (0, "prompt", json!("x".repeat(2_001)), "input.prompt"),
            (0, "negative_prompt", json!("x".repeat(2_001)), "input.negative_prompt"),
            (0, "eta", json!(0.5), "input.eta"),
            (0, "strength", json!(0.5), "input.strength"),
            (0, "init_image", json!({"sha256": "0".repeat(64), "base64": "R0lGODlh"}), "input.init_image"),
            (1, "max_tokens", json!(0), "input.max_tokens"),
            (1, "max_tokens", json!(u32::MAX), "input.max_tokens"),
            (1, "temperature", json!(-0.1), "input.temperature"),
            (1, "top_p", json!(0), "input.top_p"),
            (1, "stop", json!([""]), "input.stop"),
            (1, "stop", json!(vec!["a"; 5]), "input.stop"),
            (1, "messages", json!([]), "input.messages"),
            (2, "input", json!([]), "input.input"),
            (2, "input", json!(vec!["a"; 129]), "input.input"),
            (2, "input", json!([" "]), "input.input[0]"),
        ];
        for (kind, field, value, named) in lies {
            let mut assignment = of_each_kind()[kind].clone();
            let mut json = serde_json::to_value(&assignment.work).unwrap();
            json["input"][field] = value.clone();
            assignment.work = serde_json::from_value(json).unwrap();
            let fields = fields(&assignment);
            assert!(fields.contains(&named.to_owned()), "{field} {value} gives {fields:?}");
        }
    }

    #[test]
    fn a_file_under_another_digest_is_refused() {
        let png = "iVBORw0KGgoAAAANSUhEUgAAAEAAAABA";
        let mut assignment = assignment(work("image", json!({"prompt": "a lake", "init_image": png})));
        assert_eq!(assignment.broken_bounds(), []);
        let Work::Image(input) = &mut assignment.work else { unreachable!() };
        let file = input.init_image.as_mut().unwrap();
        file.sha256 = crate::digest::Sha256Digest::of(b"another");
        assert_eq!(fields(&assignment), ["input"]);
    }

    #[test]
    fn terms_that_no_receipt_can_state_are_refused_before_the_work() {
        type Lie = fn(&mut Assignment);
        let lies: [(&str, Lie); 7] = [
            ("model", |job| job.model = String::new()),
            ("model", |job| job.model = "x".repeat(101)),
            ("task.role", |job| job.task.role = TaskRole::Shard(u16::MAX)),
            ("task.role", |job| job.task.role = TaskRole::ShardAudit(128)),
            ("terms.units", |job| job.terms.units = MicroUnits(u64::MAX)),
            ("terms.expires_at", |job| job.terms.expires_at = UnixSeconds(u64::MAX)),
            ("terms.unit_price", |job| job.terms.unit_price = Amount::from_atto(u128::MAX)),
        ];
        for (named, lie) in lies {
            let [mut assignment, ..] = of_each_kind();
            lie(&mut assignment);
            assert!(fields(&assignment).contains(&named.to_owned()), "{named}");
        }
    }

    /// Numbers at and beside the bounds, and any others.
    fn number() -> impl Strategy<Value = Value> {
        prop_oneof![
            prop::sample::select(vec![0_u32, 1, 7, 8, 16, 17, 63, 64, 100, 101, 512, 1_024, 1_032, 4_096, u32::MAX])
                .prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
        ]
    }

    proptest! {
        /// Whatever stands in an assignment: it is named, or its units can be computed and paid.
        #[test]
        fn any_assignment_is_named_or_can_be_counted(
            width in number(), height in number(), steps in number(), count in number(), max_tokens in number(),
            guidance in any::<f32>(), strength in proptest::option::of(-1_f32..2.0), seed: u64, units: u64, role: u16,
            price: u128, texts in prop::collection::vec(".{0,9}", 0..4),
        ) {
            let guidance = if guidance.is_finite() { guidance } else { 0.0 };
            let image = json!({"kind": "image", "input": {
                "prompt": texts.concat(), "negative_prompt": "", "steps": steps, "guidance": guidance, "width": width,
                "height": height, "seed": seed, "count": count, "scheduler": null, "strength": strength,
            }});
            let text = json!({"kind": "text", "input": {
                "prompt": texts.concat(), "max_tokens": max_tokens, "temperature": guidance, "top_p": guidance,
                "seed": seed, "stop": texts,
            }});
            let embedding = json!({"kind": "embedding", "input": {"input": texts}});
            for value in [image, text, embedding] {
                let [mut job, ..] = of_each_kind();
                job.work = serde_json::from_value(value).unwrap();
                job.task.role = TaskRole::Shard(role);
                (job.terms.units, job.terms.unit_price) = (MicroUnits(units), Amount::from_atto(price));
                if job.broken_bounds().is_empty() {
                    prop_assert!(job.work.units().0 > 0 && job.work.units().0 <= WHOLE_NUMBER_MAX);
                    prop_assert!(price.checked_mul(units.into()).is_some());
                }
            }
        }
    }
}
