//! Small parts that pages and islands are made of. Each shows one kind of value, everywhere the same way.

pub mod canvas;
pub mod chain_label;
pub mod facts;
pub mod figures;
pub mod icon;
pub mod identicon;
pub mod minted;
pub mod notice;
pub mod proof_line;
pub mod receipt_facts;
pub mod search_field;
pub mod status;
pub mod tables;
pub mod value;
