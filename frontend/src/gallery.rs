//! What the server's page of own jobs and the browser's script agree on: ids, attributes and a bound.

/// Id of the part of the page that shows the jobs of this browser.
pub const OWN_JOBS: &str = "own-jobs";

/// Id of the jobs themselves, in their order; part of [`OWN_JOBS`].
pub const GALLERY: &str = "gallery";

/// Ids of the form that orders them by meaning, of its field, and of what is said about it.
pub const SEARCH: &str = "meaning-search";
pub const SEARCH_FIELD: &str = "meaning";
pub const SEARCH_STATUS: &str = "meaning-status";

/// Attribute of the form: how far the search is.
pub const SEARCH_PHASE: &str = "data-phase";

/// Jobs that are remembered, newest first.
pub const REMEMBERED_MAX: usize = 50;
