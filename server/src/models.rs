//! Which models a job may name.

use std::collections::BTreeSet;

use hub::board::Board;
use shared::api::problem::FieldError;
use shared::job::JobKind;
use shared::job::request::{CreateJob, MODEL_NAME_MAX_CHARS};
use shared::model::own_model;
use store::StoreError;

use crate::app::App;
use crate::view;

/// Models that a refusal names.
const NAMED_MAX: usize = 10;

/// Why no job may name the request's model: no miner offers it for the kind, none did that was here before, and it is not
/// the product's own, which may come after its first job. `None` also for a name that is none by its length.
pub(crate) async fn refusal(app: &App, request: &CreateJob) -> Result<Option<FieldError>, StoreError> {
    let is_name = |model: &&str| (1..=MODEL_NAME_MAX_CHARS).contains(&model.chars().count());
    let (kind, Some(model)) = (request.kind, request.model.as_deref().filter(is_name)) else { return Ok(None) };
    let offered = offered(&app.hub.board(), kind);
    if model == own_model(kind) || offered.contains(model) {
        return Ok(None);
    }
    let was_here = view::known_offers(app).await?.iter().any(|offer| offer.kind == kind && offer.model == model);
    Ok((!was_here).then(|| FieldError::bound("model", bound(kind, &offered), model)))
}

/// The models that connected miners offer for a kind.
fn offered(board: &Board, kind: JobKind) -> BTreeSet<String> {
    view::offers(board).filter(|offer| offer.kind == kind).map(|offer| offer.model.clone()).collect()
}

fn bound(kind: JobKind, offered: &BTreeSet<String>) -> String {
    let kind_name = kind.as_str();
    if offered.is_empty() {
        return format!("`{}` while no miner offers another one for the kind `{kind_name}`", own_model(kind));
    }
    let named: Vec<String> = offered.iter().take(NAMED_MAX).map(|model| format!("`{model}`")).collect();
    let more = match offered.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("one of {}{more}, which miners offer for the kind `{kind_name}`", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_there_is_instead_but_not_without_end() {
        let bound_of =
            |count: usize| bound(JobKind::Image, &(0..count).map(|number| format!("m{number:02}")).collect());
        assert_eq!(bound_of(0), "`aitbc-scenes-1` while no miner offers another one for the kind `image`");
        assert_eq!(bound_of(2), "one of `m00`, `m01`, which miners offer for the kind `image`");
        assert!(bound_of(NAMED_MAX).contains("`m09`, which"), "{}", bound_of(NAMED_MAX));
        assert!(bound_of(NAMED_MAX + 3).contains("`m09` and 3 more, which"), "{}", bound_of(NAMED_MAX + 3));
    }
}
