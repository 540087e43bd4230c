//! Small parts that pages and islands are made of. Each shows one sort of value, everywhere the same way.

pub mod canvas;
pub mod facts;
pub mod figures;
pub mod format;
pub mod icon;
pub mod identicon;
pub mod minted;
pub mod notice;
pub mod proof_line;
pub mod receipt_facts;
pub mod status;
pub mod tables;
pub mod value;
