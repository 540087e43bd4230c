//! Words of the design page.

pub const TITLE: &str = "Design";
pub const FACT: &str = "The parts every page is made of, in all their states.";
pub const COLOUR: &str = "Colour";
pub const TYPE: &str = "Type";
pub const PROOF: &str = "Proof line";
pub const VALUES: &str = "Values";
pub const STATES: &str = "States";
pub const FORMS: &str = "Forms";
pub const DATA: &str = "Data";
pub const MESSAGES: &str = "Messages";
pub const CANVAS: &str = "Canvas";
