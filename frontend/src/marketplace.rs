//! Addresses of the marketplace's pages.

use shared::api::marketplace::OfferFilter;
use shared::job::JobKind;

use crate::format::percent_encoded;

/// The list of models.
pub const MODELS_PATH: &str = "/models";

/// The list of offers.
pub const OFFERS_PATH: &str = "/miners";

/// Offers that a page shows. The file of the same list has more.
pub const OFFERS_SHOWN_MAX: usize = 200;

/// Path of a model's page. Names may have slashes and colons.
pub fn model_path(kind: JobKind, model: &str) -> String {
    format!("{MODELS_PATH}/{}?kind={}", percent_encoded(model), kind.as_str())
}

/// `?kind=image&free=1`, or nothing where it filters nothing.
pub fn offers_query(filter: &OfferFilter) -> String {
    let parts: Vec<String> =
        filter.parts().into_iter().map(|(name, part)| format!("{name}={}", percent_encoded(&part))).collect();
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_slashes_stays_one_part_of_a_path() {
        assert_eq!(model_path(JobKind::Text, "hf.co/a b:1?x#y"), "/models/hf.co%2Fa%20b%3A1%3Fx%23y?kind=text");
        assert_eq!(model_path(JobKind::Image, "é"), "/models/%C3%A9?kind=image");
    }

    #[test]
    fn a_filter_that_filters_nothing_has_no_query() {
        let mut filter = OfferFilter::default();
        assert_eq!(offers_query(&filter), "");
        filter.gpu = Some("RTX & more".to_owned());
        filter.free = true;
        assert_eq!(offers_query(&filter), "?gpu=RTX%20%26%20more&free=1");
    }
}
